import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.retrieval.nearest import nearest_neighbours, top


def units(rows, width=8, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("block", [1, 3, 7, 100])
@pytest.mark.parametrize("k", [1, 4, 50])
def test_blocks_change_nothing(block, k):
    queries, documents = units(10), units(13, seed=1)
    found, whole = nearest_neighbours(queries, documents, k, block=block), queries @ documents.T
    order = np.argsort(-whole, axis=1, kind="stable")[:, :k]
    assert found.places.tolist() == order.tolist()
    np.testing.assert_allclose(found.cosines, np.take_along_axis(whole, order, 1), rtol=1e-5)


def test_of_equal_cosines_the_earlier_document_wins_whatever_the_block():
    queries, documents = np.ones((1, 1), np.float32), np.ones((9, 1), np.float32)
    for block in (1, 2, 4, 9):
        assert nearest_neighbours(queries, documents, 3, block=block).places.tolist() == [[0, 1, 2]]


@given(st.lists(st.lists(st.integers(-3, 3), min_size=25, max_size=25), min_size=1, max_size=6), st.integers(1, 27))
def test_top_is_a_stable_sort_for_few_and_for_many(rows, k):
    scores = np.array(rows, np.float32)
    found = top(scores, k)
    assert found.places.tolist() == np.argsort(-scores, axis=1, kind="stable")[:, :k].tolist()
    assert (scores == np.array(rows)).all()
