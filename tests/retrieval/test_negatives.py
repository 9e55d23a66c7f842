from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_ranking import collection, queries

from isogloss.errors import UserError
from isogloss.records import RankingPrediction
from isogloss.retrieval import rankers
from isogloss.retrieval._negatives import sampler
from isogloss.retrieval._training_queries import language_pairs, material

WIDE = (1, 100)


@pytest.fixture(scope="module")
def found():
    documents = collection()
    records = [*queries("en", documents), *queries("de", documents)]
    return material(records, language_pairs((), ("en", "de")))


class Backwards:
    """Ranks the documents of a collection from its end."""

    name = "backwards"

    def rank(self, asked, top_k):
        return [
            RankingPrediction(
                query.id, query.language, tuple(each.id for each in query.documents[::-1][:top_k]), (0.0,) * top_k
            )
            for query in asked
        ]


@given(count=st.integers(1, 40), seed=st.integers(0, 5), number=st.integers(0, 23))
def test_random_negatives_are_different_documents_that_are_not_known_to_answer(found, count, seed, number):
    asked = found.queries[number]
    drawn = sampler("random", count, WIDE, found, seed)(number, 7)
    assert len(drawn) == len(set(drawn)) == min(count, len(found.pool) - len(asked.known))
    assert not set(drawn) & asked.known


def test_an_example_always_draws_the_same_and_others_draw_others(found):
    draw, again = (sampler("random", 5, WIDE, found, 3) for _ in range(2))
    assert [draw(0, example) for example in range(6)] == [again(0, example) for example in range(6)]
    assert len({tuple(draw(0, example)) for example in range(6)}) == 6
    assert sampler("random", 5, WIDE, found, 4)(0, 0) != draw(0, 0)


def test_a_rankers_negatives_lie_in_the_band_and_are_never_known(found, monkeypatch):
    monkeypatch.setattr(rankers, "load_ranker", lambda spec: Backwards())
    draw = sampler("backwards", 30, (2, 6), found, 1)
    last = [int(number) for number in found.pool[::-1]]
    for number, asked in enumerate(found.queries):
        assert set(draw(number, number)) == set(last[1:6]) - asked.known


def test_given_negatives_are_the_candidates_that_came_with_the_query():
    documents = collection(("en",))
    records = [replace(query, documents=documents[i : i + 3]) for i, query in enumerate(queries("en", documents)[:9])]
    own = material(records, [("en", "en")])
    draw = sampler("given", 5, WIDE, own, 1)
    for number, asked in enumerate(own.queries):
        assert sorted(draw(number, 0)) == sorted(asked.given) and len(asked.given) == 2


def test_no_negatives_are_asked_for_and_none_are_drawn(found):
    assert sampler("random", 0, WIDE, found, 1)(0, 0) == []


def test_mistakes_are_told(found):
    with pytest.raises(UserError, match="negatives = given: no query has any"):
        sampler("given", 2, WIDE, found, 1)
    for band in ((0, 5), (6, 5)):
        with pytest.raises(UserError, match="set 0 or more, of ranks from 1 on"):
            sampler("random", 2, band, found, 1)
    with pytest.raises(UserError, match="no ranker 'bm52'"):
        sampler("bm52", 2, WIDE, found, 1)
