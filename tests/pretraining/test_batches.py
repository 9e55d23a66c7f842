"""Batches keep their limits, read texts as often as asked, and come out the same for the same seed."""

import numpy as np
import pytest

from isogloss.errors import UserError
from isogloss.pretraining._batches import schedule, split_by_tokens, starts

LENGTHS = np.array([3, 9, 5, 4, 30, 6, 7, 8])


def test_no_batch_exceeds_its_limits_with_padding():
    order = np.argsort(LENGTHS).tolist()
    batches = split_by_tokens(order, LENGTHS, 3, 20)
    assert [i for batch in batches for i in batch] == order
    assert all(len(batch) <= 3 for batch in batches)
    assert all(len(batch) * max(LENGTHS[batch]) <= 20 for batch in batches if len(batch) > 1)
    assert [4] in batches  # too long for any company


def test_texts_are_read_as_often_as_their_passes_say():
    passes = np.array([1.0, 2.0, 0.0, 0.5, 1.0, 1.0, 1.0, 1.0])
    batches = schedule(passes, LENGTHS, 600, texts=4, tokens=64, seed=1)
    reads = np.bincount(np.concatenate(batches), minlength=8)
    assert reads[2] == 0
    assert reads[1] == pytest.approx(2 * reads[0], rel=0.05)
    assert reads[3] == pytest.approx(reads[0] / 2, rel=0.2)


def test_the_seed_decides_the_batches():
    passes = np.ones(8)
    first, second = (schedule(passes, LENGTHS, 20, texts=2, tokens=64, seed=1) for _ in range(2))
    other = schedule(passes, LENGTHS, 20, texts=2, tokens=64, seed=2)
    assert len(first) == 20
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
    assert any(a.tolist() != b.tolist() for a, b in zip(first, other, strict=True))


def test_no_passes_are_an_error():
    with pytest.raises(UserError, match="nothing to train on"):
        schedule(np.zeros(8), LENGTHS, 5, texts=2, tokens=64, seed=1)


def test_starts_are_where_rows_begin():
    assert starts([[1, 2], [], [3]]).tolist() == [0, 2, 2, 3]
