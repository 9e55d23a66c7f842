"""What is frozen, adapted, recomputed and compiled; whole runs through files are at the end."""

import json
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn
from transformers import AutoModel

import isogloss
from isogloss.errors import UserError
from isogloss.runs import train as train_run
from isogloss.training import TrainSettings, fit
from isogloss.tuning import compiled, encoder_of, frozen, layers_of, low_rank, recomputed
from isogloss.understanding.filter import FilterForSequenceClassification

LAYERS = 4
SETTINGS = TrainSettings(updates=4, batch_size=4, learning_rate=1e-2, warmup=0, save_every=2, log_every=1)
architectures = pytest.mark.parametrize("architecture", ["xlm-roberta", "modernbert"])


@pytest.fixture
def make_network(make_encoder):
    """A function from an architecture to FILTER of three classes without dropout, the same weights every time."""

    def make(architecture="xlm-roberta"):
        torch.manual_seed(5)
        network = FilterForSequenceClassification.from_encoder(make_encoder(architecture), num_labels=3)
        for module in network.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        for config in (network.config, network.encoder.config):
            config.attention_probs_dropout_prob = config.attention_dropout = 0.0
        return network.train()

    return make


def pairs(count=4, source=7, translation=5):
    """A batch of pairs with padding on both sides."""
    draw = torch.Generator().manual_seed(count)
    batch = {}
    for name, length in (("", source), ("translation_", translation)):
        ids = torch.randint(5, 90, (count, length), generator=draw)
        mask = (torch.arange(length) < torch.tensor([length, *[length - 2] * (count - 1)])[:, None]).long()
        batch |= {f"{name}input_ids": ids, f"{name}attention_mask": mask}
    return batch | {"labels": torch.arange(count) % 3}


def loss_and_gradients(network, batch):
    network.zero_grad()
    loss = network(**batch).loss
    loss.backward()
    return loss.detach(), {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


def weights(network):
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}


def moved(before, network):
    """Names of the parameters that are not what they were."""
    return {name for name, parameter in network.named_parameters() if not torch.equal(before[name], parameter)}


@architectures
def test_computing_layers_again_changes_neither_loss_nor_gradients(make_network, architecture):
    network, calls = make_network(architecture), []
    linear = next(module for module in layers_of(network.encoder)[2].modules() if isinstance(module, nn.Linear))
    linear.register_forward_hook(lambda *_: calls.append(1))
    loss, gradients = loss_and_gradients(network, pairs())
    assert len(calls) == 1
    with recomputed(network):
        again, same = loss_and_gradients(network, pairs())
    assert len(calls) == 3
    torch.testing.assert_close(again, loss, rtol=0, atol=0)
    assert gradients.keys() == same.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(same[name], gradient, rtol=1e-5, atol=1e-7, msg=name)
    loss_and_gradients(network, pairs())
    assert len(calls) == 4


@pytest.fixture
def compiler(monkeypatch):
    """A function that sets what compiles the layers' graphs; the real one takes a minute and a C++ compiler."""
    torch_compile = torch.compile
    return lambda backend: monkeypatch.setattr(
        torch, "compile", lambda forward, dynamic: torch_compile(forward, dynamic=dynamic, backend=backend)
    )


