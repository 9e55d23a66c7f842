"""Rankers by name, an encoder as it is, and scorers behind a first stage."""

import numpy as np
import pytest

from isogloss.errors import UserError
from isogloss.records import Document, RankedQuery
from isogloss.retrieval.dense import Dense
from isogloss.retrieval.nearest import nearest_neighbours, top
from isogloss.retrieval.ranker import ranking
from isogloss.retrieval.rankers import load_ranker, ranker_files, ranks, run_of
from isogloss.retrieval.reranked import Reranked

DOCUMENTS = tuple(Document(id=str(i), language="en", text="x" * (i + 1)) for i in range(30))
QUERY = RankedQuery(id="q", language="de", text="xxx", documents=DOCUMENTS)


class ByLength:
    """Scores a document by how near its length is to the query's; remembers what it was asked."""

    name, pairwise = "length", True

    def __init__(self):
        self.asked = []

    def scores(self, queries, documents):
        self.asked += [len(each) for each in documents]
        return [np.array([-abs(len(d) - len(q)) for d in each]) for q, each in zip(queries, documents, strict=True)]


class Backwards:
    name = "backwards"

    def rank(self, queries, top_k):
        return [ranking(query, np.arange(len(query.documents)), top_k) for query in queries]


def test_many_of_the_highest_are_those_of_a_stable_sort():
    scores = np.random.default_rng(0).integers(0, 6, size=(7, 200)).astype(np.float32)
    for k in (3, 16, 17, 150, 500):
        found = top(scores, k)
        expected = [sorted(range(200), key=lambda i, row=row: (-row[i], i))[:k] for row in scores]
        assert found.places.tolist() == expected
        assert (np.diff(found.cosines) <= 0).all()


def test_neighbours_do_not_depend_on_the_blocks():
    vectors = np.random.default_rng(0).integers(-2, 3, size=(40, 2)).astype(np.float32)  # many ties
    whole = nearest_neighbours(vectors, vectors, 25)
    for block in (3, 7, 40):
        assert (nearest_neighbours(vectors, vectors, 25, block=block).places == whole.places).all()


def test_a_scorer_compares_only_what_the_first_stage_puts_first():
    scorer = ByLength()
    (found,) = Reranked(scorer, Backwards(), 10).rank([QUERY], 3)
    assert scorer.asked == [10]
    assert found.documents == ("20", "21", "22")  # of the last ten the shortest
    assert found.scores == (-18.0, -19.0, -20.0)


def test_a_query_with_few_documents_needs_no_first_stage():
    scorer = ByLength()
    few = RankedQuery(id="q", language="de", text="xx", documents=DOCUMENTS[:4])
    found = Reranked(scorer, Backwards(), 4).rank([few, QUERY], 2)
    assert scorer.asked == [4, 4] and found[0].documents == ("1", "0") and found[1].documents == ("26", "27")


def test_an_encoder_ranks_by_cosine_and_reads_a_shared_collection_once():
    calls = []

    def encode(texts):
        calls.append(len(texts))
        angles = np.array([0.1 * len(text) for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)

    ranker = Dense("dense:toy", encode)
    for _ in range(2):
        (found,) = ranker.rank([QUERY], 3)
        assert found.documents[0] == "2" and set(found.documents) == {"1", "2", "3"}
    assert calls == [1, 30, 1]
    own = [RankedQuery(id=str(i), language="de", text="x", documents=DOCUMENTS[i : i + 3]) for i in range(3)]
    assert [each.documents for each in ranker.rank(own, 1)] == [("0",), ("1",), ("2",)]
    assert calls[3:] == [3, 9]


def test_the_folder_is_the_registry_and_an_unknown_ranker_names_the_nearest(tmp_path):
    assert {"bm25", "dense", "run"} <= ranker_files().keys()
    assert ranks("bm25") and ranks("dense:tiny") and not ranks("tiny") and not ranks("hf:x")
    with pytest.raises(UserError, match="no ranker 'bm52'; did you mean bm25"):
        load_ranker("bm52")
    with pytest.raises(UserError, match="name the encoder behind the colon"):
        load_ranker("dense")
    with pytest.raises(UserError, match="is not a run"):
        load_ranker(f"run:{tmp_path}")
    assert run_of("bm25") is None and run_of("run:x").name == "x"


def test_a_folder_called_like_a_ranker_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dense").mkdir()
    assert not ranks("dense")


def test_a_run_that_does_not_rank_is_told(trained):
    folder = trained("classification", "zero_shot")
    assert not ranks(folder)
    with pytest.raises(UserError, match="a run of zero_shot, which does not rank"):
        load_ranker(f"run:{folder}")
