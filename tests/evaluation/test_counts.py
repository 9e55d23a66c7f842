import numpy as np
import pytest

from isogloss.errors import UserError
from isogloss.evaluation.counts import average_seeds, count_items, language_values
from isogloss.metrics import load_metric
from isogloss.records import LabelPrediction, Sentence

ACCURACY = load_metric("accuracy")
GOLD = [Sentence(id=i, language=tag, text="x", label="a") for tag in ("en", "sw") for i in ("1", "2")]


def guesses(labels, ids="1212"):
    return [LabelPrediction(i, "en", label, {}) for i, label in zip(ids, labels, strict=True)]


def test_items_are_counted_by_the_language_of_the_record():
    counts = count_items(ACCURACY, GOLD, guesses("aaab"))
    assert {tag: list(items) for tag, items in counts.items()} == {"en": ["1", "2"], "sw": ["1", "2"]}
    assert language_values(ACCURACY, counts) == {"en": 100, "sw": 50}


def test_predictions_out_of_line_are_named():
    with pytest.raises(UserError, match="4 records but 3 predictions"):
        count_items(ACCURACY, GOLD, guesses("aaa", "121"))
    with pytest.raises(UserError, match="prediction of record '2' has id '1'"):
        count_items(ACCURACY, GOLD, guesses("aaaa", "1112"))


def test_an_id_twice_in_a_language_is_named():
    with pytest.raises(UserError, match="id '1' occurs twice in en"):
        count_items(ACCURACY, [GOLD[0], GOLD[0]], guesses("aa", "11"))


def test_records_of_a_group_are_one_item():
    pages = [
        Sentence(id=i, language="en", text="x", label="a", group=g) for i, g in (("1", "q"), ("2", "q"), ("3", "r"))
    ]
    counts = count_items(ACCURACY, pages, guesses("aba", "123"))
    assert {item: list(row) for item, row in counts["en"].items()} == {"q": [1, 2], "r": [1, 1]}
    assert language_values(ACCURACY, counts)["en"] == pytest.approx(200 / 3)
    with pytest.raises(UserError, match="id '1' occurs twice in en"):
        count_items(ACCURACY, [pages[0], pages[0]], guesses("aa", "11"))


def test_seeds_are_averaged_item_by_item():
    runs = [{"de": {"1": [1.0, 1.0], "2": [0.0, 1.0]}}, {"de": {"2": [0.0, 1.0], "1": [0.0, 1.0]}}]
    average = average_seeds(runs)
    assert np.array_equal(average["de"]["1"], [0.5, 1])
    assert language_values(ACCURACY, average) == {"de": 25}


def test_seeds_of_other_items_are_refused():
    with pytest.raises(UserError, match="two seeds of one row score different items in de"):
        average_seeds([{"de": {"1": [1, 1]}}, {"de": {"2": [1, 1]}}])
