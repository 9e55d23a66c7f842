import json
from dataclasses import dataclass, field

import numpy as np
import pytest

from isogloss.errors import UserError
from isogloss.records import Document, RankedQuery, RankingPrediction
from isogloss.retrieval._anchor_items import medoids
from isogloss.retrieval._anchor_scores import CALLS_OF_A_BLOCK
from isogloss.retrieval.anncur import (
    RIDGES,
    SHARES,
    Method,
    Settings,
    anchors_of,
    build_index,
    decomposition,
    mixture,
    open_index,
    recall,
)

FIXED = {"share": 0.5, "ridge": 0.0}


@dataclass
class Table:
    """A scorer that looks its scores up: query "q3" and item "i7" are row 3 and column 7."""

    matrix: np.ndarray
    pairwise: bool = True
    name: str = "table"
    seen: list = field(default_factory=list)
    stop_after: int | None = None

    def scores(self, queries, documents):
        found = []
        for query, texts in zip(queries, documents, strict=True):
            self.seen += [(query, text) for text in texts]
            found.append(np.array([self.matrix[int(query[1:]), int(text[1:])] for text in texts], np.float32))
        if self.stop_after is not None and len(self.seen) > self.stop_after:
            raise KeyboardInterrupt
        return found


def low_rank(queries, items, rank, seed=0, noise=0.0):
    random = np.random.default_rng(seed)
    left, right = random.normal(size=(queries, rank)), random.normal(size=(rank, items))
    return (left @ right + noise * random.normal(size=(queries, items))).astype(np.float32)


def items_of(numbers):
    return [Document(id=f"d{number}", language="en", text=f"i{number}") for number in numbers]


def index_of(table, items=60, anchors=20, folder=None, **settings):
    queries = [f"q{number}" for number in range(anchors)]
    return build_index(table, items_of(range(items)), queries, Settings(**FIXED | settings), folder=folder)


def exact(matrix, query, k):
    order = np.argsort(-matrix[query], kind="stable")[:k]
    return [f"i{place}" for place in order]


def texts(index, places):
    return [index.items[place].text for place in places]


def test_a_matrix_of_rank_r_is_found_exactly_with_r_anchors_of_both_kinds():
    matrix = low_rank(25, 60, 4)
    index = index_of(Table(matrix), budget=14, share=4 / 14)
    found = index.search([f"q{number}" for number in range(20, 25)], 10)  # none of them an anchor query
    for row, places, scores in zip(range(20, 25), *found, strict=True):
        assert texts(index, places) == exact(matrix, row, 10)
        np.testing.assert_array_equal(scores, np.sort(matrix[row])[::-1][:10])


def test_the_mixture_gives_the_other_scores_of_a_matrix_of_low_rank():
    matrix = low_rank(12, 30, 3).astype(np.float64)
    anchors = [4, 9, 11, 20]
    weights = mixture(matrix[10:, anchors], decomposition(matrix[:10, anchors]))
    np.testing.assert_allclose(weights @ matrix[:10], matrix[10:], atol=1e-4)


def test_the_mixture_is_the_pseudo_inverse_and_the_ridge_the_formula_of_the_normal_equations():
    strip = np.random.default_rng(0).normal(size=(9, 5))
    parts, c = decomposition(strip), np.random.default_rng(1).normal(size=(2, 5))
    np.testing.assert_allclose(mixture(c, parts), c @ np.linalg.pinv(strip), atol=1e-5)
    weight = 0.01 * parts.s[0] ** 2
    normal = np.linalg.inv(strip.T @ strip + weight * np.eye(5)) @ strip.T
    np.testing.assert_allclose(mixture(c, parts, ridge=0.01), c @ normal, atol=1e-5)


def test_a_ridge_that_goes_to_nothing_is_the_pseudo_inverse():
    strip, c = np.random.default_rng(0).normal(size=(9, 5)), np.ones((1, 5))
    parts = decomposition(strip)
    apart = [np.abs(mixture(c, parts, ridge=ridge) - mixture(c, parts)).max() for ridge in (1e-1, 1e-3, 1e-5, 1e-9)]
    assert apart == sorted(apart, reverse=True) and apart[-1] < 1e-5


def test_anchor_items_that_are_nearly_alike_do_not_explode():
    matrix = low_rank(12, 8, 3)
    matrix[:, 1] = matrix[:, 0] + 1e-7 * np.random.default_rng(5).normal(size=12)
    careful = mixture(matrix[10:, :5] + 0.01, decomposition(matrix[:10, :5]))
    assert np.abs(careful).max() < 10


