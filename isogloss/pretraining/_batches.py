"""Batches of texts of about the same length, drawn as often as their passes say; the same for the same seed."""

from collections.abc import Sequence

import numpy as np

from isogloss.errors import UserError

CHUNK = 50  # batches whose texts are sorted by length together: little padding, and yet another order in every pass


def schedule(
    passes: np.ndarray, lengths: np.ndarray, updates: int, *, texts: int, tokens: int, seed: int
) -> list[np.ndarray]:
    """`updates` batches of indices, pass after pass.

    passes (N,): expected reads of each text per pass. lengths (N,): tokens. texts, tokens: of a batch at most, padding
    counted.

    Raises:
        UserError: nothing is ever read.
    """
    if not (passes > 0).any():
        raise UserError("the passes of all sources are 0; there is nothing to train on")
    generator = np.random.default_rng(seed)
    batches: list[np.ndarray] = []
    while len(batches) < updates:
        times = np.floor(passes + generator.random(len(passes))).astype(np.int64)
        drawn = generator.permutation(np.repeat(np.arange(len(passes)), times))
        found = []
        for begin in range(0, len(drawn), CHUNK * texts):
            part = drawn[begin : begin + CHUNK * texts]
            order = part[np.argsort(lengths[part], kind="stable")].tolist()
            found += split_by_tokens(order, lengths, texts, tokens)
        batches += [np.array(found[i]) for i in generator.permutation(len(found))]
    return batches[:updates]


def split_by_tokens(
    order: Sequence[int], lengths: Sequence[int] | np.ndarray, texts: int, tokens: int
) -> list[list[int]]:
    """The order cut into batches of at most that many texts and tokens, padding counted; a longer text is alone."""
    batches: list[list[int]] = []
    longest = 0
    for i in order:
        longest = max(longest, int(lengths[i]))
        if not batches or len(batches[-1]) == texts or (len(batches[-1]) + 1) * longest > tokens:
            batches.append([])
            longest = int(lengths[i])
        batches[-1].append(i)
    return batches


def starts(rows: Sequence[Sequence[object]]) -> np.ndarray:
    """Where each row begins when they are written one after another, and where the last one ends."""
    return np.cumsum([0, *map(len, rows)], dtype=np.int64)
