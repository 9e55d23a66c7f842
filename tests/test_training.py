"""The loop on a network of one layer; whole runs are in test_runs.py."""

import errno
import math
import shutil
from collections import namedtuple
from copy import deepcopy
from dataclasses import replace
from itertools import chain, count, repeat
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

from isogloss import losses, progress
from isogloss.checkpoints import COMPLETE, last_checkpoint, seconds_of
from isogloss.data.sampler import ByLength
from isogloss.encoders.models import EncoderForSequenceClassification
from isogloss.errors import UserError
from isogloss.training import TrainSettings, check_devices, check_settings, fit, reachable

SETTINGS = TrainSettings(
    updates=4, batch_size=4, learning_rate=0.1, schedule="constant", warmup=0, save_every=2, log_every=1
)
EXAMPLES = [(str(i), torch.randn(3, generator=torch.Generator().manual_seed(i)), i % 2) for i in range(12)]


def collate(rows):
    return {
        "ids": [name for name, _, _ in rows],
        "x": torch.stack([x for _, x, _ in rows]),
        "y": torch.tensor([y for _, _, y in rows]),
    }


def loss(network, batch):
    return F.cross_entropy(network(batch["x"]), batch["y"])


def linear():
    torch.manual_seed(0)
    return nn.Sequential(nn.Dropout(0.2), nn.Linear(3, 2))


def train(folder, settings=SETTINGS, network=None, examples=EXAMPLES, loss=loss, collate=collate, seed=7):
    """A trained network and its report."""
    network = network or linear()
    report = fit(
        network,
        examples,
        collate=collate,
        loss=loss,
        settings=settings,
        seed=seed,
        folder=folder,
        title="toy",
    )
    return network, report


def assert_same_weights(a, b):
    for (name, x), y in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
        assert torch.equal(x, y), name


def test_the_same_seed_gives_the_same_weights_and_losses_whatever_ran_before(tmp_path):
    a, first = train(tmp_path / "a")
    torch.randn(99)
    b, second = train(tmp_path / "b")
    assert_same_weights(a, b)
    assert first.curve == second.curve and len(first.curve) == first.updates == 4
    other, _ = train(tmp_path / "c", seed=8)
    assert not torch.equal(a[1].weight, other[1].weight)


@pytest.fixture
def classifier_examples():
    """Sixteen sentences of two to eight tokens with one of three classes."""
    draw = torch.Generator().manual_seed(1)
    rows = []
    for i in range(16):
        ids = torch.randint(5, 90, (2 + i % 7,), generator=draw)
        rows.append((str(i), ids, i % 3))
    return rows


def collate_padded(rows):
    ids = nn.utils.rnn.pad_sequence([ids for _, ids, _ in rows], batch_first=True, padding_value=1)
    return {
        "input_ids": ids,
        "attention_mask": (ids != 1).long(),
        "labels": torch.tensor([y for _, _, y in rows]),
    }


@pytest.mark.parametrize("updates", [1, 3])
def test_four_accumulation_steps_equal_one_batch_four_times_as_large(
    tmp_path, make_encoder, classifier_examples, updates
):
    """A library trap: without `accepts_loss_kwargs = False` loss and gradient come out four times too large."""
    found = {}
    for accumulate in (1, 4):
        encoder = make_encoder()
        for module in encoder.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        torch.manual_seed(2)
        network = EncoderForSequenceClassification(encoder, 3)
        network.output[0].p = network.output[3].p = 0.0
        encoder.config.attention_probs_dropout_prob = 0.0
        gradients = {}
        for name, parameter in network.named_parameters():
            parameter.register_post_accumulate_grad_hook(
                lambda p, name=name, g=gradients: g.update({name: p.grad.clone()})
            )
        settings = replace(SETTINGS, updates=updates, batch_size=16, accumulate=accumulate, learning_rate=1e-3)
        network, report = train(
            tmp_path / f"{updates}-{accumulate}",
            settings,
            network,
            classifier_examples,
            lambda network, batch: network(**batch).loss,
            collate_padded,
        )
        norm = torch.stack([gradient.norm() for gradient in gradients.values()]).norm()
        found[accumulate] = network, report, norm
    (whole, one, norm), (parts, four, norm_of_parts) = found[1], found[4]
    assert four.curve == [(step, pytest.approx(value, rel=1e-4)) for step, value in one.curve]
    if updates == 1:
        assert 0.3 * math.log(3) < one.loss < 5 * math.log(3)
        torch.testing.assert_close(norm_of_parts, norm, rtol=1e-3, atol=0)
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        # a gradient near 0 may differ by its own size, which AdamW makes a part of the learning rate
        torch.testing.assert_close(a, b, rtol=0, atol=1e-4 * updates)


