"""The command line: start-up, the main job from training to comparison; mistakes are in test_cli_mistakes.py."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import assert_one_line, standard_input

from isogloss.records import to_json
from isogloss.runs import load
from isogloss.tasks import task_names

ROWS = ("zero_shot", "translate_train", "translate_test", "filter", "filter_self_teaching")
KINDS = {"classification": "en,de", "tagging": "en,da,de", "question_answering": "en,de,zh"}
LINES = {
    "classification": [
        {
            "id": "b",
            "language": "deu_Latn",
            "text": "Da ist Tor.",
            "translation": {"language": "en", "text": "A goal."},
        },
        {"id": 7, "language": "en", "text": "The doctor."},
        {"id": "a", "language": "sw", "text": "daktari", "text_pair": "leo"},
    ],
    "tagging": [
        {
            "id": "b",
            "language": "de",
            "words": ["weck", "mich"],
            "translation": {"language": "en", "text": "wake me"},
        },
        {
            "id": 7,
            "language": "zh",
            "text": "九点叫我",
            "translation": {"language": "en", "text": "wake me at nine"},
        },
        {"id": "a", "language": "en", "text": "wake me", "tags": ["O", "O"]},
    ],
    "question_answering": [
        {
            "id": "b",
            "language": "de",
            "question": "Wo wohnt A?",
            "context": "A wohnt in Rom. " * 9,
            "translation": {"language": "en", "question": "Where?", "context": "A lives in Rome. " * 3},
        },
        {"id": 7, "language": "th", "question": "ที่ไหน", "context": "อยู่ในโรม"},
        {"id": "a", "language": "en", "question": "Where?", "context": "In Rome."},
    ],
}


def seconds_of_processor(words):
    """User and system time of the fastest of five runs: unlike the clock, hardly moved by other work on the machine."""
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"]])
def test_help_comes_in_three_tenths_of_a_second(words):
    assert seconds_of_processor(["-m", "isogloss", *words]) < 0.3


def test_the_package_is_imported_in_fifteen_hundredths_of_a_second():
    assert seconds_of_processor(["-c", "import isogloss"]) < 0.15


@pytest.mark.parametrize(
    "words",
    [
        ["import isogloss"],
        ["import isogloss.cli"],
        *(
            [f"import sys; sys.argv[1:] = {words!r}; from isogloss.cli import app; app(standalone_mode=False)"]
            for words in (
                ["list", "tasks"],
                ["list", "methods"],
                ["list", "languages", "--json"],
                ["show", "filter"],
                ["show", "xquad"],
                ["show", "sw"],
            )
        ),
    ],
    ids=lambda words: words[0][-60:],
)
def test_what_needs_no_network_of_neurons_does_not_import_torch(words):
    check = "; import sys; assert not {'torch', 'transformers', 'numpy'} & set(sys.modules), 'heavy imports'"
    done = subprocess.run([sys.executable, "-c", words[0] + check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_package_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "isogloss", "list", "tasks"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == task_names()


def snapshot(folder: Path):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("row", ROWS)
def test_a_run_is_evaluated_predicts_and_is_compared(command, trained, tmp_path, monkeypatch, kind, row):
    run = trained(kind, row)
    before = snapshot(run)

    scored = command("evaluate", run, "--split", "test", "--output", tmp_path / "run" / "test.json", "--json")
    assert scored.code == 0, scored.err
    result = json.loads(scored.out)
    assert result == json.loads((tmp_path / "run" / "test.json").read_text())
    assert list(result["languages"]) == KINDS[kind].split(",")
    for score in result["languages"].values():
        assert 0 <= score["ci95"][0] <= score["value"] <= score["ci95"][1] <= 100
    assert result["data"]["self_paired"] == result["languages"]["en"]["n"]

    source, target = tmp_path / "lines.jsonl", tmp_path / "predictions.jsonl"
    source.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in LINES[kind]), encoding="utf-8")
    written = command("predict", run, "--input", source, "--output", target)
    assert (written.code, written.out) == (0, "")
    predictions = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert [(line["id"], line["language"]) for line in predictions] == [
        ("b", "de"),
        ("7", {"classification": "en", "tagging": "zh", "question_answering": "th"}[kind]),
        ("a", "sw" if kind == "classification" else "en"),
    ]
    monkeypatch.setattr(sys, "stdin", standard_input(source.read_bytes()))
    assert command("predict", run).out == target.read_text(encoding="utf-8")

    (tmp_path / "other").mkdir()
    for path in (tmp_path / "run").iterdir():
        (tmp_path / "other" / path.name).write_bytes(path.read_bytes())
    report = tmp_path / "report.html"
    results = [tmp_path / "run" / "test.json", tmp_path / "other" / "test.json"]
    compared = command("compare", *results[:1], "--output", report)
    assert compared.code == 0, compared.err
    assert result["task"] in compared.out and report.read_text(encoding="utf-8").lstrip().startswith("<!")
    assert snapshot(run) == before


def test_a_recipe_file_trains_from_the_command_line(command, data, encoder_folder, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f'method = "filter"\ntask = "sib200"\nencoder = "{encoder_folder}"\ndata = "{data}"\nlanguages = ["de"]\n'
        "[config]\nlocal_layers = 2\n[train]\nupdates = 2\nbatch_size = 4\n[lengths]\nmax_length = 32\n"
    )
    outcome = command("train", recipe, "--output", tmp_path / "run", "--set", "fusion_layers=2", "--seed", "3")
    assert (outcome.code, outcome.out) == (0, f"{tmp_path / 'run'}\n")
    manifest = load(tmp_path / "run").manifest
    assert (manifest["config"]["local_layers"], manifest["config"]["fusion_layers"], manifest["seed"]) == (
        2,
        2,
        3,
    )
    assert manifest["languages"] == ["de"]


def test_a_flag_gives_the_tokens_of_a_batch_whatever_batch_size_the_recipe_has(command, data, encoder_folder, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f'method = "filter"\ntask = "sib200"\nencoder = "{encoder_folder}"\ndata = "{data}"\nlanguages = ["de"]\n'
        "[train]\nepochs = 1\nbatch_size = 5\ntokens_per_batch = 90\n[lengths]\nmax_length = 32\n"
    )
    words = ["train", recipe, "--output", tmp_path / "run", "--tokens-per-batch"]
    assert_one_line(command(*words, "20"), "tokens_per_batch = 20: example ")
    outcome = command(*words, "240")
    assert outcome.code == 0, outcome.err
    manifest = load(tmp_path / "run").manifest
    assert manifest["train"]["tokens_per_batch"] == 240
    assert 2 < manifest["updates"] < 10


def test_a_recipe_needs_nothing_but_its_data(command, data, encoder_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(
        f'method = "zero_shot"\ntask = "sib200"\nencoder = "{encoder_folder}"\nlanguages = ["de"]\n'
        "[train]\nupdates = 1\nbatch_size = 4\n[lengths]\nmax_length = 32\n"
    )
    outcome = command("train", "mine.toml", "--data", data)
    assert (outcome.code, outcome.out) == (0, "runs/mine\n"), outcome.err
    assert load("runs/mine").manifest["languages"] == ["de"]


def test_two_methods_are_set_side_by_side(command, trained, tmp_path):
    for row in ("zero_shot", "filter"):
        assert command("evaluate", trained("classification", row), "--output", tmp_path / f"{row}.json").code == 0
    outcome = command("compare", tmp_path / "zero_shot.json", tmp_path / "filter.json", "--json")
    assert outcome.code == 0, outcome.err
    (table,) = json.loads(outcome.out)["tables"]
    assert {row["label"] for row in table["rows"]} == {"zero_shot", "filter"}


@pytest.mark.parametrize("pairing", ["translation", "self", "shuffled", "none", "word_dropout", "word_for_word"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_pairing_is_scored_and_recorded(command, trained, kind, pairing):
    languages = "en,da" if kind == "tagging" else KINDS[kind]
    outcome = command("evaluate", trained(kind, "filter"), "--pairing", pairing, "--languages", languages, "--json")
    assert outcome.code == 0, outcome.err
    result = json.loads(outcome.out)
    assert result["pairing"] == pairing
    items = sum(score["n"] for score in result["languages"].values())
    unpaired = {"none": items, "self": 0}.get(pairing, result["languages"]["en"]["n"])
    assert result["data"]["self_paired"] == unpaired


def test_the_dev_split_and_other_languages_can_be_evaluated(command, trained):
    outcome = command(
        "evaluate",
        trained("classification", "zero_shot"),
        "--split",
        "dev",
        "--languages",
        "German",
        "--json",
    )
    result = json.loads(outcome.out)
    assert (result["split"], list(result["languages"]), result["languages"]["de"]["n"]) == ("dev", ["de"], 6)


def test_predictions_do_not_depend_on_the_lines_beside_them(trained):
    predictor = load(trained("question_answering", "filter"))
    from isogloss.data.jsonl import parse_record

    records = [parse_record(line, "line", "question_answering") for line in LINES["question_answering"]]
    together = predictor.predict(records)
    alone = [predictor.predict([record])[0] for record in records]
    for a, b in zip(together, alone, strict=True):
        assert (a.text, a.start) == (b.text, b.start)
        assert a.score == pytest.approx(b.score, abs=1e-4)
        assert to_json(a)["id"] == b.id


@pytest.mark.parametrize("words", [["trian"], ["train", "--methd", "filter"], ["evaluate"], ["list"]])
def test_wrong_usage_ends_with_2(command, words):
    outcome = command(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err


def test_offline_is_a_switch_of_every_command(command, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert command("--offline", "list", "tasks").code == 0
    assert os.environ["HF_HUB_OFFLINE"] == "1"
