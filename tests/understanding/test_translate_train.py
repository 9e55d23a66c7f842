from dataclasses import replace

import pytest

from isogloss.records import Sentence
from isogloss.runs import Job, load
from isogloss.understanding.translate_train import Method, Settings

LANGUAGES = {
    "classification": {"en", "de"},
    "tagging": {"en", "da"},
    "question_answering": {"en", "de", "zh"},
}


@pytest.mark.parametrize("kind", LANGUAGES)
def test_it_trains_on_every_language_that_has_training_items_one_text_at_a_time(recipe, tmp_path, kind):
    made = recipe(kind, "translate_train", tmp_path / "run")
    found = Method(Settings()).examples(Job(made, made.output))
    assert {example.language for example in found} == LANGUAGES[kind]
    assert all(len(example.sides) == 1 for example in found)


def test_translations_without_labels_are_left_out_and_counted(recipe, tmp_path, monkeypatch, capsys):
    labelled = Sentence(id="1", language="en", text="a", label="travel")
    groups = {"en": [labelled], "de": [replace(labelled, language="de", label=None)]}
    monkeypatch.setattr(Job, "records", lambda self, split: groups)
    made = recipe("classification", "translate_train", tmp_path / "run")
    assert [example.language for example in Method(Settings()).examples(Job(made, made.output))] == ["en"]
    assert capsys.readouterr().err == "translate_train: 1 translations without labels are left out\n"


def test_it_never_reads_a_translation(trained):
    predictor = load(trained("classification", "translate_train"))
    english = Sentence(id="1", language="en", text="The doctor saw a pill.")
    record = Sentence(id="1", language="de", text="Da ist Tor jetzt.", translations=(english,))
    assert predictor.predict([record]) == predictor.predict([replace(record, translations=())])
