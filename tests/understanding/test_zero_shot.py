from dataclasses import replace

import pytest

from isogloss.records import Sentence
from isogloss.runs import Job, load, train
from isogloss.understanding.zero_shot import Method, Settings

KINDS = ("classification", "tagging", "question_answering")


@pytest.mark.parametrize("kind", KINDS)
def test_it_trains_on_the_labelled_language_alone(recipe, tmp_path, kind):
    made = recipe(kind, "zero_shot", tmp_path / "run")
    found = Method(Settings()).examples(Job(made, made.output))
    assert {example.language for example in found} == {"en"}
    assert all(len(example.sides) == 1 for example in found)


def test_it_never_reads_a_translation(trained):
    predictor = load(trained("classification", "zero_shot"))
    english = Sentence(id="1", language="en", text="The doctor saw a pill.")
    record = Sentence(id="1", language="de", text="Da ist Tor jetzt.", translations=(english,))
    assert predictor.predict([record]) == predictor.predict([replace(record, translations=())])


def test_other_languages_need_no_training_files(recipe, own_data, tmp_path):
    (own_data / "sib200" / "deu_Latn" / "train.tsv").unlink()
    train(replace(recipe("classification", "zero_shot", tmp_path / "run"), data=own_data))