def test_a_stopped_training_goes_on_where_it_was_and_ends_the_same(tmp_path):
    straight, report = train(tmp_path / "straight")
    stop_at = iter(range(100))

    def stopping(network, batch):
        if next(stop_at) == 3:
            raise KeyboardInterrupt
        return loss(network, batch)

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "stopped", loss=stopping)
    assert last_checkpoint(tmp_path / "stopped").name == "checkpoint-2"
    resumed, again = train(tmp_path / "stopped", network=nn.Sequential(nn.Dropout(0.2), nn.Linear(3, 2)))
    assert_same_weights(straight, resumed)
    assert (again.curve, again.loss, again.updates) == (report.curve, report.loss, report.updates)


class Rows:
    """Examples of one to seven tokens, and which of them were asked for one by one, as a loader does."""

    def __init__(self):
        self.asked = []
        draw = torch.Generator().manual_seed(5)
        self.rows = [(str(i), torch.randn(1 + i % 7, 3, generator=draw), i % 2) for i in range(90)]

    def __len__(self):
        return len(self.rows)

    def __iter__(self):
        return map(Row, self.rows)

    def __getitem__(self, i):
        self.asked.append(i)
        return Row(self.rows[i])


class Row(tuple):
    """A name, a text (S, 3) and a class."""

    def __len__(self):
        return len(self[1])


def collate_rows(rows):
    return {
        "ids": [row[0] for row in rows],
        "x": torch.stack([row[1].mean(0) for row in rows]),
        "y": torch.tensor([row[2] for row in rows]),
    }


IN_TOKENS = replace(SETTINGS, tokens_per_batch=40, updates=15)  # an epoch is nine or ten updates


@pytest.mark.parametrize("accumulate", [2, 3])
def test_batches_of_so_many_tokens_train_the_same_however_they_are_divided(tmp_path, accumulate):
    """Micro-batches have different numbers of examples; the loss is the mean over all examples of the update."""
    curves, networks = [], []
    for parts in (1, accumulate):
        network = linear()
        network[0].p = 0.0
        settings = replace(IN_TOKENS, accumulate=parts)
        network, report = train(tmp_path / str(parts), settings, network, Rows(), collate=collate_rows)
        curves.append([value for _, value in report.curve])
        networks.append(network)
    torch.testing.assert_close(curves[1], curves[0], rtol=0, atol=1e-4)  # logged with four digits
    torch.testing.assert_close(networks[1][1].weight, networks[0][1].weight, rtol=0, atol=1e-6)


@pytest.mark.parametrize("settings", [IN_TOKENS, replace(SETTINGS, updates=30, batch_size=6, accumulate=2)])
@pytest.mark.parametrize("stopped_at", [5, 13])
def test_a_stopped_training_reads_nothing_again_that_it_has_read(tmp_path, settings, stopped_at):
    """In the middle of the first epoch, and of the second."""
    settings = replace(settings, save_every=stopped_at)
    straight, again, reads = Rows(), Rows(), []

    def counting(network, batch):
        reads.append(len(straight.asked))
        return loss(network, batch)

    expected, report = train(tmp_path / "straight", settings, examples=straight, collate=collate_rows, loss=counting)

    def stopping(network, batch):
        if last_checkpoint(tmp_path / "run"):
            raise KeyboardInterrupt
        return loss(network, batch)

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", settings, examples=Rows(), collate=collate_rows, loss=stopping)
    fresh = nn.Sequential(nn.Dropout(0.2), nn.Linear(3, 2))
    resumed, end = train(tmp_path / "run", settings, fresh, again, collate=collate_rows)
    begin = reads[stopped_at * settings.accumulate - 1]
    assert 0 < begin < len(straight.asked)
    assert again.asked == straight.asked[begin:]
    assert_same_weights(expected, resumed)
    assert end.curve == report.curve


