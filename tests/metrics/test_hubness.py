import numpy as np
import pytest

from isogloss.metrics.hubness import hubness, hubness_of
from isogloss.records import Document, RankingPrediction


def test_documents_that_are_found_alike_have_no_skewness():
    assert hubness(np.array([[0], [1], [2], [3]]), 4) == (0.0, 1, 0.0)


def test_one_hub_among_n_documents_has_the_skewness_of_one_draw():
    # N = (Q, 0, ..., 0): a coin with p = 1/n, whose skewness is (1 - 2p) / sqrt(p (1 - p)), whatever Q is
    for queries in (1, 7):
        found = hubness(np.zeros((queries, 1), int), 10)
        assert found.skewness == pytest.approx((1 - 0.2) / 0.3) and found.most == queries
        assert found.never == pytest.approx(90)


def test_rankings_count_by_their_k_best_alone():
    documents = [Document(id=name, language="en", text=name) for name in "abcd"]
    rankings = [RankingPrediction(str(i), "de", ("d", second), (1.0, 0.5)) for i, second in enumerate("abc")]
    assert hubness_of(rankings, documents, 1) == hubness(np.array([[3], [3], [3]]), 4)
    assert hubness_of(rankings, documents, 2) == hubness(np.array([[3, 0], [3, 1], [3, 2]]), 4)
