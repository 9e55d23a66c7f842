"""An index as a ranker: it ranks the collection that it holds, and says so where it is asked for another."""

import pytest
from retrieval.words import documents

from isogloss.errors import UserError
from isogloss.records import RankedQuery
from isogloss.retrieval.dense import Dense
from isogloss.retrieval.indexing import build
from isogloss.retrieval.rankers import load_ranker, ranks


def queries(docs, count=3):
    return [RankedQuery(id=f"q{i}", language="en", text=f"w{i} y1", documents=docs) for i in range(count)]


def test_an_index_ranks_as_its_encoder_does_without_one(words, tmp_path):
    docs = tuple(documents(40))
    build(docs, "words", tmp_path / "i")
    ranker, asked = load_ranker(f"index:{tmp_path / 'i'}"), queries(docs)
    plain = Dense("dense:words", lambda texts: words.encode("words", texts)).rank(asked, 7)
    for ours, theirs in zip(ranker.rank(asked, 7), plain, strict=True):
        assert (ours.id, ours.language, ours.documents) == (theirs.id, theirs.language, theirs.documents)
        assert ours.scores == pytest.approx(theirs.scores, rel=1e-5)
    assert ranker.name == f"index:{tmp_path / 'i'}" and ranks(ranker.name)


@pytest.mark.parametrize(
    "docs, complaint",
    [
        (documents(9), "it holds 10; build an index of these, or use dense:ENCODER"),
        (documents(11), "1 of its 11 documents are not in it"),
        ([*documents(9), *documents(1, tag="fr")], "1 of its 10 documents are not in it"),
    ],
)
def test_another_collection_than_the_index_holds_is_refused(docs, complaint, words, tmp_path):
    build(documents(10), "words", tmp_path / "i")
    with pytest.raises(UserError, match=complaint):
        load_ranker(f"index:{tmp_path / 'i'}").rank(queries(tuple(docs)), 5)


@pytest.mark.parametrize(
    "spec, settings, complaint",
    [
        ("index:", (), "name the folder behind the colon"),
        ("index:nowhere", (), "nowhere is no index"),
        ("index:nowhere", ("k=1",), "an index has no settings"),
    ],
)
def test_what_is_no_index_is_one_line(spec, settings, complaint):
    with pytest.raises(UserError, match=complaint):
        load_ranker(spec, settings)
