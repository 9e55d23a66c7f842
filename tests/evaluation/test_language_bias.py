"""Language bias: nothing where the ranking is blind, everything where one language comes first."""

import random

import pytest

from isogloss.evaluation.language_bias import language_bias
from isogloss.records import Document, RankedQuery, RankingPrediction

TAGS = ("de", "en", "sw", "zh")
DOCUMENTS = tuple(Document(id=f"{tag}/{i}", language=tag, text="x") for tag in TAGS for i in range(25))


def bias(rankings, gains=None, documents=DOCUMENTS):
    queries = [
        RankedQuery(id=str(i), language="de", text="x", documents=documents, gains=gains or {})
        for i in range(len(rankings))
    ]
    guesses = [RankingPrediction(str(i), "de", tuple(names), (0.0,) * len(names)) for i, names in enumerate(rankings)]
    return language_bias({"de": queries}, {"de": guesses})


def test_one_language_first_is_all_but_its_own_share():
    own = [each.id for each in DOCUMENTS if each.language == "de"]
    found = bias([own])["languages"]["de"]
    assert found == {
        "bias": 75.0,
        "found": {"de": 100.0, "en": 0.0, "sw": 0.0, "zh": 0.0},
        "blind": dict.fromkeys(TAGS, 25.0),
    }


def test_a_random_ranking_has_hardly_any():
    draw = random.Random(1)
    names = [each.id for each in DOCUMENTS]
    assert bias([draw.sample(names, 10) for _ in range(2000)])["languages"]["de"]["bias"] < 1.5


def test_a_perfect_ranking_has_none_where_relevant_documents_are_in_one_language():
    relevant = {f"en/{i}": 1 for i in range(10)}
    assert bias([list(relevant)], relevant)["languages"]["de"]["bias"] == 0


def test_a_relevant_document_in_the_own_language_first_is_bias_where_all_languages_have_one():
    gains = {f"{tag}/0": 1 for tag in TAGS}
    found = bias([["de/0"]], gains)["languages"]["de"]
    assert found["bias"] == pytest.approx(75) and found["blind"] == dict.fromkeys(TAGS, 25.0)


def test_documents_in_one_language_have_none_to_tell():
    assert bias([["de/1"]], documents=DOCUMENTS[:25]) == {}


def test_a_ranking_that_found_nothing_is_no_error():
    assert bias([[]])["languages"]["de"]["bias"] == 0
