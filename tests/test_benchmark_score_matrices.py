"""The benchmark of score matrices on made-up vectors and scores: what it must say is known beforehand."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import anchors, banks, score_matrices_page
from benchmarks.anchors import Field, MaxSim, Table, Tokens
from benchmarks.banks import Material, Side
from benchmarks.pieces import Table as Shown
from isogloss.records import Document, RankedQuery, RankingPrediction
from isogloss.retrieval.anncur import Settings
from isogloss.retrieval.dbnorm import BANKS


def sides(count, seed, hub):
    """Translations, and texts near to them that all lean towards one direction."""
    random = np.random.default_rng(seed)
    translations = random.normal(size=(count, 12))
    texts = translations + 0.8 * random.normal(size=(count, 12)) + 1.5 * hub
    return Side(*(side / np.linalg.norm(side, axis=1, keepdims=True) for side in (texts, translations)))


def test_hubs_are_corrected_and_every_row_has_its_control():
    hub = np.random.default_rng(9).normal(size=12)
    bank = [sides(150, seed, hub) for seed in (5, 6)]
    material = Material("toy", "de-en", "toy", sides(80, 1, hub), sides(90, 2, hub), {"150": bank})
    rows = {row["correction"]: row for row in banks.measured(material)}
    assert rows.keys() == {*BANKS, "margin"} and all(row["task"] == "toy" for row in rows.values())
    assert rows["is"]["R@1"]["value"] > rows["raw"]["R@1"]["value"]
    assert rows["is"]["skewness@10"] < rows["raw"]["skewness@10"]
    difference = rows["is"]["R@1"]["value"] - rows["raw"]["R@1"]["value"]
    assert rows["is"]["R@1 minus raw"]["value"] == pytest.approx(difference)
    assert len(rows["dual_is"]["betas"]) == 2 and rows["dual_is"]["betas"][0].keys() == {"query", "gallery"}


class ByNumber:
    """A first stage that proposes the first items, whatever is asked."""

    name = "first"

    def rank(self, queries, top_k):
        names = [document.id for document in queries[0].documents[:top_k]]
        return [
            RankingPrediction(query.id, query.language, tuple(names), tuple([1.0] * len(names))) for query in queries
        ]


def toy_field():
    random = np.random.default_rng(0)
    matrix = (random.normal(size=(30, 4)) @ random.normal(size=(4, 150))).astype(np.float32)
    items = [Document(id=f"d{number}", language="en", text=f"i{number}") for number in range(150)]
    rows = {f"q{number}": row for number, row in enumerate(matrix)}
    queries = [
        RankedQuery(id=text, language="en", text=text, documents=tuple(items), gains={f"d{rows[text].argmax()}": 1})
        for text in list(rows)[20:]
    ]
    return Field(items, list(rows)[:20], queries, Table("table", rows, {item.text: i for i, item in enumerate(items)}))


def test_ways_are_compared_at_equal_calls():
    found = toy_field()
    settings = Settings(budget=110, share=0.1, ridge=0.0)
    ways = {
        "first, re-scored": [anchors.reranked(found, ByNumber(), 110)],
        "anncur, random": [anchors.searched(found, settings, None)],
    }
    rows = {(row["method"], row["k"]): row for row in anchors.compared(found, ways, 110)}
    expected = np.mean([(np.argsort(-found.scorer.rows[query.text])[:10] < 110).mean() for query in found.queries])
    assert rows["first, re-scored", 10]["recall"]["value"] == pytest.approx(100 * expected)
    assert [rows["anncur, random", k]["recall"]["value"] for k in anchors.CUTS] == [100, 100, 100]  # of rank 4
    assert rows["anncur, random", 1]["right"]["value"] == 100
    assert rows["anncur, random", 10]["minus"]["of"] == "first, re-scored"
    assert anchors.alone(found, {"first": ByNumber()})["table"] == {"1": 100.0, "10": 100.0, "100": 100.0}


def test_max_sim_is_the_mean_of_the_nearest_tokens_by_idf():
    texts = {"a b": [1, 2], "a": [1], "b b": [2, 2], "c": [3]}
    known = {text: Tokens(np.array(ids), np.eye(4, dtype=np.float32)[ids]) for text, ids in texts.items()}
    encoder = SimpleNamespace(config=SimpleNamespace(vocab_size=4))
    found = MaxSim(encoder, None, known=known).scores(["a b", "a"], [["a", "b b", "c"]] * 2)
    np.testing.assert_allclose(found, [[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]], atol=1e-6)  # both words are as rare


class Counting:
    name, pairwise = "counting", True

    def __init__(self):
        self.calls = 0

    def scores(self, queries, documents):
        self.calls += sum(map(len, documents))
        pairs = zip(queries, documents, strict=True)
        return [np.array([len(query) * 10.0 + len(text) for text in own]) for query, own in pairs]


def test_scores_that_are_kept_are_not_asked_for_again(tmp_path):
    items = [Document(id=f"d{number}", language="en", text="x" * number) for number in (3, 1, 2)]
    scorer = Counting()
    direct, columns = anchors.all_scores(scorer, ["a", "bb"], items, None)
    asked = scorer.calls
    for _ in range(2):
        matrix, kept = anchors.all_scores(scorer, ["a", "bb"], items, tmp_path / "kept")
        np.testing.assert_array_equal(matrix, direct)
        assert kept == columns
    assert asked == 6 and scorer.calls < 3 * asked  # once more, and a few to know the scorer again


def test_the_page_shows_every_correction_and_every_way():
    hub = np.random.default_rng(9).normal(size=12)
    bank = {name: [sides(120, seed, hub)] for seed, name in enumerate(("20", "120", "120, of Tatoeba"))}
    rows = banks.measured(Material("toy", "de-en", "toy", sides(40, 11, hub), sides(40, 12, hub), bank))
    found = toy_field()
    ways = {
        "first, re-scored": [anchors.reranked(found, ByNumber(), 110)],
        "anncur, random": [anchors.searched(found, Settings(budget=110, share=0.1, ridge=0.0), None)],
    }
    compared = anchors.compared(found, ways, 110)
    content = {
        "banks": rows,
        "anchors": [{
            "scorer": "table", "items": 150, "questions": 10, "anchor_queries": 20, "rows": compared,
            "alone": anchors.alone(found, {"first": ByNumber()}), "variants": compared[:2],
        }],
    }  # fmt: skip
    _, describe = score_matrices_page.PARTS["Matrices of scores"][1:]
    pieces = list(describe(content))
    tables = [piece for piece in pieces if isinstance(piece, Shown)]
    assert [row[0] for row in tables[0].rows] == ["raw", *(kind for kind in BANKS if kind != "raw"), "margin"]
    assert list(tables[0].header) == ["correction", *(f"bank of {name}" for name in bank), "hubs"]
    assert all(len(row) == len(table.header) for table in tables for row in table.rows)
    assert ["anncur, random", "100.0 +"] in [list(row) for table in tables for row in table.rows]
