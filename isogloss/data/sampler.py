"""The order in which examples are trained on: shuffled, but batched with others of about the same length."""

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

BATCHES_SORTED = 16  # so many batches are drawn at random, then sorted by length among themselves


class ByLength(Sampler[int]):
    """Yields example numbers so that a batch holds little padding.

    Each epoch shuffles the examples anew, sorts runs of `BATCHES_SORTED` batches by length and shuffles the batches.
    The last batch is filled up with examples that the epoch has read before: then micro-batches are all of one size,
    and any number of processes reads the same. The order depends on the seed and the epoch alone.

    items: which item each example is of; then an epoch has one example of every item, drawn anew.
    """

    def __init__(
        self,
        lengths: Sequence[int] | np.ndarray,
        batch_size: int,
        seed: int,
        items: np.ndarray | None = None,
    ):
        self.lengths, self.batch_size, self.seed = np.asarray(lengths), batch_size, seed
        items = np.arange(len(self.lengths)) if items is None else items
        self.by_item = np.argsort(items, kind="stable")
        _, self.first, self.counts = np.unique(items[self.by_item], return_index=True, return_counts=True)
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch; the training loop calls this, also when it resumes in the middle."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.first) // self.batch_size) * self.batch_size

    def __iter__(self) -> Iterator[int]:
        random = np.random.default_rng((self.seed, self.epoch))
        items = len(self.first)
        order = random.permutation(items)
        drawn = (random.random(items) * self.counts).astype(np.int64) if items < len(self.lengths) else 0
        order = self.by_item[self.first + drawn][order]
        whole = len(order) - len(order) % self.batch_size
        run = self.batch_size * BATCHES_SORTED
        batches = []
        for start in range(0, whole, run):
            drawn = order[start : min(start + run, whole)]
            by_length = drawn[np.argsort(self.lengths[drawn], kind="stable")]
            batches.extend(by_length.reshape(-1, self.batch_size))
        for number in random.permutation(len(batches)):
            yield from batches[number].tolist()
        if whole < len(order):
            yield from np.resize(np.concatenate([order[whole:], order]), self.batch_size).tolist()
