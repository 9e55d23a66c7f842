"""Every mistake a user can make: one line on standard error, exit code 1, nothing lost."""

import json
from pathlib import Path

import pytest
import torch
from helpers import assert_one_line, edit, edited, rewritten
from safetensors.torch import load_file, save_file

from isogloss.encoders.models import EncoderForSequenceClassification
from isogloss.understanding import filter as filter_method


def snapshot(folder: Path):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def train_words(data, encoder, output, task="sib200", method="filter", languages="en,de"):
    words = ["train", "--method", method, "--task", task, "--data", data, "--encoder", encoder]
    words += ["--languages", languages, "--output", output]
    for setting in ("updates=2", "batch_size=4", "max_length=64", "max_question=16"):
        words += ["--set", setting]
    return words


SIB, XQUAD, XSID = "sib200/deu_Latn/train.tsv", "xquad/xquad.de.json", "xsid/train.da-mt.label"
HEADER = b"index_id\tcategory\ttext\n"
DAMAGES = {
    "a missing file": ("sib200", lambda data: (data / SIB).unlink(), "no such file; the folder holds"),
    "a missing folder": ("sib200", lambda data: (data / SIB).parent.rename(data / "elsewhere"), "no such file"),
    "a missing column": (
        "sib200",
        edited(SIB, "category", "topic"),
        "no column 'category'; the columns are index_id, topic, text",
    ),
    "a row too short": ("sib200", edited(SIB, "\ttravel\t", "\ttravel "), "2 columns where 3 were expected"),
    "an empty split": ("sib200", rewritten(SIB, HEADER), "the file is empty"),
    "an empty file": ("sib200", rewritten(SIB, b""), "no column 'index_id'; the columns are none"),
    "an unknown label": (
        "sib200",
        edited(SIB, "\ttravel\t", "\ttravle\t"),
        "the unknown label 'travle'; did you mean travel?",
    ),
    "rows that do not line up": (
        "sib200",
        edited(SIB, "\n3\t", "\n33\t"),
        "de has 1 of 12 items without an English side, ids '33'",
    ),
    "duplicate ids": ("sib200", edited(SIB, "\n3\t", "\n2\t"), "duplicate ids '2'"),
    "an empty text": ("sib200", edited(SIB, "Da ist Tor jetzt.", " "), "item '2' has an empty text"),
    "text that is not UTF-8": ("sib200", rewritten(SIB, HEADER + b"1\ttravel\t\xff\n"), "byte 0xff is not UTF-8"),
    "an answer that is elsewhere": (
        "xquad_third",
        edited(XQUAD, '"answer_start": ', '"answer_start": 1'),
        "is not where answer",
    ),
    "a file that is not JSON": ("xquad_third", rewritten(XQUAD, b"{"), "not JSON"),
    "a file in another form": ("xquad_third", rewritten(XQUAD, b"{}"), "not in SQuAD form"),
    "more tags than words": ("xsid_slots", edited(XSID, "O ", "O O "), "tags for"),
    "an unknown tag": ("xsid_slots", edited(XSID, "B-datetime", "B-datetme"), "did you mean B-datetime"),
    "lines that do not line up": (
        "xsid_slots",
        rewritten(XSID, b"O O alarm/set_alarm\n"),
        "1 lines, but 7 in the .text file beside it",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_data_stop_training_with_one_line(command, own_data, encoder_folder, tmp_path, name):
    task, damage, complaint = DAMAGES[name]
    damage(own_data)
    languages = "en,da" if task == "xsid_slots" else "en,de"
    outcome = command(*train_words(own_data, encoder_folder, tmp_path / "run", task, languages=languages))
    assert_one_line(outcome, complaint)
    assert not (tmp_path / "run" / "checkpoints").exists()


WRONG_WORDS = {
    "an unknown method": (["--method", "fliter"], "no method 'fliter'; did you mean filter"),
    "an unknown task": (["--task", "sib"], "no task 'sib'"),
    "an unknown language": (
        ["--languages", "de,swahilli"],
        "unknown language 'swahilli'; did you mean sw (Swahili)",
    ),
    "a language that the task lacks": (
        ["--task", "xquad_third", "--languages", "sw"],
        "task 'xquad_third' has no language 'sw'; it has: ar",
    ),
    "an unknown encoder": (["--encoder", "tyni"], "or use the embedded one: tiny"),
    "an encoder folder that is not there": (
        ["--encoder", "./tyni"],
        "no such folder; give a folder, a Hub name, or one of",
    ),
    "a data folder that is not there": (["--data", "/nowhere"], "--data /nowhere: no such folder"),
    "an unknown setting": (
        ["--set", "local_layer=1"],
        "unknown key 'local_layer'; did you mean local_layers?",
    ),
    "a setting without a value": (["--set", "local_layers"], "write it as key=value"),
    "a setting of the wrong type": (
        ["--set", "updates=many"],
        "updates = 'many': input should be a valid integer",
    ),
    "too many layers": (
        ["--set", "local_layers=4"],
        "but this encoder has 4 layers; set local_layers to 3 or less, but not below 0, and then fusion_layers to what",
    ),
    "a weight above one": (["--set", "self_teaching=2"], "self_teaching = 2.0 is a weight"),
    "a temperature of zero": (["--set", "temperature=0"], "temperature = 0.0 must be positive"),
    "texts longer than the encoder reads": (
        ["--set", "max_length=999"],
        "(128 tokens); set max_length=128 or less",
    ),
    "windows without room": (["--set", "max_length=3"], "max_length (3) leaves no room"),
    "a batch that cannot be divided": (
        ["--set", "accumulate=3"],
        "batch_size 4 cannot be divided over 1 processes x 3",
    ),
    "an unknown schedule": (["--set", "schedule=cosin"], "no schedule 'cosin'; did you mean cosine?"),
    "a pivot that the task lacks": (["--pivots", "tlh"], "tlh"),
    "an output below a file": (["--output", __file__ + "/run"], "cannot write"),
    "an output that is a file": (["--output", __file__], "exists and is not an isogloss run"),
}


@pytest.mark.parametrize("name", WRONG_WORDS)
def test_a_wrong_word_stops_training_with_one_line(command, data, encoder_folder, tmp_path, name):
    words, complaint = WRONG_WORDS[name]
    outcome = command(*train_words(data, encoder_folder, tmp_path / "run"), *words)
    assert_one_line(outcome, complaint)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["train", "nowhere.toml"], "no recipe nowhere.toml"),
        (
            ["train", "--task", "sib200", "--output", "x"],
            "no method given; name one in the recipe or with --method",
        ),
        (["train", "--method", "filter", "--output", "x"], "no task given"),
        (["train", "--method", "filter", "--task", "sib200"], "no output given"),
        (["train", "--method", "filter", "--task", "sib200", "--output", "x"], "with --data DIR"),
        (["list", "taks"], "nothing to list under 'taks'; did you mean tasks?"),
        (["show", "fliter"], "nothing is called 'fliter'; did you mean filter?"),
        (["evaluate", "nowhere"], "nowhere is not a run"),
        (["predict", "nowhere"], "nowhere is not a run"),
        (["compare", "nowhere"], "nowhere"),
        (["predict", "nowhere", "--translator", "x"], "nowhere is not a run"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_command_that_cannot_be_carried_out_says_so_in_one_line(command, words, complaint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert_one_line(command(*words), complaint)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--split", "tset"], "no split 'tset'; did you mean test?"),
        (["--languages", "sw"], "sw"),
        (["--pairing", "shufled"], "no pairing 'shufled'; did you mean shuffled?"),
        (["--task", "xquad"], "the run answers classification, task 'xquad' is question_answering"),
        (["--task", "nusax"], "the run's labels are not those of task 'nusax': the run alone has"),
        (["--data", "/nowhere"], "--data /nowhere: no such folder"),
        (["--output", "result.txt"], "a result is a JSON file; give a name that ends with .json"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_wrong_word_stops_evaluation_with_one_line(command, trained, words, complaint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = trained("classification", "filter")
    before = snapshot(run)
    assert_one_line(command("evaluate", run, *words), complaint)
    assert snapshot(run) == before


def test_place_holder_labels_in_the_test_split_are_refused(command, trained, own_data):
    path = own_data / "sib200" / "deu_Latn" / "test.tsv"
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    cells = [row.split("\t") for row in rows]
    path.write_text("\n".join([header, *(f"{i}\ttravel\t{text}" for i, _, text in cells)]) + "\n", encoding="utf-8")
    outcome = command("evaluate", trained("classification", "filter"), "--data", own_data)
    assert_one_line(outcome, "have the same label 'travel'; the labels are place-holders")


def line(**fields):
    """A JSON line about a German text."""
    return json.dumps({"id": "1", "language": "de"} | fields)


ASKED = {"question": "?", "context": "ab", "answers": [{"text": "b", "answer_start": 0}]}
BAD_LINES = {
    "no JSON": ("classification", "{", "not JSON"),
    "no object": ("classification", "[1]", "a JSON object was expected, not list"),
    "no id": ("classification", '{"language": "de", "text": "x"}', "every line needs an id"),
    "no language": ("classification", '{"id": "1", "text": "x"}', "no language; add one"),
    "an unknown language": ("classification", line(language="grman", text="x"), "did you mean"),
    "a misspelt field": ("classification", line(txet="x"), "did you mean text?"),
    "a missing text": ("classification", line(), "text is missing"),
    "an empty text": ("classification", line(text=" "), "text is empty"),
    "a span outside": ("tagging", line(text="ab", spans=[[0, 9, "album"]]), "lies outside its text"),
    "a span across a word": ("tagging", line(text="abc", spans=[[0, 2, "album"]]), "cuts across a word"),
    "words that are not the text": ("tagging", line(text="ab", words=["x"]), "does not follow in the text"),
    "an answer elsewhere": ("question_answering", line(**ASKED), "is not where answer 'b' begins; the text is at 1"),
    "a line of another kind": ("question_answering", line(text="x"), "question is missing"),
}


GOOD_LINES = {
    "classification": line(text="Tor"),
    "tagging": line(words=["weck", "mich"]),
    "question_answering": line(question="Wo?", context="In Rom."),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_is_named_and_the_old_predictions_stay(command, trained, tmp_path, name):
    kind, bad, complaint = BAD_LINES[name]
    source, target = tmp_path / "lines.jsonl", tmp_path / "predictions.jsonl"
    good = GOOD_LINES[kind]
    source.write_text(f"{good}\n{bad}\n", encoding="utf-8")
    target.write_text("those of yesterday")
    outcome = command("predict", trained(kind, "zero_shot"), "--input", source, "--output", target)
    assert_one_line(outcome, complaint)
    assert f"{source}:2" in outcome.err
    assert target.read_text() == "those of yesterday"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lines.jsonl", "predictions.jsonl"]


def test_missing_input_and_unwritable_output_are_one_line(command, trained, tmp_path):
    run = trained("classification", "zero_shot")
    assert_one_line(command("predict", run, "--input", tmp_path / "nowhere.jsonl"), "no such file")
    source = tmp_path / "lines.jsonl"
    source.write_text('{"id": "1", "language": "de", "text": "Tor"}\n')
    assert_one_line(command("predict", run, "--input", source, "--output", tmp_path / "no" / "x"), "cannot write")


def test_a_loss_that_is_no_number_names_the_batch(command, data, encoder_folder, tmp_path):
    words = train_words(data, encoder_folder, tmp_path / "run")
    outcome = command(*words, "--set", "learning_rate=1e38", "--set", "max_grad_norm=1e9", "--set", "updates=9")
    assert outcome.code == 1 and outcome.out == ""
    last = outcome.err.splitlines()[-1]
    assert last.startswith("isogloss: the loss became ") and "at the batch with examples " in last
    assert "de/" in last or "en/" in last
    assert "Traceback" not in outcome.err


def test_memory_that_runs_out_in_training_keeps_the_checkpoint_and_the_run_goes_on(
    command, data, encoder_folder, tmp_path, monkeypatch
):
    loss, calls = filter_method.Method.loss, []

    def failing(self, network, batch):
        calls.append(batch["input_ids"].shape[0])
        if len(calls) == 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nSee the documentation")
        return loss(self, network, batch)

    monkeypatch.setattr(filter_method.Method, "loss", failing)
    words = [*train_words(data, encoder_folder, tmp_path / "run"), "--set", "updates=3", "--set", "save_every=1"]
    outcome = command(*words)
    assert outcome.code == 1 and outcome.out == "" and "Traceback" not in outcome.err
    assert outcome.err.splitlines()[-1].startswith("isogloss: out of memory: accumulate=2 halves what is read at once")
    assert (tmp_path / "run" / "checkpoints" / "checkpoint-2").is_dir()
    assert command(*words, "--set", "accumulate=2").code == 0
    assert calls == [4, 4, 4, 2, 2]
    manifest = json.loads((tmp_path / "run" / "isogloss.json").read_text())
    assert manifest["updates"] == 3 and manifest["examples_per_second"] > 0 and manifest["tokens_per_second"] > 0


@pytest.mark.parametrize(
    "failure", [torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("can't allocate memory"), MemoryError()]
)
def test_memory_that_runs_out_when_texts_are_read_is_one_line(command, data, trained, monkeypatch, failure):
    def failing(*_, **__):
        raise failure

    run = trained("classification", "filter")
    monkeypatch.setattr(EncoderForSequenceClassification, "forward", failing)
    assert_one_line(command("evaluate", run, "--data", data), "out of memory; a shorter max_length takes less")


def test_an_output_that_holds_another_run_is_refused(command, data, encoder_folder, trained):
    run = trained("classification", "zero_shot")
    before = snapshot(run)
    assert_one_line(command(*train_words(data, encoder_folder, run)), "holds a finished run")
    assert snapshot(run) == before


def test_a_broken_tokenizer_is_refused(command, data, encoder_folder, tmp_path):
    folder = tmp_path / "encoder"
    folder.mkdir()
    for path in encoder_folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    edit(folder / "tokenizer_config.json", '"sep_token": "</s>"', '"sep_token": "<unk>"')
    assert_one_line(
        command(*train_words(data, folder, tmp_path / "run")),
        "its sep_token '<unk>' maps to the unknown token",
    )


def test_an_encoder_that_lacks_tensors_is_refused(command, data, encoder_folder, tmp_path):
    folder = tmp_path / "encoder"
    folder.mkdir()
    for path in encoder_folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    tensors = load_file(folder / "model.safetensors")
    del tensors["encoder.layer.0.output.dense.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    outcome = command(*train_words(data, folder, tmp_path / "run"))
    assert_one_line(outcome, "lacks 1 tensors of XLMRobertaModel (first: encoder.layer.0.output.dense.weight)")


def test_an_error_nobody_foresaw_is_one_line_too_and_debug_shows_its_place(command, monkeypatch):
    import isogloss.catalogue

    def broken(what):
        raise KeyError("a bug\nof two lines")

    monkeypatch.setattr(isogloss.catalogue, "catalogue", broken)
    outcome = command("list", "tasks")
    assert outcome.code == 1
    assert outcome.err == "isogloss: KeyError: 'a bug\\nof two lines' (--debug shows where)\n"
    with pytest.raises(KeyError):
        command("--debug", "list", "tasks")


def test_stopping_by_hand_is_one_line(command, monkeypatch):
    import isogloss.catalogue

    def stopped(what):
        raise KeyboardInterrupt

    monkeypatch.setattr(isogloss.catalogue, "catalogue", stopped)
    assert_one_line(command("list", "tasks"), "stopped; give the same command again to go on")