@pytest.mark.parametrize("budget", [2, 3, 7, 20, 59, 60, 100])
def test_the_budget_is_never_exceeded_and_a_pair_never_scored_twice(budget):
    table = Table(low_rank(25, 60, 6, noise=0.1))
    index = index_of(table, budget=budget)
    before = len(table.seen)
    assert before == index.calls == 20 * 60
    found = index.search(["q21", "q22"], 5)
    for query in ("q21", "q22"):
        called = [pair for pair in table.seen[before:] if pair[0] == query]
        assert len(called) == len(set(called)) == min(budget, 60)
    assert index.calls == len(table.seen) and found.places.shape == (2, min(5, budget))


def test_a_budget_for_all_items_gives_the_scorers_own_ranking():
    matrix = low_rank(25, 30, 10)
    index = index_of(Table(matrix), items=30, budget=30)
    assert texts(index, index.search(["q24"], 7).places[0]) == exact(matrix, 24, 7)


def test_the_order_of_the_items_changes_nothing():
    matrix = low_rank(25, 60, 8, noise=0.3)
    queries = [f"q{number}" for number in range(20)]
    found = []
    for order in (range(60), np.random.default_rng(0).permutation(60)):
        index = build_index(Table(matrix), items_of(order), queries, Settings(budget=15))
        result = index.search(["q23", "q24"], 6)
        found.append([texts(index, places) for places in result.places])
        assert index.choice(6, 15).share in SHARES and index.choice(6, 15).ridge in RIDGES
    assert found[0] == found[1]


def test_items_that_come_later_give_the_index_that_was_built_with_them(tmp_path):
    matrix, queries = low_rank(25, 60, 8, noise=0.3), [f"q{number}" for number in range(20)]
    for folder in (None, tmp_path / "index"):
        table = Table(matrix)
        index = build_index(table, items_of(range(45)), queries, Settings(budget=16), folder=folder)
        index.search(["q22"], 4)
        before = len(table.seen)
        index.add(items_of(range(45, 60)))
        assert len(table.seen) - before == 15 * 20  # a call for each anchor query and new item
        whole = build_index(Table(matrix), items_of(range(60)), queries, Settings(budget=16))
        np.testing.assert_array_equal(index.search(["q22", "q24"], 5).places, whole.search(["q22", "q24"], 5).places)
        assert index.choice(5, 16) == pytest.approx(whole.choice(5, 16), rel=1e-4)


def test_an_index_that_is_opened_again_is_memory_mapped_and_the_same(tmp_path):
    matrix = low_rank(25, 60, 8, noise=0.3)
    first = index_of(Table(matrix), folder=tmp_path / "index", budget=12, share=None, ridge=None)
    table = Table(matrix)
    again = open_index(table, tmp_path / "index")
    assert len(table.seen) == 3  # pairs that are checked
    assert again.settings == first.settings and again.items == first.items
    assert isinstance(again.known.blocks[0], np.memmap)
    for one, other in zip(first.search(["q23"], 5), again.search(["q23"], 5), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_build_that_is_stopped_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr("isogloss.retrieval._anchor_scores.CALLS_OF_A_BLOCK", 100)  # five items of 20 calls
    matrix = low_rank(25, 60, 6)
    stopped = Table(matrix, stop_after=750)
    with pytest.raises(KeyboardInterrupt):
        index_of(stopped, folder=tmp_path / "index")
    assert len(list((tmp_path / "index").glob("block-*"))) == 7
    table = Table(matrix)
    index = index_of(table, folder=tmp_path / "index")
    assert len(table.seen) == 1200 - 700 + 3  # what was not kept, and three pairs that are checked
    whole = index_of(Table(matrix))
    assert index.items == whole.items
    for one, other in zip(index.search(["q22"], 5), whole.search(["q22"], 5), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not [path for path in (tmp_path / "index").iterdir() if path.name.startswith(".")]


def test_another_scorer_is_refused_and_so_are_other_queries(tmp_path):
    matrix = low_rank(25, 60, 6)
    index_of(Table(matrix), folder=tmp_path / "index")
    with pytest.raises(UserError, match="holds the scores of table, and other gives others"):
        open_index(Table(matrix + 1, name="other"), tmp_path / "index")
    with pytest.raises(UserError, match="holds the scores of 20 other anchor queries"):
        index_of(Table(matrix), anchors=19, folder=tmp_path / "index")
    with pytest.raises(UserError, match="holds no scores of anchor queries"):
        open_index(Table(matrix), tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("items.jsonl", '{"id": "x", "language": "en", "text": "i0"}\n', "other items than were scored"),
        ("scores.npy", "nothing", "is damaged"),
        ("sha256.json", "{}", "is damaged"),
    ],
)
def test_a_damaged_block_is_named(tmp_path, name, content, message):
    index_of(Table(low_rank(25, 60, 6)), folder=tmp_path / "index")
    (tmp_path / "index" / "block-000000" / name).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=f"block-000000 .*{message}|block-000000 {message}"):
        open_index(Table(low_rank(25, 60, 6)), tmp_path / "index")


