"""The batches that one process trains on: its share of every update, collated by several workers if wanted."""

import heapq
import os
import sys
from collections.abc import Callable, Iterator, Sequence, Sized
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader

from isogloss.data.on_disk import OnDisk
from isogloss.data.sampler import ByLength
from isogloss.errors import UserError

Collate = Callable[[Sequence[Any]], dict[str, Any]]
WEIGHT = "weight"  # of a micro-batch's mean loss, in the batch


class MicroBatch(NamedTuple):
    """The examples that one process reads at once, by number, and what their mean loss counts.

    The loop takes the mean over the M micro-batches of an update. Weighted by M n / N, where this one has n of its N
    examples, that is the mean over all N examples, however they were divided.
    """

    numbers: list[int]
    weight: float


class MicroBatches:
    """The micro-batches of one process, `accumulate` for every update, from the update `first` on.

    It goes from epoch to epoch by itself, so that workers are started once, an epoch may have more updates than
    another, and a training that goes on begins where it was without looking at what it has read. All processes and
    micro-batches of an update together read one batch of `batches`, whatever their number.
    """

    def __init__(self, batches: ByLength, *, updates: int, first: int, accumulate: int, process: int, processes: int):
        self.batches, self.updates, self.first = batches, updates, first
        self.shares = accumulate * processes
        self.mine = range(process, self.shares, processes)

    def __len__(self) -> int:
        return self.updates * len(self.mine)  # those before the first as well: the loop counts them

    def __iter__(self) -> Iterator[MicroBatch]:
        before = 0  # updates of earlier epochs
        for number in count():
            epoch = self.batches.epoch(number)
            for i in range(max(self.first - before, 0), min(self.updates - before, len(epoch))):
                yield from self._mine_of(epoch[i])
            before += len(epoch)
            if before >= self.updates:
                return

    def _mine_of(self, batch: np.ndarray) -> Iterator[MicroBatch]:
        shares = divided(batch, self.batches.lengths[batch] if self.batches.tokens else None, self.shares)
        for share in self.mine:
            yield MicroBatch(shares[share].tolist(), self.shares * len(shares[share]) / len(batch))


def divided(batch: np.ndarray, lengths: np.ndarray | None, shares: int) -> Sequence[np.ndarray]:
    """The batch in so many shares: of about the same number of tokens if `lengths` are given, else of examples.

    No share is empty where there are enough examples. The longest examples are dealt first, always to the share with
    the fewest tokens.
    """
    if lengths is None or shares == 1:
        return np.split(batch, shares)
    share_of = np.empty(len(batch), dtype=np.int64)
    load = [(0, share) for share in range(shares)]
    for i in np.argsort(-lengths, kind="stable").tolist():
        tokens, share_of[i] = load[0]
        heapq.heapreplace(load, (tokens + max(int(lengths[i]), 1), int(share_of[i])))
    return [batch[share_of == share] for share in range(shares)]


class _Collated:
    """Batches by the examples that are in them: nothing is read before it is asked for."""

    def __init__(self, examples: Sequence[Any], collate: Collate):
        self.examples, self.collate = examples, collate

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, wanted: MicroBatch) -> dict[str, Any]:
        return self.collate([self.examples[i] for i in wanted.numbers]) | {WEIGHT: wanted.weight}


def training_loader(
    examples: Sequence[Any], collate: Collate, micro_batches: MicroBatches, *, workers: int, pin_memory: bool
) -> DataLoader:
    """A loader of the micro-batches, each with its weight; the same for any number of workers."""
    if workers:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # its threads warn about every forked process
    return DataLoader(
        _Collated(examples, collate),  # pyright: ignore[reportArgumentType]
        batch_size=None,  # the sampler's items are whole batches
        sampler=micro_batches,
        collate_fn=_as_it_is,
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,  # functions and open files cannot be handed over
        pin_memory=pin_memory,
        generator=torch.Generator(),  # without one of its own it would draw from the generator of dropout
    )


def _as_it_is(batch: Any) -> Any:
    return batch


def lengths_of(examples: Sequence[Any]) -> np.ndarray:
    """What each example is sorted by: its `len` or 1 where there is none; on disk, the bytes of its texts may do."""
    if isinstance(examples, OnDisk):
        return examples.sizes
    return np.array([len(example) if isinstance(example, Sized) else 1 for example in examples], dtype=np.int64)


def token_counts(examples: Sequence[Any]) -> np.ndarray:
    """The tokens of each example, all its sides together; those of texts on disk are read for it, if they must."""
    if not isinstance(examples, OnDisk) or examples.in_tokens:
        return lengths_of(examples)
    print(f"tokens_per_batch: counting the tokens of {len(examples)} examples on disk", file=sys.stderr)
    return np.fromiter((len(example) for example in examples), np.int64, len(examples))


def require_shares(examples: Sequence[Any], batches: ByLength, processes: int, accumulate: int) -> None:
    """Nothing, if every share of a batch of so many tokens has room for any example, and none is without one.

    Raises:
        UserError: an example is longer than its share of `tokens_per_batch`, or there are fewer examples than shares.
    """
    shares, tokens = processes * accumulate, batches.tokens
    longest = int(np.argmax(batches.lengths))
    needed = int(batches.lengths[longest])
    over = f" over {processes} processes x {accumulate} micro-batches" if shares > 1 else ""
    if needed * shares > tokens:
        share = f"; {tokens // shares} for each{over}" if shares > 1 else ""
        raise UserError(
            f"tokens_per_batch = {tokens}{share}: example {getattr(examples[longest], 'key', longest)} has {needed} "
            f"tokens on all its sides; set it to {needed * shares} or more, or lower max_length (of a translator: "
            "longest)"
        )
    if len(batches.first) < shares:
        raise UserError(f"{len(batches.first)} examples cannot be divided{over}; use fewer of them")
