"""Whole runs: trained, stopped, killed, resumed, loaded."""

import signal
import time
from dataclasses import replace

import forks
import pytest
import torch
from conftest import KINDS as KINDS_OF
from conftest import METHODS, TRAIN
from helpers import Stopped
from safetensors.torch import load_file

import isogloss.runs as runs
from isogloss.checkpoints import COMPLETE
from isogloss.data.ragged import load_ragged
from isogloss.errors import UserError
from isogloss.records import Sentence
from isogloss.run_folder import read_manifest
from isogloss.runs import load, train
from isogloss.training import fit
from isogloss.understanding import filter as filter_method

ROWS = ("zero_shot", "translate_train", "translate_test", "filter", "filter_self_teaching")
KINDS = ("classification", "tagging", "question_answering")


def weights(run):
    return load_file(run / "model.safetensors")


def assert_same_weights(a, b):
    first, second = weights(a), weights(b)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def assert_same_training(a, b):
    assert_same_weights(a, b)
    first, second = read_manifest(a), read_manifest(b)
    assert (first["loss"], first["loss_curve"]) == (second["loss"], second["loss_curve"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("row", ROWS)
def test_a_run_is_an_ordinary_model_folder_with_a_record_of_what_made_it(trained, kind, row):
    folder = trained(kind, row)
    names = {path.name for path in folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md", "isogloss.json"} <= names
    assert not names & {"checkpoints", "recipe.json"}
    manifest = read_manifest(folder)
    assert manifest["updates"] == 4
    assert len(manifest["sanity"]) == 3
    assert manifest["loss"] == manifest["loss"] < 20


@pytest.mark.parametrize("kind", KINDS)
def test_the_labels_of_the_task_are_in_the_configuration_for_other_readers(trained, kind):
    from transformers import AutoConfig

    folder = trained(kind, "zero_shot")
    labels = read_manifest(folder)["labels"]
    config = AutoConfig.from_pretrained(folder)
    assert list(config.id2label.values()) == (labels or ["LABEL_0", "LABEL_1"])
    assert config.num_labels == len(labels or "ab")


def test_the_same_recipe_gives_the_same_weights(recipe, trained, tmp_path):
    again = train(recipe("classification", "filter", tmp_path / "again"))
    assert_same_training(again, trained("classification", "filter"))


def test_another_seed_gives_other_weights(recipe, trained, tmp_path):
    other = train(replace(recipe("classification", "filter", tmp_path / "other"), seed=2))
    assert not torch.equal(
        weights(other)["output.1.weight"], weights(trained("classification", "filter"))["output.1.weight"]
    )


def killed_after_a_checkpoint(words, folder):
    """Start a command, and kill it without warning once its first checkpoint is complete."""
    streams = folder.with_name("streams")
    process, limit = forks.start(words, streams), time.monotonic() + 240
    while not list(folder.glob(f"checkpoints/checkpoint-*/{COMPLETE}")):
        if not process.is_alive() or time.monotonic() > limit:
            process.kill()
            pytest.fail(f"ended before it could be killed: {streams.with_suffix('.err').read_text()}")
        time.sleep(0.005)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("batches", [["batch_size=4"], ["tokens_per_batch=96", "workers=2"]])
def test_a_killed_run_resumes_by_the_same_command_and_ends_bit_equal(command, data, encoder_folder, tmp_path, batches):
    words = ["train", "--method", "filter", "--task", "sib200", "--data", data, "--encoder", encoder_folder]
    words += ["--languages", "en,de"]
    for setting in (
        "updates=60",
        "save_every=5",
        *batches,
        "learning_rate=1e-3",
        "log_every=1",
        "max_length=32",
    ):
        words += ["--set", setting]
    killed, straight = tmp_path / "killed", tmp_path / "straight"
    killed_after_a_checkpoint([*words, "--output", killed], killed)
    with pytest.raises(UserError, match="is an unfinished run; give its train command again"):
        load(killed)
    outcome = command(*words, "--output", killed)
    assert outcome.code == 0 and "resuming at update" in outcome.err
    assert outcome.out == f"{killed}\n"
    assert command(*words, "--output", straight).code == 0
    assert_same_training(killed, straight)


@pytest.fixture
def counted_fits(monkeypatch):
    """The titles of all trainings."""
    titles = []

    def counting(*args, **kwargs):
        titles.append(kwargs["folder"].parent.name)
        return fit(*args, **kwargs)

    monkeypatch.setattr(runs, "fit", counting)
    return titles


@pytest.mark.parametrize("kind", KINDS)
def test_self_teaching_stopped_between_its_phases_does_not_train_the_teacher_again(
    kind, recipe, trained, tmp_path, monkeypatch, counted_fits
):
    def stop(*_):
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(filter_method, "save_ragged", stop)
        with pytest.raises(Stopped):
            train(recipe(kind, "filter_self_teaching", tmp_path / "run"))
    assert counted_fits == ["teacher"]
    assert read_manifest(tmp_path / "run" / "teacher")["config"]["self_teaching"] == 0
    train(recipe(kind, "filter_self_teaching", tmp_path / "run"))
    assert counted_fits == ["teacher", "run"]
    assert_same_training(tmp_path / "run", trained(kind, "filter_self_teaching"))


def test_self_teaching_stopped_in_its_second_phase_keeps_the_teacher_and_its_logits(
    recipe, trained, tmp_path, monkeypatch, counted_fits
):
    calls, pair_loss = iter(range(9)), filter_method.pair_loss

    def stop_in_phase_two(network, batch, **settings):
        if "teacher_logits" in batch and next(calls) == 3:
            raise Stopped
        return pair_loss(network, batch, **settings)

    made = recipe("classification", "filter_self_teaching", tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(filter_method, "pair_loss", stop_in_phase_two)
        with pytest.raises(Stopped):
            train(made)
    logits = tmp_path / "run" / "teacher" / "logits.safetensors"
    written = logits.stat().st_mtime_ns
    train(made)
    assert logits.stat().st_mtime_ns == written
    assert counted_fits == ["teacher", "run", "run"]
    assert_same_training(tmp_path / "run", trained("classification", "filter_self_teaching"))


def test_the_teacher_is_the_first_phase_alone(trained):
    teacher = read_manifest(trained("classification", "filter_self_teaching") / "teacher")
    phase_one = read_manifest(trained("classification", "filter"))
    assert teacher["loss_curve"] == phase_one["loss_curve"]


def test_teacher_logits_are_kept_for_every_pair_that_the_student_can_read(trained):
    run = trained("classification", "filter_self_teaching")
    logits = load_ragged(run / "teacher" / "logits.safetensors")
    settings = read_manifest(run)["train"]
    assert set(logits) < {f"{tag}/{i}/0" for tag in ("en", "de") for i in range(1, 13)}
    assert len(logits) == settings["updates"] * settings["batch_size"]
    assert all(row.shape == (7,) for row in logits.values())


def test_damaged_teacher_logits_stop_with_one_line(recipe, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise Stopped

    made = recipe("classification", "filter_self_teaching", tmp_path / "run")
    first_fit_only = iter([fit, stop])
    with monkeypatch.context() as patch:
        patch.setattr(runs, "fit", lambda *args, **kwargs: next(first_fit_only)(*args, **kwargs))  # noqa: PLW0108
        with pytest.raises(Stopped):
            train(made)
    path = tmp_path / "run" / "teacher" / "logits.safetensors"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(
        UserError, match="logits.safetensors is not a complete file of teacher logits .* delete it and run"
    ):
        train(made)
    path.unlink()
    train(made)


def test_a_run_that_could_not_be_written_at_the_end_is_finished_by_the_same_command(
    recipe, trained, tmp_path, monkeypatch
):
    made = recipe("classification", "filter", tmp_path / "run")

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(filter_method.FilterForSequenceClassification, "save_pretrained", full)
        with pytest.raises(
            UserError, match="writing the run to .* failed: .*No space left on device; what was trained is"
        ):
            train(made)
    assert (tmp_path / "run" / "checkpoints" / "checkpoint-4" / COMPLETE).is_file()
    train(made)
    assert_same_training(tmp_path / "run", trained("classification", "filter"))


@pytest.mark.parametrize(
    ("kind", "row", "alone", "launcher"),
    [
        ("classification", "filter", {}, "accelerate"),
        ("question_answering", "filter_self_teaching", {}, "torchrun"),
        # a mean over tokens is taken in each micro-batch, so the one process needs the same micro-batches
        ("tagging", "filter", {"accumulate": 2}, None),
    ],
)
def test_two_processes_train_what_one_trains(
    recipe, make_encoder, tokenizer, data, tmp_path, two_processes, kind, row, alone, launcher
):
    encoder = make_encoder()  # without dropout, whose noise differs between processes
    encoder.config.hidden_dropout_prob = encoder.config.attention_probs_dropout_prob = 0.0
    encoder.save_pretrained(tmp_path / "encoder")
    tokenizer.save_pretrained(tmp_path / "encoder")
    settings = {"updates": 8}  # beyond an epoch, whose last batch has to be filled up
    one = replace(recipe(kind, row, tmp_path / "one", **settings, **alone), encoder=str(tmp_path / "encoder"))
    train(one)
    words = ["train", "--method", "filter", "--task", one.task, "--languages", ",".join(one.languages)]
    words += ["--data", data, "--encoder", one.encoder, "--output", tmp_path / "two"]
    settings = KINDS_OF[kind]["lengths"] | METHODS[row][1] | TRAIN | settings
    words += [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    outcome = two_processes(*words, launcher=launcher)
    assert outcome.code == 0, outcome.err
    assert outcome.out == f"{tmp_path / 'two'}\n"
    trainings = 2 if row == "filter_self_teaching" else 1
    assert outcome.err.count("2 processes on cpu") == trainings
    curves = [read_manifest(tmp_path / name)["loss_curve"] for name in ("one", "two")]
    assert [step for step, _ in curves[0]] == list(range(1, 9))
    assert curves[1] == [[step, pytest.approx(loss, abs=1e-5)] for step, loss in curves[0]]
    first, second = weights(tmp_path / "one"), weights(tmp_path / "two")
    # softmax does not see the biases of keys and of answers: their gradients are rounding, of which Adam makes steps
    for name in (name for name in first if first[name].ndim == 2):
        torch.testing.assert_close(first[name], second[name], rtol=0, atol=1e-4)


def test_a_max_length_beyond_the_encoder_is_refused_with_its_limit(recipe, tmp_path):
    made = recipe("classification", "zero_shot", tmp_path / "run")
    with pytest.raises(
        UserError, match=r"max_length 400 is more than encoder .* reads \(128 tokens\); set max_length=128"
    ):
        train(replace(made, lengths=replace(made.lengths, max_length=400)))


def test_a_predictor_answers_from_python(trained):
    import isogloss

    predictor = isogloss.load(trained("classification", "filter"))
    english = Sentence(id="1", language="en", text="The team is big.")
    records = [
        Sentence(id="1", language="de", text="Ich sah Mannschaft heute.", translations=(english,)),
        Sentence(id="2", language="sw", text="timu"),
    ]
    found = predictor.predict(records)
    assert [(each.id, each.language) for each in found] == [("1", "de"), ("2", "sw")]
    assert all(sum(each.probabilities.values()) == pytest.approx(1, abs=1e-4) for each in found)


def test_texts_that_are_cut_are_counted_when_training_and_predicting(recipe, tmp_path, capsys):
    made = recipe("classification", "zero_shot", tmp_path / "run")
    train(replace(made, lengths=replace(made.lengths, max_length=8)))
    assert "texts are longer than max_length and are cut at the end" in capsys.readouterr().err
    predictor = load(tmp_path / "run")
    predictor.predict([Sentence(id="1", language="en", text="hotel " * 30)])
    assert "1 texts are longer than max_length" in capsys.readouterr().err
