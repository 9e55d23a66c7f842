import numpy as np
import pytest
from sklearn.metrics import f1_score

from isogloss.errors import UserError
from isogloss.metrics import load_metric
from isogloss.records import LabelPrediction, Sentence

LABELS = ("a", "b", "c")


def score(name, gold, guessed, labels=LABELS):
    records = [Sentence(id=str(i), language="en", text="x", label=label) for i, label in enumerate(gold)]
    predictions = [LabelPrediction(str(i), "en", label, {}) for i, label in enumerate(guessed)]
    metric = load_metric(name)
    return metric.value(metric.counts(records, predictions, labels).sum(0))


def test_accuracy_is_the_share_of_right_labels():
    assert score("accuracy", "aabc", "abbc") == 75


def test_macro_f1_weighs_classes_alike():
    # F1 of a: 2*1/(2+1), of b: 2*1/(2+1), of c: 1
    assert score("macro_F1", "aabc", "abbc") == pytest.approx(100 * (2 / 3 + 2 / 3 + 1) / 3)


def test_macro_f1_leaves_out_a_class_that_is_nowhere():
    assert score("macro_F1", "aab", "aab") == 100


def test_macro_f1_equals_scikit_learn():
    generator = np.random.default_rng(0)
    gold, guessed = generator.choice(LABELS, 50), generator.choice(LABELS, 50)
    assert score("macro_F1", gold, guessed) == pytest.approx(100 * f1_score(gold, guessed, average="macro"))


def test_sums_of_many_resamples_are_valued_at_once():
    metric = load_metric("macro_F1")
    sums = np.arange(24.0).reshape(2, 4, 3)[..., [0, 1, 2]]
    assert metric.value(sums).shape == (2, 4)
    assert metric.value(sums)[1, 2] == pytest.approx(metric.value(sums[1, 2]))


def test_nothing_at_all_scores_zero():
    assert load_metric("accuracy").value(np.zeros(2)) == 0
    assert load_metric("macro_F1").value(np.zeros(9)) == 0


def test_a_missing_or_unknown_label_is_named():
    with pytest.raises(UserError, match="has no label"):
        score("accuracy", [None], "a")
    with pytest.raises(UserError, match="no label 'd'; known: a, b, c"):
        score("macro_F1", "d", "a")


def test_an_unknown_metric_names_the_nearest():
    with pytest.raises(UserError, match="did you mean accuracy"):
        load_metric("acuracy")
