"""The translator that comes along: every direction answers, no other does, and it needs no extra."""

import json
import shutil
import subprocess
import sys
import time

import pytest
from helpers import assert_one_line
from safetensors import safe_open

from isogloss.data.sample import LANGUAGES
from isogloss.errors import UserError
from isogloss.files import sha256
from isogloss.resources import TRANSLATORS
from isogloss.tasks import load_task
from isogloss.translating_run import load_translating, trained_directions
from isogloss.translation.translator import Decoding, load_translator

FOLDER = TRANSLATORS["tiny-mt"]
OTHERS = tuple(tag for tag in LANGUAGES if tag != "en")
GREEDY = Decoding(beam=1)


@pytest.fixture(scope="module")
def engine():
    return load_translator("tiny-mt")


@pytest.fixture(scope="module")
def requests():
    """Three of the sample's test requests in every language."""
    task = load_task("sample_translation")
    return {tag: [record.text for record in task.records(None, "test", tag)[:300:100]] for tag in LANGUAGES}


def refuses(action, *words):
    with pytest.raises(UserError) as caught:
        action()
    (line,) = str(caught.value).splitlines()
    assert all(word in line for word in words), line


def test_the_folder_is_small_and_holds_what_its_manifest_and_its_card_say():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 25_000_000
    weights, manifest = FOLDER / "model.safetensors", json.loads((FOLDER / "isogloss.json").read_text("utf-8"))
    assert sha256(weights) == manifest["weights_sha256"] and "folder" not in manifest["data"]
    with safe_open(weights, "pt") as file:
        assert {file.get_slice(name).get_dtype() for name in list(file.keys())} == {"F16"}
    card = (FOLDER / "README.md").read_text("utf-8")
    assert f"({weights.stat().st_size / 1e6:.1f} MB)" in card and f"{manifest['updates']:,} updates" in card


def test_its_directions_are_those_of_the_card_to_and_from_english():
    directions = set(map(str, trained_directions(json.loads((FOLDER / "isogloss.json").read_text("utf-8")))))
    assert directions == {f"en-{tag}" for tag in OTHERS} | {f"{tag}-en" for tag in OTHERS}
    card = (FOLDER / "README.md").read_text("utf-8")
    assert all(f"\n| {direction} |" in card for direction in directions)


def test_it_is_there_within_a_second_in_full_precision():
    started = time.process_time()
    engine = load_translator("tiny-mt")
    assert time.process_time() - started < 3  # on a busy machine
    assert {str(weight.dtype) for weight in engine._run.model.parameters()} == {"torch.float32"}


@pytest.mark.parametrize("tag", OTHERS)
def test_every_direction_answers(engine, requests, tag):
    for source, target in ((tag, "en"), ("en", tag)):
        made = engine.translate(requests[source], source, target, GREEDY)
        assert sum(each.text is not None for each in made) >= 2
    (score,) = engine.score([(requests[tag][0], requests["en"][0])], tag, "en")
    assert all(each < 0 for each in score)


def test_other_directions_are_refused_with_the_languages_and_the_way_through_english(engine):
    for source, target in (("de", "fr"), ("th", "en"), ("en", "it"), ("en", "en")):
        for action in (engine.check, lambda *ends: engine.translate(["x"], *ends, GREEDY)):
            refuses(lambda action=action, ends=(source, target): action(*ends), ", ".join(OTHERS), "pivot:en:tiny-mt")
    refuses(lambda: engine.score([("x", "y")], "de", "fr"), "not from de to fr")
    load_translator("pivot:en:tiny-mt").check("de", "fr")
    refuses(lambda: load_translator("embedded:tiny"), "no translator 'tiny' comes with isogloss", "tiny-mt")


def test_what_cannot_be_read_is_a_failure_with_its_reason(engine):
    empty, half, long, short = engine.translate(
        ["  ", "a \ud800", "Wort " * 600, "Wo ist der Zug?"], "de", "en", GREEDY
    )
    assert (empty.failure, short.failure) == ("the text is empty", None)
    assert "half a character" in half.failure and "tokens, the model reads" in long.failure


