"""Kept terms and bands of similarity: counted from what is kept, so a job that was stopped reports the same."""

import json

import pytest
from language_model import language_model  # noqa: F401 - a fixture
from translation.fake_engine import Fake

from isogloss.data.parallel_set import read_parallel_set
from isogloss.records import Sentence
from isogloss.translation.adaptive_prompts import with_context
from isogloss.translation.context_report import BANDS, band, report_of
from isogloss.translation.engines import llm
from isogloss.translation.place import Place
from isogloss.translation.translate import translate_records
from isogloss.translation.translator import Hypothesis, least_similarity

MEMORY = "en\tde\nthe old house near nine\tdas alte haus bei neun\ntrain\tzug\n"
TEXTS = ("the old house near ten", "the cold hose near nine", "trains", "we")  # 0.86, 0.91, 0.83, low
NEAREST = {"0.9": 1, "0.8": 2, "0.7": 0, "0.6": 0, "0.5": 0, "lower": 1, "none": 0}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "tm.tsv").write_text(MEMORY, encoding="utf-8")
    (tmp_path / "terms.tsv").write_text("en\tde\nhouse\tgebäude\nhose\tschlauch\n", encoding="utf-8")
    (tmp_path / "rows.jsonl").write_text(
        "".join(json.dumps({"id": str(i), "language": "en", "text": text}) + "\n" for i, text in enumerate(TEXTS))
    )
    return tmp_path


def test_bands_begin_at_their_value():
    assert [band(each) for each in (1.0, 0.9, 0.8999999761581421, 0.89, 0.5, 0.4999, 0.0, None)] == (
        ["0.9", "0.9", "0.9", "0.8", "0.5", "lower", "lower", "none"]
    )
    assert list(BANDS) == sorted(BANDS, reverse=True)


def test_a_row_of_several_texts_is_as_similar_as_its_least_similar_text():
    assert least_similarity([0.9, 0.4, 0.7]) == 0.4
    assert least_similarity([0.9, None]) is None and least_similarity([]) is None


def test_an_engine_without_examples_by_similarity_and_without_terms_has_no_report(language_model, files):  # noqa: F811
    engine, memory = llm.load(language_model.spec), files / "tm.tsv"
    assert report_of(engine) is None
    assert report_of(with_context(engine, memory=memory, shots=1, selection="random")) is None
    assert report_of(with_context(engine, memory=memory, shots=0)) is None
    assert report_of(with_context(engine, memory=memory, shots=1, selection="mixed")) is not None


def test_the_manifest_and_the_command_tell_terms_and_bands(language_model, command, files):  # noqa: F811
    words = ["translate", files / "rows.jsonl", "--to", "de", "--engine", f"llm:{language_model.spec}", "--json"]
    words += ["--gates", "none", "--memory", files / "tm.tsv", "--shots", "1", "--terms", files / "terms.tsv"]
    outcome = command(*words, "--output", files / "set")
    assert outcome.code == 0, outcome.err
    told = {"terms": {"required": 2, "as_given": 2, "inflected": 2}, "nearest_example": NEAREST}
    assert json.loads(outcome.out)["context"] == {"de": told}
    assert read_parallel_set(files / "set").manifest["context"] == {"de": told}
    assert "de: terms: 2 required, 100.0 % kept as given" in outcome.err
    line = "de: nearest example: 4 rows, 1 from 0.9, 2 from 0.8, 0 from 0.7, 0 from 0.6, 0 from 0.5, 1 lower, 0 none"
    assert line in outcome.err.splitlines()
    asked = len(language_model.requests)
    again = command(*words, "--output", files / "again", "--store", files / "set.store")
    assert (again.code, json.loads(again.out)["context"]) == (0, {"de": told})
    assert len(language_model.requests) == asked
    assert command("data", "check", files / "set").code == 0


def test_options_of_the_memory_reach_the_prompts(language_model, command, files, encoder_folder):  # noqa: F811
    words = ["translate", files / "rows.jsonl", "--to", "de", "--engine", f"llm:{language_model.spec}"]
    words += ["--gates", "none", "--memory", files / "tm.tsv", "--shots", "1"]
    outcome = command(*words, "--at-least", "0.85")
    assert "4 rows, 1 from 0.9, 1 from 0.8, 0 from 0.7, 0 from 0.6, 0 from 0.5, 0 lower, 2 none" in outcome.err
    by_vectors = command(*words, "--similarity", encoder_folder)
    assert by_vectors.code == 0 and "nearest example: 4 rows" in by_vectors.err
    (files / "in.txt").write_text("train\n")
    lines = ["translate", files / "in.txt", "--from", "en", *words[2:]]
    assert "1 rows, 0 from 0.9" in command(*lines).err
    assert "1 rows, 1 from 0.9" in command(*lines, "--allow-exact").err
    drawn = []
    for seed in ("1", "1", "2", "3", "4", "5"):
        language_model.requests.clear()
        assert command(*lines[:-1], "1", "--allow-exact", "--selection", "random", "--seed", seed).code == 0
        drawn.append(json.dumps(language_model.requests[-1]["messages"]))
    assert drawn[0] == drawn[1] and len(set(drawn)) == 2


def test_mistakes_about_the_memory_are_one_line(language_model, command, files):  # noqa: F811
    words = ["translate", files / "rows.jsonl", "--to", "de", "--engine", f"llm:{language_model.spec}"]
    for more, complaint in (
        (["--at-least", "0.5"], "--at-least is about the pairs of --memory FILE; give that too"),
        (["--memory", files / "tm.tsv", "--at-least", "7"], "at_least = 7: a similarity is between 0"),
        (["--memory", files / "tm.tsv", "--shots", "1", "--similarity", "./no"], "encoder ./no: no such folder"),
    ):
        outcome = command(*words, *more)
        assert outcome.code == 1 and complaint in outcome.err.splitlines()[-1], outcome.err
        assert "Traceback" not in outcome.err


def test_without_examples_nothing_is_reported(tmp_path):
    record = Sentence(id="1", language="en", text="Hello there.")
    manifest = translate_records([record], Fake(), ["de"], Place(tmp_path / "set"))
    assert manifest is not None and "context" not in manifest
    assert Hypothesis("x").similarity is None
