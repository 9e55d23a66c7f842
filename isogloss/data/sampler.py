"""The order in which examples are trained on: shuffled, but batched with others of about the same length."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

BATCHES_SORTED = 16  # so many batches are drawn at random, then sorted by length among themselves


@dataclass(frozen=True, slots=True)
class Epoch:
    """The batches of an epoch: arrays of example numbers, each made when it is asked for."""

    numbers: np.ndarray  # of the examples of all batches
    starts: np.ndarray  # where each batch begins in them, and where the last one ends
    order: np.ndarray  # of the batches

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, i: int) -> np.ndarray:
        batch = self.order[i]
        return self.numbers[self.starts[batch] : self.starts[batch + 1]]


class ByLength:
    """Batches of examples of about the same length, one for every update, in any epoch.

    Each epoch shuffles the examples anew, sorts runs of `BATCHES_SORTED` batches by length, cuts them into batches and
    shuffles the batches. A batch has `batch_size` examples or, if `tokens` are given, as many as have so many tokens
    together. The last batch is filled up with examples that the epoch has read before: then every update is of the
    same size. All depends on the seed and the epoch alone.

    items: which item each example is of; then an epoch has one example of every item, drawn anew.
    """

    def __init__(
        self,
        lengths: Sequence[int] | np.ndarray,
        seed: int,
        *,
        batch_size: int = 0,
        tokens: int = 0,
        items: np.ndarray | None = None,
    ):
        self.lengths, self.seed, self.batch_size, self.tokens = np.asarray(lengths), seed, batch_size, tokens
        items = np.arange(len(self.lengths)) if items is None else items
        self.by_item = np.argsort(items, kind="stable")
        _, self.first, self.counts = np.unique(items[self.by_item], return_index=True, return_counts=True)

    def epoch(self, number: int) -> Epoch:
        """The batches of an epoch."""
        random = np.random.default_rng((self.seed, number))
        items = len(self.first)
        order = random.permutation(items)
        drawn = (random.random(items) * self.counts).astype(np.int64) if items < len(self.lengths) else 0
        drawn = self.by_item[self.first + drawn][order]
        numbers, starts = self._within_tokens(drawn) if self.tokens else self._of_one_size(drawn)
        whole = len(starts) - 1 - (len(numbers) > len(drawn))  # a batch that was filled up comes last
        return Epoch(numbers, starts, np.append(random.permutation(whole), np.arange(whole, len(starts) - 1)))

    def _of_one_size(self, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of all batches and where each begins, `batch_size` examples in each."""
        size = self.batch_size
        whole = len(drawn) - len(drawn) % size
        run = np.arange(whole) // (size * BATCHES_SORTED)
        numbers = drawn[:whole][np.lexsort((self.lengths[drawn[:whole]], run))]
        if whole < len(drawn):
            numbers = np.append(numbers, np.resize(np.append(drawn[whole:], drawn), size))
        return numbers, np.arange(0, len(numbers) + 1, size)

    def _within_tokens(self, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of all batches and where each begins, as many examples in each as fit `tokens`."""
        lengths = self.lengths[drawn].astype(np.int64)
        run = np.cumsum(lengths) // (self.tokens * BATCHES_SORTED)
        # every other run begins with its longest: a batch across the border of two is of one length too
        numbers = drawn[np.lexsort((np.where(run % 2, -lengths, lengths), run))]
        ends = np.cumsum(self.lengths[numbers])
        starts = np.fromiter(_cuts(ends, self.tokens), np.int64)
        if len(starts) > 1:
            last = numbers[starts[-1] :]
            others = drawn[~np.isin(drawn, last)]
            unlike = np.abs(self.lengths[others] - self.lengths[last].mean())
            others = others[np.argsort(unlike, kind="stable")]
            room = self.tokens - self.lengths[last].sum()
            numbers = np.append(numbers, others[np.cumsum(self.lengths[others]) <= room])
        return numbers, np.append(starts, len(numbers))


def _cuts(ends: np.ndarray, tokens: int) -> Iterator[int]:
    """Where each batch begins, when examples that end at these tokens are cut into batches; a longer one is alone."""
    start = read = 0
    while start < len(ends):
        yield start
        start = max(start + 1, int(np.searchsorted(ends, read + tokens, side="right")))
        read = ends[start - 1]
