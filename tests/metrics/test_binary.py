import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from isogloss.metrics import load_metric
from isogloss.metrics.binary import HIGHEST, STEPS_PER_UNIT
from isogloss.records import LabelPrediction, Sentence

LABELS = ("Bad", "Good")


def score(name, gold, probabilities):
    records = [Sentence(id=str(i), language="en", text="x", label=LABELS[g]) for i, g in enumerate(gold)]
    guesses = [
        LabelPrediction(str(i), "en", LABELS[int(p > 0.5)], {"Bad": round(float(1 - p), 6), "Good": round(float(p), 6)})
        for i, p in enumerate(probabilities)
    ]
    metric = load_metric(name)
    return metric.value(metric.counts(records, guesses, LABELS).sum(0))


def items(seed, number=2000):
    """Classes and probabilities that know something about them, some of them as sure as can be."""
    generator = np.random.default_rng(seed)
    gold = generator.integers(0, 2, number)
    odds = generator.normal(1.5 * (2 * gold - 1), 3)
    return gold, 1 / (1 + np.exp(-odds))


def in_steps(probabilities):
    """Log-odds as the metrics read them."""
    with np.errstate(divide="ignore"):
        odds = np.log(np.maximum(probabilities.round(6), 1e-6) / np.maximum((1 - probabilities).round(6), 1e-6))
    return np.round(STEPS_PER_UNIT * odds)


def test_the_area_is_the_share_of_pairs_in_the_right_order():
    # of the six pairs of a bad and a good one three are in order, and one is a tie
    gold, probabilities = [0, 0, 1, 1, 1], [0.2, 0.7, 0.1, 0.7, 0.9]
    assert score("ROC_AUC", gold, probabilities) == pytest.approx(100 * 3.5 / 6)


def test_average_precision_is_the_mean_precision_at_the_right_ones():
    assert score("average_precision", [1, 0, 1], [0.9, 0.8, 0.7]) == pytest.approx(100 * (1 + 2 / 3) / 2)
    assert score("average_precision", [1, 0], [0.8, 0.8]) == pytest.approx(100 / 1.5)
    assert score("average_precision_labels", [1, 0], [0.9, 0.8]) == pytest.approx(50)


@pytest.mark.parametrize("seed", range(3))
def test_values_are_scikit_learn_s(seed):
    gold, probabilities = items(seed)
    for name, reference in (("ROC_AUC", roc_auc_score), ("average_precision", average_precision_score)):
        assert score(f"{name}_labels", gold, probabilities) == pytest.approx(100 * reference(gold, probabilities > 0.5))
        assert score(name, gold, probabilities) == pytest.approx(100 * reference(gold, probabilities), abs=0.05)
    assert score("ROC_AUC", gold, probabilities) == pytest.approx(100 * roc_auc_score(gold, in_steps(probabilities)))


def test_the_surest_probabilities_have_a_step():
    assert score("ROC_AUC", [0, 1], [0.0, 1.0]) == 100
    assert load_metric("ROC_AUC").counts([], [], LABELS).shape == (0, 2 * (2 * HIGHEST + 1))


@pytest.mark.parametrize("name", ["ROC_AUC", "ROC_AUC_labels", "average_precision", "average_precision_labels"])
def test_one_class_alone_is_0_and_resamples_are_valued_at_once(name):
    metric = load_metric(name)
    width = metric.counts([], [], LABELS).shape[1]
    assert metric.value(np.zeros(width)) == 0
    sums = np.random.default_rng(0).integers(0, 3, (2, 4, width)).astype(float)
    assert metric.value(sums).shape == (2, 4)
    assert metric.value(sums)[1, 2] == pytest.approx(metric.value(sums[1, 2]))