def test_a_training_that_was_finished_is_not_trained_on(tmp_path):
    network, report = train(tmp_path)

    def never(network, batch):
        raise AssertionError("trained on")

    again, second = train(tmp_path, loss=never, network=nn.Sequential(nn.Dropout(0.2), nn.Linear(3, 2)))
    assert_same_weights(network, again)
    assert second.curve == report.curve


def test_the_seconds_of_a_stopped_training_count_too(tmp_path):
    _, first = train(tmp_path)
    assert 0 < seconds_of(tmp_path / "checkpoint-2") <= seconds_of(tmp_path / "checkpoint-4") <= first.seconds + 0.1
    (tmp_path / "checkpoint-2" / COMPLETE).write_text("1000.0\n")
    (tmp_path / "checkpoint-4" / COMPLETE).unlink()
    _, resumed = train(tmp_path)
    assert 1000 < resumed.seconds < 1100
    assert train(tmp_path)[1].seconds == pytest.approx(resumed.seconds, abs=1)
    (tmp_path / "checkpoint-2" / COMPLETE).write_text("")  # as it was written before
    assert seconds_of(tmp_path / "checkpoint-2") == 0


def test_a_checkpoint_without_its_mark_is_not_used(tmp_path):
    straight, _ = train(tmp_path / "a")
    train(tmp_path / "b")
    newest = tmp_path / "b" / "checkpoint-4"
    (newest / COMPLETE).unlink()
    (newest / "model.safetensors").write_bytes(b"half of")
    assert last_checkpoint(tmp_path / "b").name == "checkpoint-2"
    resumed, report = train(tmp_path / "b")
    assert_same_weights(straight, resumed)
    assert report.updates == 4


@pytest.mark.parametrize("stopped", [False, True])
def test_the_weights_are_the_mean_of_the_last_checkpoints_after_a_resumed_training_too(tmp_path, stopped):
    settings = replace(SETTINGS, save_every=1, average=3)
    if stopped:
        reads = count()

        def stopping(network, batch):
            if next(reads) == 3:
                raise KeyboardInterrupt
            return loss(network, batch)

        with pytest.raises(KeyboardInterrupt):
            train(tmp_path, settings, loss=stopping)
    network, _ = train(tmp_path, settings)
    files = [tmp_path / f"checkpoint-{step}" / "model.safetensors" for step in (2, 3, 4)]
    states = [load_file(path) for path in files]
    for name, weights in network.named_parameters():
        each = [state[f"network.{name}"] for state in states]
        assert not torch.equal(each[0], each[2])
        torch.testing.assert_close(weights.detach(), sum(each) / 3)
    again, _ = train(tmp_path, settings)  # all updates were made
    assert_same_weights(network, again)


def test_a_mean_of_more_checkpoints_than_are_written_is_refused(tmp_path):
    with pytest.raises(UserError, match="average = 3, but 4 updates with a checkpoint every 2 leave 2; set save_every"):
        train(tmp_path, replace(SETTINGS, average=3))