def test_a_missing_block_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr("isogloss.retrieval._anchor_scores.CALLS_OF_A_BLOCK", 600)
    table = Table(low_rank(25, 60, 6))
    index_of(table, folder=tmp_path / "index")
    (tmp_path / "index" / "block-000000").rename(tmp_path / "gone")
    with pytest.raises(UserError, match="block-000001 does not follow the block before it"):
        open_index(table, tmp_path / "index")


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_score_that_is_no_number_stops_the_build_and_names_the_pair(wrong):
    matrix = low_rank(25, 60, 6)
    matrix[7, 33] = wrong
    with pytest.raises(UserError, match=f"table gives {wrong} for query 'q7' and document 'i33'"):
        index_of(Table(matrix))


def test_a_scorer_of_several_documents_at_once_is_refused():
    with pytest.raises(UserError, match="reads several documents at once, so that its scores are no matrix"):
        index_of(Table(low_rank(25, 60, 6), pairwise=False))
    with pytest.raises(UserError, match="reads several documents at once"):
        Method(Settings()).approximate(Table(np.eye(2), pairwise=False))


def test_equal_texts_are_one_item_and_told(capsys):
    table = Table(low_rank(25, 60, 6))
    items = items_of(range(60)) + [Document(id="twin", language="de", text="i3")]
    index = build_index(table, items, ["q0", "q1"], Settings(**FIXED))
    assert [item.id for item in index.items] == [f"d{number}" for number in range(60)] and len(table.seen) == 120
    assert "1 documents have the text of another one" in capsys.readouterr().err


def test_what_makes_the_approximation_shaky_is_told(capsys):
    matrix = low_rank(25, 60, 3)
    index_of(Table(matrix), anchors=4, budget=20).search(["q22"], 15)
    told = capsys.readouterr().err
    assert "10 anchor items, but only 4 anchor queries" in told
    assert "a budget of 20 calls is small for 15 results; 30 or more would be better" in told
    assert "condition number of" in told


def test_nothing_to_build_from_is_an_error():
    table = Table(low_rank(25, 60, 6))
    with pytest.raises(UserError, match="0 items and 1 anchor queries"):
        build_index(table, [], ["q1"], Settings())
    with pytest.raises(UserError, match="4 anchor queries are too few to choose with"):
        index_of(table, anchors=4, share=None).search(["q20"], 3, 10)
    with pytest.raises(UserError, match="budget = 1: a query takes 2 calls at least"):
        index_of(table).search(["q20"], 1, 1)


def test_share_and_ridge_are_chosen_without_a_call():
    table = Table(low_rank(65, 200, 12, noise=0.5))
    index = index_of(table, items=200, anchors=60, share=None, ridge=None)
    before, choice = len(table.seen), index.choice(10, 40)
    assert len(table.seen) == before and choice.share in SHARES and choice.ridge in RIDGES
    assert 0 < choice.recall <= 1 and 0 < choice.error < 1
    worst = min(
        index._tried(10, 40, np.arange(60) % 5 == 4, [(share, ridge)]).recall for share in SHARES for ridge in RIDGES
    )
    assert choice.recall > worst


class First:
    """A first stage that knows the matrix but for some noise."""

    name = "first"

    def __init__(self, matrix):
        self.matrix = matrix

    def rank(self, queries, top_k):
        found = []
        for query in queries:
            scores = np.array([self.matrix[int(query.text[1:]), int(each.text[1:])] for each in query.documents])
            order = np.argsort(-scores, kind="stable")[: min(top_k, 9)]
            ids = tuple(query.documents[place].id for place in order)
            found.append(RankingPrediction(query.id, query.language, ids, tuple(map(float, scores[order]))))
        return found


