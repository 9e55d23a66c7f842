"""The forms of XTREME's files, read back as its scorer reads them."""

import json

import pytest

from isogloss.errors import UserError
from isogloss.evaluation.submission_files import (
    answers_text,
    mined_text,
    nearest_text,
    read_predictions,
    tags_text,
    task_text,
)
from isogloss.records import Bitext, MinedPrediction, NearestPrediction, Question, Sentence, TaggedSentence, join_words
from isogloss.tasks import load_task

PAWSX, PANX, XQUAD = (load_task(name) for name in ("pawsx", "panx", "xquad"))


def pair(name):
    return Sentence(id=name, language="de", text="a", text_pair="b")


def tagged(name, *words):
    text, offsets = join_words(words, "de")
    return TaggedSentence(id=name, language="de", text=text, words=offsets)


def lines(*predictions):
    return {("de", line["id"]): line for line in predictions}


def test_a_label_stands_on_a_line_in_the_order_of_the_records_whatever_that_of_the_predictions():
    found = lines({"id": "2", "label": "1"}, {"id": "1", "label": "0"}, {"id": "9", "label": "1"})
    assert task_text(PAWSX, [pair("1"), pair("2")], found, "x") == "0\n1\n"


def test_tags_are_read_back_sentence_by_sentence():
    records = [tagged("1", "Marta", "singt"), tagged("2", "Rom")]
    text = tags_text(PANX, records, [{"tags": ["B-PER", "O"]}, {"tags": ["B-LOC"]}])
    assert text == "B-PER\nO\n\nB-LOC\n"
    assert [block.split() for block in text.split("\n\n")] == [["B-PER", "O"], ["B-LOC"]]


def test_answers_are_an_object_by_id_in_ascii():
    record = Question(id="q-1", language="de", question="Wo?", context="in Köln")
    text = answers_text(XQUAD, [record], [{"answer": {"text": "Köln", "answer_start": 3}}])
    assert json.loads(text) == {"q-1": "Köln"} and text.isascii()


def test_numbers_of_nearest_sentences_follow_the_sorted_english_side():
    """XTREME sorts the English lines by code point, leaves the others, and asks for the line of the nearest from 0."""
    english = ["we sleep", " Dogs bark", "dogs bark", "we sleep", "Éva sings"]
    records = [
        Bitext(id=str(i), language="de", text=f"text {i}", translation_language="en", translation=text)
        for i, text in enumerate(english, 1)
    ]
    found = [NearestPrediction(record.id, "de", label=record.id, reverse=record.id) for record in records]
    assert nearest_text(records, found) == "1\n2\n0\n3\n4\n"
    found[1] = NearestPrediction("2", "de", label="5", reverse="2")
    assert nearest_text(records, found).splitlines()[0] == "4"


def test_mined_pairs_are_two_ids_and_sentences_without_a_translation_have_no_line():
    found = [MinedPrediction("de-1", "de", "en-7"), MinedPrediction("de-2", "de", None)]
    assert mined_text([], found) == "de-1\ten-7\n"


@pytest.mark.parametrize(
    ("task", "records", "found", "complaint"),
    [
        (PAWSX, [pair("1"), pair("2")], [{"id": "1", "label": "0"}], "1 of 2 items have no prediction, ids '2'"),
        (PAWSX, [pair("1")], [{"id": "1", "label": "2"}], "unknown label '2'"),
        (PAWSX, [pair("1")], [{"id": "1", "tags": ["O"]}], "these are no predictions of classification .KeyError"),
        (PANX, [tagged("1", "Rom")], [{"id": "1", "tags": ["O", "O"]}], "item '1' has 1 words but 2 tags"),
        (PANX, [tagged("1", "Rom")], [{"id": "1", "tags": ["B-LOX"]}], "unknown label 'B-LOX'; did you mean B-LOC"),
    ],
)
def test_predictions_that_do_not_fit_name_the_source_and_the_language(task, records, found, complaint):
    with pytest.raises(UserError, match=f"file.jsonl: task {task.name}, language de: {complaint}"):
        task_text(task, records, lines(*found), "file.jsonl")


def test_a_line_that_is_no_prediction_is_named(tmp_path):
    path = tmp_path / "predictions.jsonl"
    path.write_text('{"id": 1, "language": "deu_Latn", "label": "0"}\n\n{"id": "2"}\n', encoding="utf-8")
    with pytest.raises(UserError, match="predictions.jsonl:3: not a prediction .KeyError"):
        read_predictions(path)
    path.write_text('{"id": 1, "language": "deu_Latn", "label": "0"}\n', encoding="utf-8")
    assert list(read_predictions(path)) == [("de", "1")]
