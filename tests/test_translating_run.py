"""Runs that translate: `isogloss predict RUN`, `isogloss.load(RUN)`, and the run as an engine."""

import io
import json

import pytest
from tiny_translators import LINES, as_run, m2m100

import isogloss
from isogloss.data.directions import Direction
from isogloss.records import Bitext
from isogloss.translating_run import trained_directions
from isogloss.translation.translator import Decoding, load_translator, run_named

ASKED = ((LINES["en"][0], "en", "de"), (LINES["de"][1], "de", "en"), (LINES["en"][1], "en", "fr"))
# Runs a command line, and leaves the texts that this process has translated.
COUNTING = """
import json, sys
from contextlib import suppress
from pathlib import Path
from isogloss import cli, processes
from isogloss.translation.engines.hf import HuggingFaceTranslator

folder, done, translate = Path(sys.argv.pop(1)), [], HuggingFaceTranslator.translate

def counted(self, texts, *more):
    done.extend(texts)
    return translate(self, texts, *more)

HuggingFaceTranslator.translate = counted
with suppress(SystemExit):
    cli.main()
(folder / str(processes.number())).write_text(json.dumps(done))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run that knows some sentences by heart."""
    folder = tmp_path_factory.mktemp("runs")
    return as_run(m2m100(folder / "run"), folder)


def line(text, source="en", target="de", **more):
    return {"id": "1", "language": source, "text": text, "translation_language": target} | more


@pytest.fixture
def predict(command, monkeypatch, run):
    """`isogloss predict` of the run with JSON lines on standard input."""

    def go(*lines, words=()):
        text = "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in lines)
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        return command("predict", run, *words)

    return go


def test_texts_of_several_directions_are_translated_in_their_order(predict, run):
    asked = [(LINES["en"][0], "en", "de"), (LINES["de"][1], "deu_Latn", "en"), (LINES["en"][1], "en", "de")]
    outcome = predict(*(line(*each, id=str(i), translation="x") for i, each in enumerate(asked, 7)))
    assert (outcome.code, outcome.err) == (0, "")
    made = [json.loads(each) for each in outcome.out.splitlines()]
    assert [each["id"] for each in made] == ["7", "8", "9"]
    assert [each["translation"] for each in made] == [LINES["de"][0], LINES["en"][1], LINES["de"][1]]
    assert list(made[1]) == ["id", "language", "text", "translation_language", "translation", "score"]
    assert made[1]["language"] == "de" and all(each["score"] < 0 for each in made)


def test_a_loaded_run_predicts_what_the_engine_says(run):
    records = [
        Bitext(id="1", language="en", text=text, translation_language="de", translation="") for text in LINES["en"]
    ]
    found = isogloss.load(run).predict(records, Decoding(beam=2))
    for spec in (f"run:{run}", str(run), f"hf:{run}"):
        said = load_translator(spec).translate(LINES["en"], "en", "de", Decoding(beam=2))
        assert [each.translation for each in found] == [each.text for each in said]


def test_a_text_that_is_too_long_fails_alone(predict):
    outcome = predict(line(LINES["en"][0]), line("A room. " * 40, id="2"))
    short, long = map(json.loads, outcome.out.splitlines())
    assert outcome.code == 0 and short["translation"] == LINES["de"][0]
    assert "translation" not in long and "the model reads 64" in long["failure"]
    assert outcome.err.startswith("1 of 2 texts were not translated (1: ")


def test_the_decoding_is_set_as_elsewhere(predict, run):
    (hypothesis,) = load_translator(str(run)).translate(LINES["en"][:1], "en", "de", Decoding(beam=2))[0].hypotheses
    for words, score in (
        ((), hypothesis.log_probability / hypothesis.tokens),
        (("--set", "length=none"), hypothesis.log_probability),
        (("--set", "length=power", "--set", "alpha=2"), hypothesis.log_probability / hypothesis.tokens**2),
    ):
        found = json.loads(predict(line(LINES["en"][0]), words=("--set", "beam=2", *words)).out)
        assert found["score"] == pytest.approx(score, abs=1e-5)


def test_two_processes_translate_half_each_and_say_what_one_says(predict, run, two_processes, tmp_path):
    source = [line(f"{text} {i}", *way, id=str(i)) for i, (text, *way) in enumerate(ASKED * 4)]
    one = predict(*source)
    script, shares = tmp_path / "script.py", tmp_path / "shares"
    shares.mkdir()
    script.write_text(COUNTING, encoding="utf-8")
    text = "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in source)
    two = two_processes(shares, "predict", run, script=script, text=text)
    assert (one.code, two.code) == (0, 0), two.err
    assert [json.loads(each) for each in two.out.splitlines()] == [
        json.loads(each) | {"score": pytest.approx(json.loads(each)["score"], abs=1e-4)}
        for each in one.out.splitlines()
    ]
    first, second = (json.loads((shares / name).read_text()) for name in "01")
    assert sorted(first + second) == sorted(each["text"] for each in source)
    assert len(first) == len(second)


@pytest.mark.parametrize(
    ("lines", "words", "complaint"),
    [
        ([line(LINES["en"][0]), line("x", target="qu", id="5")], (), "record '5', en-qu: "),
        ([line("x", target="en")], (), "record '1', en-en: "),
        ([line(" ")], (), "standard input:1: text is empty"),
        ([{"id": 1, "language": "en", "text": "x"}], (), 'no translation_language; add one such as "tr'),
        ([line("x", target="xx")], (), "unknown language 'xx'"),
        ([line("x", txt="y")], (), "unknown field 'txt'; did you mean text?"),
        (["x"], (), "a JSON object was expected, not str"),
        ([], ("--translator", "memory:x"), "--translator memory:x: the run translates itself"),
        ([], ("--precision", "int8"), "--precision int8: a translator reads in float32"),
        ([], ("--set", "baem=4"), "no key 'baem'; did you mean beam?"),
        ([], ("--set", "beam=0"), "beam is 0; it must be 1 or more"),
    ],
)
def test_a_mistake_is_one_line(predict, lines, words, complaint):
    outcome = predict(*lines, words=words)
    assert (outcome.code, outcome.out) == (1, "")
    assert len(outcome.err.splitlines()) == 1 and complaint in outcome.err, outcome.err


def test_the_folder_of_a_run_is_an_engine_wherever_one_is_named(command, run, tmp_path):
    source = tmp_path / "x.txt"
    source.write_text(LINES["en"][0] + "\n", "utf-8")
    for engine in (run, f"run:{run}"):
        outcome = command("translate", source, "--from", "en", "--to", "de", "--engine", engine)
        assert outcome.out == LINES["de"][0] + "\n"
    assert run_named("hf:x") is None and run_named("x" * 5000) is None and run_named(f"run:{run}") == run


def test_a_run_that_does_not_translate_is_no_engine(command, trained, run):
    other = trained("classification", "filter")
    outcome = command("translate", "--from", "en", "--to", "de", "--engine", other)
    assert outcome.err == f"isogloss: {other} is a run of filter, which does not translate; name a run that does\n"
    assert isogloss.load(other).predict([]) == []


def test_directions_default_to_both_ways_with_english():
    manifest = {"task": "multi30k", "languages": ["de", "en"], "config": {"directions": []}}
    assert trained_directions(manifest) == [Direction("en", "de"), Direction("de", "en")]
    manifest["config"]["directions"] = ["de-en"]
    assert trained_directions(manifest) == [Direction("de", "en")]
