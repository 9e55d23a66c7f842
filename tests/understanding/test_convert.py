"""Published checkpoints become runs that load, predict and evaluate; runs become published folders again."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from isogloss.data.task_data import read_split
from isogloss.errors import UserError
from isogloss.evaluation.evaluate import check_labels, evaluate
from isogloss.runs import load
from isogloss.tasks import load_task
from isogloss.understanding import published
from isogloss.understanding.convert import CLASSES, convert, labels_of

TASKS = {"classification": "sample_intent", "tagging": "sample_slots", "question_answering": "sample_answers"}


@pytest.fixture
def checkpoint(make_encoder, tokenizer, tmp_path):
    """A function from a kind to a published folder with a random model of the right head."""

    def make(kind, labels=None):
        torch.manual_seed(0)
        count = len(labels or load_task(TASKS[kind]).labels) or 2
        model = CLASSES[kind].from_encoder(make_encoder("xlm-roberta"), num_labels=count, fusion_layers=2)
        if labels:
            model.config.id2label = dict(enumerate(labels))
        folder = tmp_path / "published"
        published.save(model, folder)
        tokenizer.save_pretrained(folder)
        return folder

    return make


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Windows as short as the tiny encoders' positions."""
    from isogloss.understanding import convert as module

    lengths = {kind: replace(each, max_length=120, max_question=32) for kind, each in module.LENGTHS.items()}
    monkeypatch.setattr(module, "LENGTHS", lengths)


@pytest.mark.parametrize("kind", TASKS)
def test_a_published_checkpoint_becomes_a_run_and_a_published_checkpoint_again(checkpoint, tmp_path, kind):
    folder = checkpoint(kind)
    run = convert(folder, tmp_path / "run", TASKS[kind])
    predictor = load(run)
    assert predictor.manifest["features"]["released"]
    assert (predictor.manifest["config"]["local_layers"], predictor.manifest["config"]["fusion_layers"]) == (1, 2)
    result = evaluate(run, languages="de,zh", items=3)
    assert set(result.languages) == {"de", "zh"}
    back = convert(run, tmp_path / "back")
    before, after = (load_file(each / "model.safetensors") for each in (folder, back))
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)


def test_labels_are_the_checkpoint_s_in_its_order(checkpoint, tmp_path):
    labels = load_task("sample_slots").labels[::-1]
    run = convert(checkpoint("tagging", labels), tmp_path / "run", "sample_slots")
    assert tuple(json.loads((run / "isogloss.json").read_text())["labels"]) == labels


def write_labels(folder, labels, end="\n"):
    (folder / "labels.txt").write_bytes("".join(label + end for label in labels).encode("utf-8-sig"))


def nameless(folder):
    """The folder, its labels called LABEL_0, LABEL_1 ..., as in released code that was not told them."""
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = {number: f"LABEL_{number}" for number in config["id2label"]}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_labels_without_names_are_in_the_order_of_labels_txt(checkpoint, tmp_path):
    labels = load_task("sample_slots").labels[::-1]
    named = load(convert(checkpoint("tagging", labels), tmp_path / "named", "sample_slots"))
    folder = nameless(checkpoint("tagging", labels))
    declared = load(convert(folder, tmp_path / "declared", "sample_slots"))
    write_labels(folder, labels, end="\r\n")
    listed = load(convert(folder, tmp_path / "listed", "sample_slots"))
    assert listed.task.labels == labels
    records = read_split(load_task("sample_slots"), None, "test", ["de"])["de"][:3]
    tags = [[each.tags for each in run.predict(records)] for run in (named, listed, declared)]
    assert tags[0] == tags[1] != tags[2]


@pytest.mark.parametrize("listed", [True, False])
def test_a_published_tagger_of_parts_of_speech_may_have_an_outside_tag(checkpoint, tmp_path, listed):
    task = load_task("udpos")
    folder = checkpoint("tagging", ("O", *task.labels))
    if listed:
        write_labels(nameless(folder), task.labels)  # the released code puts O before them
    run = load(convert(folder, tmp_path / "run", "udpos"))
    assert run.task.labels == ("O", *task.labels)
    check_labels(run, task)
    with pytest.raises(UserError, match="the run alone has ADJ, ADP"):
        check_labels(run, load_task("panx"))


def test_labels_in_two_orders_or_of_another_number_are_one_line(checkpoint, tmp_path):
    folder, labels = checkpoint("tagging"), load_task("sample_slots").labels
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"id2label": dict(enumerate(labels))}))
    write_labels(folder, labels[::-1])
    with pytest.raises(UserError, match="config.json and labels.txt have the labels in two orders"):
        convert(folder, tmp_path / "run", "sample_slots")
    write_labels(folder, labels[:-1])
    with pytest.raises(UserError, match=f"labels.txt: {len(labels) - 1} labels where the head has {len(labels)} out"):
        convert(folder, tmp_path / "run", "sample_slots")
    write_labels(folder, labels)
    assert load(convert(folder, tmp_path / "run", "sample_slots")).task.labels == labels


@pytest.mark.parametrize("content", [b'{"filter_m": 1,', b"\xff\xfe{", b"[]", b'{"hidden_size": 16}'])
def test_a_damaged_configuration_is_one_line(checkpoint, tmp_path, content):
    folder = checkpoint("classification")
    (folder / "config.json").write_bytes(content)
    with pytest.raises(UserError, match="config.json is (damaged|no configuration of a published FILTER)") as caught:
        convert(folder, tmp_path / "run", "sample_intent")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "task", "complaint"),
    [
        ("tagging", "sample_intent", "is a FilterForTokenClassification, task 'sample_intent' needs a FilterForSeq"),
        ("classification", None, "name its task with --task"),
        ("classification", "parallel_text", "which FILTER has no head for"),
        ("classification", "sample_intnt", "did you mean sample_intent"),
    ],
)
def test_a_task_that_does_not_fit_is_one_line(checkpoint, tmp_path, kind, task, complaint):
    with pytest.raises(UserError, match=complaint) as caught:
        convert(checkpoint(kind), tmp_path / "run", task)
    assert "\n" not in str(caught.value) and not (tmp_path / "run").exists()


def test_other_labels_than_the_task_s_are_an_error(checkpoint):
    network = published.load(folder := checkpoint("tagging", ("O", "B-x", "I-x")))
    with pytest.raises(UserError, match="has 3 labels .O, B-x, I-x ...., task 'sample_slots'"):
        labels_of(network, load_task("sample_slots"), folder)


def test_a_folder_without_a_tokenizer_asks_for_one(checkpoint, tokenizer, tmp_path):
    folder = checkpoint("classification")
    for file in folder.glob("token*"):
        file.unlink()
    with pytest.raises(UserError, match="name the one it was trained with by --tokenizer"):
        convert(folder, tmp_path / "run", "sample_intent")
    tokenizer.save_pretrained(tmp_path / "words")
    (tmp_path / "words" / "config.json").write_text((folder / "config.json").read_text())
    assert convert(folder, tmp_path / "run", "sample_intent", str(tmp_path / "words")) == tmp_path / "run"


def test_nothing_is_overwritten(checkpoint, tmp_path):
    folder = checkpoint("classification")
    run = convert(folder, tmp_path / "run", "sample_intent")
    with pytest.raises(UserError, match="holds a finished run"):
        convert(folder, run, "sample_intent")
    with pytest.raises(UserError, match="is not empty"):
        convert(run, folder)


def test_a_run_of_another_method_has_no_published_layout(trained, tmp_path):
    with pytest.raises(UserError, match="only FILTER's runs have the published layout"):
        convert(trained("classification", "zero_shot"), tmp_path / "out")