@architectures
@pytest.mark.filterwarnings("ignore")  # within torch its compiler warns of itself
def test_compiled_layers_give_the_same_loss_and_gradients_at_any_length(make_network, compiler, architecture):
    compiler("eager")  # traced and guarded, but not lowered
    network = make_network(architecture)
    batches = [pairs(4, 7, 5), pairs(3, 12, 9)]
    plain = [loss_and_gradients(network, batch) for batch in batches]
    with compiled(network):
        assert all("forward" in vars(layer) for layer in layers_of(network.encoder))
        same = [loss_and_gradients(network, batch) for batch in batches]
    assert not any("forward" in vars(layer) for layer in layers_of(network.encoder))
    for (loss, gradients), (again, others) in zip(plain, same, strict=True):
        torch.testing.assert_close(again, loss, rtol=0, atol=1e-5)
        for name, gradient in gradients.items():
            torch.testing.assert_close(others[name], gradient, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.filterwarnings("ignore")  # within torch its compiler warns of itself
def test_a_compiler_that_does_not_work_is_one_line(make_network, compiler):
    def failing(graph, inputs):
        raise RuntimeError("no C++ compiler found\nin any of these places")

    compiler(failing)
    network = make_network()
    complaint = r"torch.compile does not work here \(.*no C\+\+ compiler.*leave compile out"
    with pytest.raises(UserError, match=complaint) as caught, compiled(network):
        loss_and_gradients(network, pairs())
    assert "\n" not in str(caught.value)
    loss_and_gradients(network, pairs())


@architectures
@pytest.mark.parametrize("count", [1, 3])
def test_the_embeddings_and_the_lowest_layers_get_no_gradient(make_network, architecture, count):
    network = make_network(architecture)
    layers = layers_of(network.encoder)
    assert len(layers) == LAYERS
    with frozen(network, count):
        _, gradients = loss_and_gradients(network, pairs())
    above = {id(parameter) for layer in layers[count:] for parameter in layer.parameters()}
    inside = {id(parameter) for layer in layers[:count] for parameter in layer.parameters()}
    inside |= {id(parameter) for parameter in network.encoder.embeddings.parameters()}
    for name, parameter in network.named_parameters():
        assert (id(parameter) in above) <= (name in gradients), name
        assert (id(parameter) in inside) <= (name not in gradients), name
        assert parameter.requires_grad
    assert inside and above


@architectures
@pytest.mark.parametrize("count", [-1, LAYERS])
def test_with_the_whole_encoder_frozen_only_the_head_learns(make_network, architecture, count):
    network = make_network(architecture)
    with frozen(network, count), recomputed(network):
        _, gradients = loss_and_gradients(network, pairs())
    assert gradients and all(name.startswith("output.") for name in gradients)


def test_more_frozen_layers_than_there_are_or_nothing_left_to_train_is_one_line(make_network):
    network = make_network()
    with pytest.raises(UserError, match="= 5, but this encoder has 4 layers; set it to 4 or less"), frozen(network, 5):
        pytest.fail("frozen")
    with pytest.raises(UserError, match="frozen_layers = -1 leaves nothing to train"), frozen(network.encoder, -1):
        pytest.fail("frozen")
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_a_network_without_a_library_encoder_cannot_be_frozen_in_part():
    with pytest.raises(UserError, match="are settings of a transformers encoder, and this method trains none"):
        encoder_of(nn.Linear(2, 2))


@architectures
def test_merged_adapters_give_the_logits_of_the_adapted_encoder(make_network, architecture):
    pytest.importorskip("peft")
    network = make_network(architecture)
    names, before = set(network.state_dict()), weights(network)
    batch = {name: value for name, value in pairs().items() if name != "labels"}
    plain = network(**batch).logits
    with low_rank(network, 4, 8.0):
        torch.testing.assert_close(network(**batch).logits, plain)  # an adapter is 0 at the start
        _, gradients = loss_and_gradients(network, pairs())
        assert all("lora_" in name or name.startswith("output.") for name in gradients)
        linear = [module for module in network.encoder.modules() if type(module) is nn.Linear]
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                if "lora_B" in name:
                    parameter.normal_(0, 0.1)
        adapted = network(**batch).logits
    assert set(network.state_dict()) == names
    assert (adapted - plain).abs().max() > 1e-3
    torch.testing.assert_close(network(**batch).logits, adapted, rtol=0, atol=1e-5)
    assert len(linear) > 2 * len(layers_of(network.encoder))
    embeddings = {name for name in names if "embeddings" in name}
    assert embeddings and not embeddings & moved(before, network)
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_adapters_without_their_package_name_it(make_network, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    complaint = r"lora_rank needs the package peft: pip install 'isogloss\[peft\]'"
    with pytest.raises(UserError, match=complaint), low_rank(make_network(), 4, 8.0):
        pytest.fail("adapted")


def toy_examples():
    """Twelve sentences whose class is their first token."""
    draw = torch.Generator().manual_seed(1)
    return [
        (str(i), torch.cat([torch.tensor([5 + i % 3]), torch.randint(20, 90, (4,), generator=draw)]), i % 3)
        for i in range(12)
    ]


def collate(rows):
    ids = torch.stack([ids for _, ids, _ in rows])
    return {
        "ids": [name for name, _, _ in rows],
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "labels": torch.tensor([label for _, _, label in rows]),
    }


def loss(network, batch):
    return network(batch["input_ids"], batch["attention_mask"], labels=batch["labels"]).loss


def train(folder, network, settings, loss=loss):
    return fit(
        network, toy_examples(), collate=collate, loss=loss, settings=settings, seed=7, folder=folder, title="toy"
    )


CHANGES = [{"frozen_layers": 2}, {"lora_rank": 4}, {"gradient_checkpointing": True}]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_a_training_learns_stops_and_goes_on_to_the_same_end(tmp_path, make_network, change):
    if "lora_rank" in change:
        pytest.importorskip("peft")
    settings = replace(SETTINGS, updates=30, save_every=10, **change)
    straight = make_network()
    before = weights(straight)
    report = train(tmp_path / "straight", straight, settings)
    assert report.curve[0][1] > 0.8 and report.loss < 0.2
    still = {name for name in before if "embeddings" in name}
    if "gradient_checkpointing" not in change:
        assert still and not still & moved(before, straight)
    assert {name for name in before if "output" in name} & moved(before, straight)
    calls = iter(range(1000))

    def stopping(network, batch):
        if next(calls) == 15:
            raise KeyboardInterrupt
        return loss(network, batch)

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "stopped", make_network(), settings, stopping)
    resumed = make_network()
    assert train(tmp_path / "stopped", resumed, settings).curve == report.curve
    again = make_network()
    train(tmp_path / "stopped", again, settings, lambda *_: pytest.fail("trained on"))  # it is finished
    for name, weight in straight.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], weight), name
        assert torch.equal(again.state_dict()[name], weight), name


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"frozen_layers": -2}, "frozen_layers = -2"),
        ({"lora_rank": -1}, "lora_rank = -1"),
        ({"lora_alpha": 0.0}, "lora_alpha = 0.0"),
        ({"frozen_layers": 2, "lora_rank": 4}, "leave frozen_layers out"),
        ({"compile": True, "gradient_checkpointing": True}, "choose one"),
    ],
)
def test_settings_that_cannot_be_are_one_line_before_anything_is_written(tmp_path, make_network, change, complaint):
    with pytest.raises(UserError, match=complaint):
        train(tmp_path / "run", make_network(), replace(SETTINGS, **change))
    assert not (tmp_path / "run").exists()


def test_a_run_with_adapters_is_an_ordinary_checkpoint_and_so_is_its_teacher(tmp_path, recipe, encoder_folder):
    pytest.importorskip("peft")
    run = train_run(recipe("classification", "filter_self_teaching", tmp_path / "run", lora_rank=2))
    pretrained = AutoModel.from_pretrained(encoder_folder, add_pooling_layer=False).state_dict()
    for folder in (run, run / "teacher"):
        assert json.loads((folder / "isogloss.json").read_text())["train"]["lora_rank"] == 2
        found, report = AutoModel.from_pretrained(folder, add_pooling_layer=False, output_loading_info=True)
        assert not report["missing_keys"]
        changed = {name for name, weight in found.state_dict().items() if not torch.equal(weight, pretrained[name])}
        assert changed and all("layer" in name and name.endswith("weight") for name in changed)
        assert isogloss.load(folder).predict([]) == []
