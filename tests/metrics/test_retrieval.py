"""Measures of rankings: those of pytrec_eval, by any name that ir-measures reads."""

import random

import numpy as np
import pytest
import pytrec_eval

from isogloss.errors import UserError
from isogloss.metrics import load_metric
from isogloss.metrics.retrieval import depth_of
from isogloss.records import RankedQuery, RankingPrediction

SAME = {
    "nDCG@10": "ndcg_cut_10",
    "R@5": "recall_5",
    "AP": "map",
    "P@1": "P_1",
    "RR": "recip_rank",
    "Success@5": "success_5",
}


def random_rankings(seed):
    """Queries with random grades and rankings of a part of their documents; the scores are all the same."""
    draw = random.Random(seed)
    names = [f"d{i}" for i in range(20)]
    gold, guesses = [], []
    for query in range(8):
        gains = {name: draw.choice((0, 0, 1, 2)) for name in draw.sample(names, draw.randint(1, 12))}
        ranked = tuple(draw.sample(names, draw.randint(0, 20)))
        gold.append(RankedQuery(id=str(query), language="de", text="t", documents=(), gains=gains))
        guesses.append(RankingPrediction(str(query), "de", ranked, (1.0,) * len(ranked)))
    return gold, guesses


@pytest.mark.parametrize("seed", range(20))
def test_measures_are_those_of_pytrec_eval_in_the_order_of_the_ranking(seed):
    gold, guesses = random_rankings(seed)
    qrels = {query.id: dict(query.gains) for query in gold}
    run = {
        guess.id: {name: 1.0 / (1 + place) for place, name in enumerate(guess.documents)} or {"none": 0.0}
        for guess in guesses
    }
    expected = pytrec_eval.RelevanceEvaluator(qrels, set(SAME.values())).evaluate(run)
    relevant = [query.id for query in gold if max(query.gains.values()) > 0]
    for ours, theirs in SAME.items():
        metric = load_metric(ours)
        counts = metric.counts(gold, guesses, ())
        found = {query.id: row[0] for query, row in zip(gold, counts, strict=True) if row[1]}
        assert found == pytest.approx({name: expected[name][theirs] for name in relevant}, abs=1e-6), ours
        mean = np.mean([expected[name][theirs] for name in relevant]) if relevant else 0
        assert metric.value(counts.sum(0)) == pytest.approx(100 * mean)


def test_a_query_without_a_relevant_document_is_left_out():
    gold = [
        RankedQuery(id="1", language="de", text="t", documents=(), gains=gains) for gains in ({"a": 0}, {}, {"a": 1})
    ]
    guesses = [RankingPrediction("1", "de", ("a",), (1.0,))] * 3
    counts = load_metric("P@1").counts(gold, guesses, ())
    assert counts.tolist() == [[0, 0], [0, 0], [1, 1]]


def test_a_cut_off_and_a_grade_that_counts_as_relevant_are_part_of_the_name():
    gold = [RankedQuery(id="1", language="de", text="t", documents=(), gains={"a": 1, "b": 2})]
    guesses = [RankingPrediction("1", "de", ("x", "a", "b"), (3.0, 2.0, 1.0))]
    values = [load_metric(name).counts(gold, guesses, ())[0, 0] for name in ("RR@1", "RR@10", "RR(rel=2)@10")]
    assert values == pytest.approx([0, 1 / 2, 1 / 3])


def test_the_signature_names_library_cut_off_and_ties():
    signature = load_metric("nDCG@10").signature
    assert signature.startswith("nDCG@10|") and "ties:earlier" in signature and "|ir-measures:" in signature
    assert "depth:1000" in load_metric("AP").signature
    assert (depth_of("nDCG@10"), depth_of("AP")) == (10, 1000)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ndcg@10", "no metric 'ndcg@10'; did you mean nDCG@10"),
        ("nDCG@ten", "no metric 'nDCG@ten'; did you mean nDCG@10"),
        ("nDCG@0", "no metric 'nDCG@0'"),
        ("acuracy", "no metric 'acuracy'; did you mean accuracy"),
        ("alpha_nDCG@10", "no metric 'alpha_nDCG@10'"),
    ],
)
def test_an_unknown_measure_names_the_nearest(name, told):
    with pytest.raises(UserError, match=told):
        load_metric(name)