def test_a_long_text_is_translated_by_sentences_on_the_command_line(command, tmp_path):
    (tmp_path / "in.txt").write_text("Wo ist der Zug? " * 200 + "\n\nJa.\n", encoding="utf-8")
    outcome = command("translate", tmp_path / "in.txt", "--from", "de", "--to", "en", "--engine", "tiny-mt")
    assert outcome.code == 0, outcome.err
    long, between, _ = outcome.out.split("\n")[:3]
    assert len(long) > 1000 and between == ""
    refused = command("translate", tmp_path / "in.txt", "--from", "de", "--to", "fr", "--engine", "tiny-mt")
    assert_one_line(refused, "pivot:en:tiny-mt")


def test_it_names_itself_wherever_it_is_asked(engine):
    assert engine.provenance["model"] == "tiny-mt" and engine.provenance["licence"] == "cc-by-sa-4.0"
    assert engine.fingerprint == load_translator(f"hf:{FOLDER}").fingerprint
    assert load_translating("tiny-mt").translator.provenance == engine.provenance


def test_changed_weights_are_noticed(tmp_path):
    folder = shutil.copytree(FOLDER, tmp_path / "run")
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    refuses(lambda: load_translator(str(folder)), "model.safetensors", "another hash", "install it again")


def test_it_is_converted_for_ctranslate2_and_says_the_same(engine, requests, command, tmp_path):
    pytest.importorskip("ctranslate2")
    made = command("export", "tiny-mt", "--to", "ctranslate2", "--quantization", "float32", "--output", tmp_path / "x")
    assert made.code == 0, made.err
    texts = requests["de"] + requests["de"][:1]
    found = load_translator(f"ctranslate2:{tmp_path / 'x'}").score([(text, "The train.") for text in texts], "de", "en")
    expected = engine.score([(text, "The train.") for text in texts], "de", "en")
    assert [sum(row) for row in found] == pytest.approx([sum(row) for row in expected], abs=1e-3)


def test_texts_are_predicted_beside_its_translations(trained, command, tmp_path):
    path = tmp_path / "lines.jsonl"
    rows = [{"id": f"x{i}", "language": "de", "text": text} for i, text in enumerate(("Ein Zug.", "Wo ist der Arzt?"))]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    words = ["predict", trained("classification", "filter"), "--input", path]
    alone, beside = command(*words), command(*words, "--translator", "tiny-mt", "--gates", "none")
    assert (alone.code, beside.code) == (0, 0) and "without a translation" not in beside.err
    assert [json.loads(line)["id"] for line in beside.out.splitlines()] == ["x0", "x1"] and beside.out != alone.out


def test_requests_are_translated_by_name_as_by_any_run(command, tmp_path):
    path = tmp_path / "lines.jsonl"
    row = {"id": "1", "language": "de", "text": "Wo ist der Zug?", "translation_language": "en"}
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    outcome = command("predict", "tiny-mt", "--input", path)
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["translation"]


def test_it_is_scored_by_name(command):
    words = ["evaluate", "tiny-mt", "--task", "sample_translation", "--items", "3", "--set", "beam=1"]
    outcome = command(*words, "--languages", "de-en,en-sw", "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert list(found["languages"]) == ["de-en", "en-sw"] and found["groups"]["trained"]["n"] == 3
    assert_one_line(command(*words, "--languages", "de-fr"), "pivot:en:tiny-mt")


WITHOUT = """
import sys
for name in ("py3langid", "sentencex", "ctranslate2", "sacrebleu", "rapidfuzz", "openai", "sentencepiece"):
    sys.modules[name] = None
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "py3langid" else found(name, *more)
from isogloss.cli import app
app(sys.argv[1:], standalone_mode=False)
"""


def test_the_core_is_enough_and_a_gate_that_needs_more_says_so(trained, tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_text(json.dumps({"id": "1", "language": "de", "text": "Ein Zug. Ein Arzt."}) + "\n", encoding="utf-8")
    words = ["predict", trained("classification", "filter"), "--input", path, "--translator", "tiny-mt"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["id"] == "1"
    told = done.stderr.splitlines()
    assert [line for line in told if line.startswith("gate language is left out, it needs py3langid")]
    assert [line for line in told if line.startswith("without sentencex")]
