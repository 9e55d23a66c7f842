"""Values of summed counts that several metrics share."""

import numpy as np


def ratio_percent(sums: np.ndarray) -> np.ndarray:
    """First sum over second in percent, (..., 2) -> (...); 0 where the second is 0."""
    return 100 * sums[..., 0] / np.where(sums[..., 1] > 0, sums[..., 1], 1)


def precision_percent(sums: np.ndarray) -> np.ndarray:
    """Precision in percent of true and false positives and false negatives, (..., 3) -> (...); 0 if none was given."""
    return ratio_percent(np.stack([sums[..., 0], sums[..., 0] + sums[..., 1]], -1))


def recall_percent(sums: np.ndarray) -> np.ndarray:
    """Recall in percent of true and false positives and false negatives, (..., 3) -> (...); 0 if none was there."""
    return ratio_percent(np.stack([sums[..., 0], sums[..., 0] + sums[..., 2]], -1))


def f1_percent(sums: np.ndarray) -> np.ndarray:
    """F1 in percent of true and false positives and false negatives, (..., 3) -> (...); 0 if all are 0."""
    true, false, missed = np.moveaxis(sums, -1, 0)
    denominator = 2 * true + false + missed
    return 200 * true / np.where(denominator > 0, denominator, 1)
