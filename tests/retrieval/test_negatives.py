from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_ranking import collection, queries

from isogloss.errors import UserError
from isogloss.records import RankingPrediction
from isogloss.retrieval import rankers
from isogloss.retrieval._negatives import pools_by_language, sampler
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


def test_a_rankers_negatives_lie_in_the_band_of_each_language_and_are_never_known(found, monkeypatch):
    monkeypatch.setattr(rankers, "load_ranker", lambda spec: Backwards())
    draw = sampler("backwards", 3, (2, 12), found, 1)
    bands = {tag: set(numbers[::-1][1:12].tolist()) for tag, numbers in pools_by_language(found).items()}
    drawn = set()
    for number, asked in enumerate(found.queries):
        for example in range(8):
            own = set(draw(number, 8 * number + example))
            assert len(own) == 3 and own <= (bands["en"] | bands["de"]) - asked.known
            drawn |= own
    assert drawn == bands["en"] | bands["de"]


def test_negatives_are_in_the_languages_of_answers_whatever_a_ranker_prefers():
    documents = collection()
    records = [*queries("en", documents), *queries("de", documents)]
    for pairs, share in {("en-en", "en-de", "de-de", "de-en"): 0.5, ("en-en", "de-en"): 1.0}.items():
        found = material(records, language_pairs(pairs, ("en", "de")))
        for source in ("bm25", "random"):
            draw = sampler(source, 4, WIDE, found, 1)
            for asked, first in (("en", 0), ("de", len(found.queries) // 2)):
                assert found.queries[first].language == asked
                drawn = [draw(first + example % 10, example) for example in range(200)]
                english = [found.documents[number].language == "en" for own in drawn for number in own]
                assert len(english) == 800 and abs(sum(english) / 800 - share) < 0.06  # more than three deviations


def test_where_a_ranker_finds_too_few_others_of_the_language_are_drawn(found, monkeypatch):
    class Nothing(Backwards):
        def rank(self, asked, top_k):
            empty = [RankingPrediction(query.id, query.language, (), ()) for query in asked]
            return empty if asked[0].documents[0].language == "de" else super().rank(asked, top_k)

    monkeypatch.setattr(rankers, "load_ranker", lambda spec: Nothing())
    draw = sampler("nothing", 4, (1, 5), found, 1)
    tags = {found.documents[number].language for example in range(20) for number in draw(0, example)}
    assert tags == {"en", "de"} and all(len(draw(0, example)) == 4 for example in range(20))


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