def test_candidates_of_a_first_stage_are_each_querys_own_anchors():
    matrix = low_rank(30, 60, 8, noise=0.3)
    table, queries = Table(matrix), [f"q{number}" for number in range(25)]
    settings = Settings(budget=16, anchors="first_stage")
    index = build_index(table, items_of(range(60)), queries, settings, first_stage=First(matrix))
    for query in (27, 28):
        before = len(table.seen)
        found = index.search([f"q{query}"], 5)
        assert texts(index, found.places[0]) == exact(matrix, query, 5)  # its candidates hold the best
        called = [text for _, text in table.seen[before:]]
        assert len(called) == len(set(called)) == 16 and set(exact(matrix, query, 1)) <= set(called)
    with pytest.raises(UserError, match="anchors = first_stage needs a first stage"):
        build_index(table, items_of(range(60)), queries, settings).search(["q27"], 5)


def test_medoids_are_items_of_different_clusters():
    corners = np.repeat(np.eye(4, dtype=np.float32), 5, 0) + 0.05 * np.random.default_rng(0).normal(size=(20, 4))
    vectors = (corners / np.linalg.norm(corners, axis=1, keepdims=True)).astype(np.float32)
    order = np.random.default_rng(3).permutation(20)
    found = medoids(vectors[order], 4)
    assert len(set(found)) == 4
    assert len(set(medoids(vectors, 20))) == 20
    matrix = low_rank(25, 60, 6)
    index = build_index(
        Table(matrix),
        items_of(range(60)),
        [f"q{number}" for number in range(20)],
        Settings(budget=20, anchors="medoids", **FIXED),
        encode=lambda texts: np.eye(60, dtype=np.float32)[[int(text[1:]) for text in texts]],
    )
    assert texts(index, index.search(["q22"], 5).places[0]) == exact(matrix, 22, 5)


def test_the_split_of_a_budget_leaves_a_call_for_either_part():
    assert [anchors_of(share, budget) for share, budget in ((0.5, 10), (0.1, 2), (0.9, 2), (0.01, 50))] == [5, 1, 1, 1]


def test_recall_is_the_share_that_was_found():
    assert recall(np.array([[1, 2], [3, 4]]), np.array([[2, 9, 1], [4, 5, 6]])) == 0.75


def query(number, documents):
    return RankedQuery(id=f"n{number}", language="de", text=f"q{number}", documents=documents)


def test_the_ranker_takes_its_anchors_from_training_and_gives_equal_texts_equal_scores(capsys):
    matrix = low_rank(30, 60, 5)
    documents = (*items_of(range(60)), Document(id="twin", language="en", text="i0"))
    own = tuple(items_of([5, 6, 7]))
    table = Table(matrix)
    ranker = Method(Settings(budget=30, anchor_queries=10, **FIXED)).approximate(table)
    with pytest.raises(UserError, match="no training queries to take anchor queries from"):
        ranker.rank([query(21, documents)], 5)
    assert ranker.learn([query(number, own) for number in range(20)], []) == {}
    found = ranker.rank([query(21, documents), query(22, own), query(23, documents)], 61)
    assert found[1].documents == tuple(f"d{name[1:]}" for name in exact(matrix, 22, 60) if name in ("i5", "i6", "i7"))
    for row, each in ((21, found[0]), (23, found[2])):
        given = dict(zip(each.documents, each.scores, strict=True))
        assert each.documents[0] == f"d{exact(matrix, row, 1)[0][1:]}" and given.get("d0") == given.get("twin")
        assert len(given) == 30 + ("twin" in given)
    assert len(table.seen) == 10 * 60 + 2 * 30 + 3
    assert "anncur: 600 calls of table for the anchor queries, not kept" in capsys.readouterr().err


def test_a_folder_keeps_the_scores_of_every_collection(tmp_path, capsys):
    matrix = low_rank(30, 60, 5)
    settings = Settings(budget=20, anchor_queries=10, folder=str(tmp_path / "kept"), **FIXED)
    documents = [tuple(items_of(range(40))), tuple(items_of(range(30, 60)))]
    for calls in (10 * 70 + 4 * 20, 4 * 20 + 6 * 3):
        table = Table(matrix)
        ranker = Method(settings).approximate(table)
        ranker.learn([query(number, ()) for number in range(20)], [])
        ranker.rank([query(number, each) for each in documents for number in (25, 26)], 5)
        assert len(table.seen) <= calls
    assert len(list((tmp_path / "kept").iterdir())) == 2
    assert json.loads(next((tmp_path / "kept").rglob("anncur.json")).read_text())["scorer"] == "table"
    assert CALLS_OF_A_BLOCK > 1000 and "kept in" in capsys.readouterr().err