class Tied(nn.Module):
    """A network whose first and last matrix are one."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
        self.last.weight = self.first.weight

    def forward(self, x):
        return self.last(torch.tanh(self.first(x)))


def test_a_network_with_one_matrix_in_two_places_is_kept_averaged_and_resumed(tmp_path):
    settings = replace(SETTINGS, save_every=1, average=2)
    straight, _ = train(tmp_path / "straight", settings, Tied())
    reads = count()

    def stopping(network, batch):
        if next(reads) == 2:
            raise KeyboardInterrupt
        return loss(network, batch)

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "stopped", settings, Tied(), loss=stopping)
    assert list(load_file(tmp_path / "stopped" / "checkpoint-1" / "model.safetensors")) == ["network.first.weight"]
    resumed, _ = train(tmp_path / "stopped", settings, Tied())
    assert_same_weights(straight, resumed)
    assert resumed.last.weight is resumed.first.weight


def test_two_checkpoints_are_kept(tmp_path):
    train(tmp_path, replace(SETTINGS, updates=5, save_every=1))
    assert sorted(path.name for path in tmp_path.glob("checkpoint-*")) == ["checkpoint-4", "checkpoint-5"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_and_names_the_batch(tmp_path, value):
    seen = []

    def breaking(network, batch):
        seen.append(batch["ids"])
        return loss(network, batch) * (value if len(seen) == 3 else 1)

    with pytest.raises(UserError, match=rf"^the loss became {value} at the batch with examples ") as caught:
        train(tmp_path, loss=breaking)
    assert all(name in str(caught.value) for name in seen[-1])
    assert last_checkpoint(tmp_path).name == "checkpoint-2"
    assert all(
        torch.isfinite(torch.load(path, weights_only=True)["state"][0]["exp_avg"]).all()
        for path in tmp_path.glob("checkpoint-2/optimizer.pt")
    )


def test_nothing_to_train_on_is_an_error(tmp_path):
    with pytest.raises(UserError, match=r"toy: there is nothing to train on \(0 examples\)"):
        train(tmp_path, examples=[])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            {"batch_size": 6, "accumulate": 4},
            "batch_size 6 cannot be divided over 1 processes x 4 micro-batches",
        ),
        ({"batch_size": 0}, "batch_size = 0: set it to 1 or more"),
        ({"accumulate": 0}, "accumulate = 0: set it to 1 or more"),
        ({"tokens_per_batch": -1}, "tokens_per_batch = -1: set it to 0 or more"),
        ({"tokens_per_batch": 2}, "tokens_per_batch = 2: example 0 has 3 tokens on all its sides; set it to 3 or more"),
        ({"tokens_per_batch": 8, "accumulate": 3}, "8; 2 for each over 1 processes x 3 micro-batches"),
        ({"updates": 0}, "updates = 0 and no epochs"),
        ({"updates": -3}, "updates = -3 and no epochs"),
        ({"epochs": -1.0}, "epochs = -1.0: set it to 0 or more"),
        ({"warmup": 500.0}, "warmup = 500.0 is a share of the updates"),
        ({"schedule": "linaer"}, "no schedule 'linaer'; did you mean linear"),
    ],
)
def test_settings_out_of_range_are_one_line_before_anything_is_written(tmp_path, change, complaint):
    with pytest.raises(UserError, match=complaint) as caught:
        train(tmp_path / "run", replace(SETTINGS, **change))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_batch_is_divided_over_processes():
    check_settings(replace(SETTINGS, batch_size=8, accumulate=2), processes=4)
    with pytest.raises(UserError, match="cannot be divided over 3 processes"):
        check_settings(SETTINGS, processes=3)


def test_several_gpus_need_several_processes():
    for processes, gpus in ((1, 0), (1, 1), (4, 4), (2, 8)):
        check_devices(processes, gpus)
    with pytest.raises(UserError, match="sees 4 GPUs; start one process for each .torchrun --nproc-per-node 4"):
        check_devices(1, 4)


@pytest.mark.parametrize(("epochs", "updates"), [(1.0, 3), (2.0, 6), (0.01, 1)])
def test_epochs_take_the_place_of_updates(tmp_path, epochs, updates):
    assert train(tmp_path, replace(SETTINGS, epochs=epochs))[1].updates == updates


def test_epochs_of_so_many_tokens_count_the_updates_of_the_first(tmp_path):
    settings = replace(IN_TOKENS, epochs=2.0)
    updates = len(ByLength([len(row) for row in Rows()], 7, tokens=40).epoch(0))
    assert 90 * 4 / 40 <= updates <= 10
    assert train(tmp_path, settings, examples=Rows(), collate=collate_rows)[1].updates == 2 * updates


def test_tokens_take_the_place_of_a_number_of_examples(tmp_path, capsys):
    check_settings(replace(IN_TOKENS, batch_size=7, accumulate=2), processes=1)  # which is not read
    read = []

    def counting(rows):
        read.append(sum(map(len, rows)))
        return collate_rows(rows)

    train(tmp_path, IN_TOKENS, examples=Rows(), collate=counting)
    assert "toy: 15 updates x up to 40 tokens, float32" in capsys.readouterr().err
    assert len(read) == 15 and all(33 < tokens <= 40 for tokens in read)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write to .*file/run: .*; choose another --output") as caught:
        train(tmp_path / "file" / "run")
    assert "\n" not in str(caught.value)


def test_a_disk_without_room_for_the_checkpoints_is_noticed_before_training(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 5, 100))
    with pytest.raises(UserError, match=r"has 0 MB free, training needs \d+ MB for checkpoints"):
        train(tmp_path, loss=lambda *_: pytest.fail("trained"))


@pytest.mark.parametrize(
    "failure",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 16832 vs 16724"),
    ],
)
def test_a_disk_that_fills_up_keeps_the_last_good_checkpoint(tmp_path, monkeypatch, failure):
    straight, _ = train(tmp_path / "straight")
    save, calls = torch.save, []

    def failing(content, file, *args, **kwargs):
        calls.append(file)
        if "checkpoint-4" in str(file):
            raise failure
        save(content, file, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", failing)
        with pytest.raises(
            UserError, match=r"failed \(\d+ MB free\): .*the last good checkpoint is .*checkpoint-2; make room"
        ) as caught:
            train(tmp_path / "run")
    assert calls and "\n" not in str(caught.value)
    resumed, _ = train(tmp_path / "run")
    assert_same_weights(straight, resumed)


def test_an_error_of_the_method_itself_is_not_taken_for_a_full_disk(tmp_path):
    def wrong(network, batch):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        train(tmp_path, loss=wrong)


def test_progress_goes_to_standard_error_and_says_what_is_trained(tmp_path, capsys):
    train(tmp_path)
    out, err = capsys.readouterr()
    assert out == ""
    first, *_, last = err.splitlines()
    assert first == "toy: 4 updates x 4 examples, float32, 1 process on cpu"
    assert last.startswith("toy: 4/4 updates, loss ") and last.endswith("0:00 left")
    (tmp_path / "checkpoint-4" / COMPLETE).unlink()
    train(tmp_path)
    assert ", resuming at update 2" in capsys.readouterr().err
    train(tmp_path)
    assert capsys.readouterr().err == "toy: all 4 updates were made before\n"


def masked(rows):
    """A batch with the attention masks of two sides: i + 1 tokens of example i, and two of its translation."""
    lengths = torch.tensor([int(name) + 1 for name, _, _ in rows])
    mask = torch.arange(12) < lengths[:, None]
    return collate(rows) | {"attention_mask": mask, "translation_attention_mask": [torch.ones(len(rows), 2)]}


@pytest.mark.parametrize("change", [{}, {"accumulate": 2}, {"workers": 2}], ids=str)
def test_examples_and_real_tokens_of_all_sides_are_counted_per_second(tmp_path, capsys, monkeypatch, change):
    ticks = chain([0.0], repeat(2.0))
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    _, report = train(tmp_path, replace(SETTINGS, updates=3, **change), collate=masked)
    tokens = sum(range(1, 13)) + 12 * 2
    assert (report.examples_per_second, report.tokens_per_second) == (6.0, tokens / 2)
    assert f", 6 examples/s, {tokens / 2:.0f} tokens/s, 0:00 left" in capsys.readouterr().err


@pytest.mark.parametrize(
    "failure",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: 8 bytes"),
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_memory_that_runs_out_names_the_setting_that_halves_it_and_the_run_goes_on_with_it(tmp_path, failure):
    calls = count()

    def failing(network, batch):
        if next(calls) == 3:
            raise failure
        return loss(network, batch)

    still = nn.Sequential(nn.Dropout(0), nn.Linear(3, 2))
    straight, report = train(tmp_path / "straight", network=deepcopy(still))
    with pytest.raises(UserError, match=r"^out of memory: accumulate=2 halves .*\(4 examples\); grad.*-2; ") as caught:
        train(tmp_path / "run", network=deepcopy(still), loss=failing)
    assert "\n" not in str(caught.value)
    resumed, again = train(tmp_path / "run", replace(SETTINGS, accumulate=2), deepcopy(still))
    assert again.curve == [(step, pytest.approx(value, abs=1e-6)) for step, value in report.curve]
    for a, b in zip(straight.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_layer_norms_and_losses_stay_in_float32_under_bfloat16(tmp_path, make_encoder, classifier_examples):
    found = {}
    for bf16 in (False, True):
        torch.manual_seed(2)
        network, kinds = EncoderForSequenceClassification(make_encoder(), 3), {"norm": set(), "linear": set()}
        for module in network.modules():
            kind = "norm" if isinstance(module, nn.LayerNorm) else "linear" if isinstance(module, nn.Linear) else None
            if kind:
                module.register_forward_hook(lambda _, __, out, seen=kinds[kind]: seen.add(out.dtype))
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        settings = replace(SETTINGS, updates=2, batch_size=8, learning_rate=1e-3, bf16=bf16)
        values = []

        def float_loss(network, batch, values=values):
            values.append(network(**batch).loss)
            return values[-1]

        _, report = train(tmp_path / str(bf16), settings, network, classifier_examples, float_loss, collate_padded)
        assert kinds["norm"] == {torch.float32} and {value.dtype for value in values} == {torch.float32}
        assert kinds["linear"] == ({torch.bfloat16} if bf16 else {torch.float32})
        assert all(parameter.dtype == torch.float32 for parameter in network.parameters())
        found[bf16] = report.curve
    assert found[True] == [(step, pytest.approx(value, rel=2e-2)) for step, value in found[False]]
    assert found[True] != found[False]


def test_the_optimiser_is_the_fused_adamw(tmp_path, monkeypatch):
    seen = []
    step = torch.optim.AdamW.step
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self, *args: seen.append(self) or step(self, *args))
    train(tmp_path)
    assert seen and all(group["fused"] for optimiser in seen for group in optimiser.param_groups)


def test_a_batch_without_any_label_costs_nothing_and_trains_on(tmp_path):
    def ignoring(network, batch):
        return losses.cross_entropy(network(batch["x"]), torch.full_like(batch["y"], losses.IGNORED))

    before = linear()
    network, report = train(tmp_path, loss=ignoring)
    assert report.loss == 0
    assert_same_weights(before, network)


def test_what_the_updates_can_read_is_everything_or_a_part_drawn_by_the_seed():
    few, examples = TrainSettings(updates=3, batch_size=4), list(range(50))
    assert reachable(examples, TrainSettings(updates=13, batch_size=4), 1) == examples
    assert reachable(examples, TrainSettings(updates=3, batch_size=4, epochs=1), 1) == examples
    part = reachable(examples, few, 1)
    assert len(set(part)) == 12
    assert part == reachable(examples, few, 1) != reachable(examples, few, 2)


def test_what_updates_of_so_many_tokens_can_read_is_as_many_tokens(tmp_path):
    rows, few = list(Rows()), replace(IN_TOKENS, updates=4)
    assert reachable(rows, replace(few, updates=9), 1) == reachable(rows, replace(few, epochs=1), 1) == rows
    part = reachable(rows, few, 1)
    assert 4 * 40 <= sum(map(len, part)) < 4 * 40 + 7
    assert len(ByLength([len(row) for row in part], 1, tokens=40).epoch(0)) >= 4  # none is read twice before others
