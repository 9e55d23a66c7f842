import numpy as np
import pytest

from isogloss.errors import UserError
from isogloss.evaluation.bootstrap import estimate, paired_difference, resampling_weights
from isogloss.metrics import load_metric

ACCURACY = load_metric("accuracy").value


def binary(right):
    """Counts of one language from 0s and 1s."""
    return {str(i): [float(x), 1.0] for i, x in enumerate(right)}


def test_values_and_means_are_the_closed_forms():
    counts = {"en": binary([1, 1, 1, 1]), "de": binary([1, 0, 1, 1]), "sw": binary([1, 0, 0, 0])}
    scores = estimate(counts, ACCURACY)
    assert [score.value for score in scores.languages.values()] == [100, 75, 25]
    assert [score.n for score in scores.languages.values()] == [4, 4, 4]
    assert scores.average.value == pytest.approx(200 / 3)
    assert scores.transfer is not None
    assert scores.transfer.value == 50
    assert scores.languages["en"].ci95 == (100, 100)


def test_the_same_seed_gives_the_same_interval_and_another_does_not():
    counts = {"de": binary(np.arange(50) % 3 > 0)}
    assert estimate(counts, ACCURACY, seed=1) == estimate(counts, ACCURACY, seed=1)
    assert estimate(counts, ACCURACY, seed=1) != estimate(counts, ACCURACY, seed=2)


def test_the_interval_covers_a_simulated_binomial():
    generator = np.random.default_rng(0)
    covered = 0
    for run in range(200):
        low, high = estimate(
            {"de": binary(generator.random(200) < 0.7)}, ACCURACY, resamples=300, seed=run
        ).average.ci95
        covered += low <= 70 <= high
    assert 0.90 <= covered / 200 <= 0.98


def test_an_items_languages_stay_together():
    right = np.arange(100) % 2
    alone = estimate({"de": binary(right)}, ACCURACY).average.ci95
    together = estimate({"de": binary(right), "sw": binary(right)}, ACCURACY).average.ci95
    opposite = estimate({"de": binary(right), "sw": binary(1 - right)}, ACCURACY).average.ci95
    assert together == alone  # a copy of the same items adds nothing
    assert opposite == (50, 50)  # what one language gains the other loses


def test_languages_with_other_items_are_independent():
    right = np.arange(100) % 2
    other = {f"x{i}": row for i, row in binary(right).items()}
    low, high = estimate({"de": binary(right), "sw": other}, ACCURACY).average.ci95
    alone_low, alone_high = estimate({"de": binary(right)}, ACCURACY).average.ci95
    assert (high - low) / (alone_high - alone_low) == pytest.approx(2**-0.5, abs=0.1)


def test_a_missing_item_weighs_nothing():
    scores = estimate({"de": binary([1, 0, 1, 0]), "sw": binary([1, 1])}, ACCURACY)
    assert scores.languages["sw"].value == 100
    assert scores.languages["sw"].n == 2
    assert scores.languages["sw"].ci95 == (100, 100)
    assert scores.average.n == 4


def test_only_the_training_language_leaves_no_transfer():
    assert estimate({"en": binary([1, 0])}, ACCURACY).transfer is None
    with_other_source = estimate({"en": binary([1, 0]), "id": binary([1, 1])}, ACCURACY, train_language="id")
    assert with_other_source.transfer is not None
    assert with_other_source.transfer.value == 50


def test_the_interval_of_f1_comes_from_resampled_sums():
    rows = {str(i): [1.0, 0.0, 0.0] if i % 2 else [0.0, 1.0, 1.0] for i in range(60)}
    scores = estimate({"de": rows}, load_metric("span_F1").value)
    assert scores.average.value == 50
    assert 30 < scores.average.ci95[0] < 45 < 55 < scores.average.ci95[1] < 70


def test_every_resample_draws_as_many_items_as_there_are():
    weights = np.concatenate(list(resampling_weights(7, 500, 0)))
    assert weights.shape == (500, 7)
    assert (weights.sum(1) == 7).all()
    assert weights.mean() == 1
    assert weights.var() == pytest.approx(6 / 7, abs=0.05)


def test_batches_of_resamples_join(monkeypatch):
    monkeypatch.setattr("isogloss.evaluation.bootstrap.CELLS", 20)
    assert np.concatenate(list(resampling_weights(7, 5, 0))).shape == (5, 7)


def test_the_paired_test_finds_a_planted_difference_that_intervals_hide():
    generator = np.random.default_rng(0)
    worse = generator.random(300) < 0.6
    better = worse | (np.arange(300) % 25 == 0)
    a, b = {"de": binary(better)}, {"de": binary(worse)}
    difference = paired_difference(a, b, ACCURACY)
    assert difference.value == pytest.approx(100 * (better.mean() - worse.mean()))
    assert difference.ci95[0] > 0
    assert difference.p < 0.05
    assert estimate(a, ACCURACY).average.ci95[0] < estimate(b, ACCURACY).average.ci95[1]
    back = paired_difference(b, a, ACCURACY)
    assert (back.value, back.p) == (-difference.value, difference.p)


def test_the_paired_test_seldom_finds_what_is_not_there():
    found = 0
    for run in range(100):
        generator = np.random.default_rng(run)
        a, b = ({"de": binary(generator.random(100) < 0.5)} for _ in range(2))
        found += paired_difference(a, b, ACCURACY, resamples=300).p < 0.05
    assert found <= 12


def test_equal_rows_do_not_differ():
    counts = {"de": binary([1, 0, 1])}
    assert paired_difference(counts, counts, ACCURACY) == (0, (0, 0), 1)


def test_items_are_paired_by_id_not_by_order():
    a = {"de": binary([1, 0, 1, 0, 1])}
    b = {"de": dict(reversed(list(a["de"].items())))}
    assert paired_difference(a, b, ACCURACY).ci95 == (0, 0)


def test_other_languages_or_items_are_refused_and_named():
    a = {"de": binary([1, 0])}
    with pytest.raises(UserError, match="different languages: de only in the first; sw only in the second"):
        paired_difference(a, {"sw": binary([1, 0])}, ACCURACY)
    with pytest.raises(UserError, match="different items in de .id '2'"):
        paired_difference(a, {"de": binary([1, 0, 1])}, ACCURACY)


def test_no_language_and_no_items_are_refused():
    with pytest.raises(UserError, match="no language"):
        estimate({}, ACCURACY)
    with pytest.raises(UserError, match="sw has no items"):
        estimate({"de": binary([1]), "sw": {}}, ACCURACY)
