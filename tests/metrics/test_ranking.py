from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from isogloss.evaluation.bootstrap import estimate
from isogloss.evaluation.counts import count_items, language_values
from isogloss.metrics import load_metric
from isogloss.metrics.ranking import ndcg
from isogloss.records import LabelPrediction, Sentence

GRADES = ("0", "1", "2", "3", "4")


def pages(queries, language="de"):
    """Pages with a grade, of queries named by number."""
    flat = [(str(number), grade) for number, query in enumerate(queries, 1) for grade in query]
    return [
        Sentence(id=str(i), language=language, text=f"query {group}", text_pair="page", label=str(grade), group=group)
        for i, (group, grade) in enumerate(flat, 1)
    ]


def guesses(gold, grades, probabilities=None):
    rows = probabilities or [{label: float(label == str(grade)) for label in GRADES} for grade in grades]
    return [LabelPrediction(r.id, r.language, str(g), p) for r, g, p in zip(gold, grades, rows, strict=True)]


def value(name, gold, predictions):
    return language_values(metric := load_metric(name), count_items(metric, gold, predictions, GRADES))


def test_two_pages_in_the_wrong_order_are_discounted_by_their_rank():
    gold = pages([(3, 1)])
    best, turned = 3 + 1 / log2(3), 1 + 3 / log2(3)
    assert value("nDCG", gold, guesses(gold, (2, 0))) == {"de": 100}
    assert value("nDCG", gold, guesses(gold, (0, 2))) == {"de": pytest.approx(100 * turned / best)}


def test_pages_of_the_same_grade_share_the_discount_of_their_places():
    gold = pages([(3, 1)])
    tied = (3 + 1) * (1 + 1 / log2(3)) / 2
    assert value("nDCG", gold, guesses(gold, (1, 1))) == {"de": pytest.approx(100 * tied / (3 + 1 / log2(3)))}


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), min_size=2, max_size=12))
def test_a_query_scores_what_scikit_learn_says(documents):
    grades, scores = np.array(documents, float).T
    assert ndcg(grades, scores) == pytest.approx(ndcg_score(grades[None], scores[None]))


def test_single_pages_are_left_out_and_queries_without_a_relevant_page_are_0():
    gold = pages([(4,), (2, 0), (0, 0)])
    assert value("nDCG", gold, guesses(gold, (0, 1, 0, 1, 0))) == {"de": 50}


def test_the_expected_grade_parts_pages_that_the_predicted_one_ties():
    gold = pages([(1, 0)])
    rows = [{"0": 0.6, "1": 0.4, "2": 0, "3": 0, "4": 0}, {"0": 0.7, "1": 0.3, "2": 0, "3": 0, "4": 0}]
    found = guesses(gold, (0, 0), rows)
    assert value("nDCG_expected", gold, found) == {"de": 100}
    assert value("nDCG", gold, found) == {"de": pytest.approx(100 * (1 + 1 / log2(3)) / 2)}


def test_queries_of_the_same_number_in_two_languages_are_two():
    gold = pages([(1, 0)]) + pages([(0, 1)], "fr")
    assert value("nDCG", gold, guesses(gold, (1, 0, 0, 1))) == {"de": 100, "fr": 100}


def test_the_bootstrap_draws_queries():
    gold = pages([(1, 0)] * 5 + [(0, 1)] * 5)
    counts = count_items(metric := load_metric("nDCG"), gold, guesses(gold, (1, 0) * 10), GRADES)
    assert {tag: list(items) for tag, items in counts.items()} == {"de": [str(i) for i in range(1, 11)]}
    score = estimate(counts, metric.value).languages["de"]
    assert (score.n, score.value) == (10, pytest.approx(50 + 50 / log2(3)))
    assert score.ci95[0] < score.value < score.ci95[1]
