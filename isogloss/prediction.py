"""Predictions: records through a trained network, sorted by length and answered in their order."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import torch

from isogloss.data.collation import Batch, collator, model_inputs
from isogloss.data.parallel import without_labels
from isogloss.encoders.models import EncoderWithHead
from isogloss.kinds import Example, Kind, examples, tell_cut
from isogloss.processes import divided
from isogloss.records import Prediction, Record

TOKENS_PER_BATCH = 4096  # of the first side and its translations together
GPU = 16  # times as many on one
Tokens = tuple[tuple[int, ...], ...]  # of every side


class Reader:
    """A trained network and its kind of task: texts in, logits or predictions out. What methods predict with."""

    def __init__(self, network: EncoderWithHead, kind: Kind):
        self.network, self.kind = network, kind

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    def logits(self, given: Sequence[Example]) -> list[np.ndarray]:
        """The first side's logits of every example, each (C,) or (tokens, C), float32, in the order given.

        Examples with the same tokens are read once: one English translation often stands for a text of many languages.
        A text beside itself is read alone, which is the same for every schedule.
        Where a command has several processes, each reads a share of the batches, so all must come here with the same
        examples.
        """
        keys = [_tokens(example) for example in given]
        distinct = {key: replace(each, sides=each.sides[: len(key)]) for key, each in zip(keys, given, strict=True)}
        texts, collate = list(distinct), collator(self.kind)
        budget = TOKENS_PER_BATCH * (GPU if self.device.type == "cuda" else 1)
        work = [tuple(texts[i] for i in numbers) for numbers in batches(texts, budget)]
        training = self.network.training
        if training:  # going through all modules takes a while
            self.network.eval()
        try:
            with torch.inference_mode():
                rows = divided(work, lambda batch: self._read(collate([distinct[tokens] for tokens in batch]), batch))
        finally:
            if training:
                self.network.train()
        found = dict(zip(chain.from_iterable(work), chain.from_iterable(rows), strict=True))
        return [found[key] for key in keys]

    def _read(self, batch: Batch, texts: Sequence[Tokens]) -> list[np.ndarray]:
        """The first side's logits of the texts of a batch, without those of padding."""
        given = {k: _to(v, self.device) for k, v in model_inputs(batch).items() if not k.endswith("labels")}
        given |= asked_of(batch, self.device)
        output = self.network(**given).logits.float().cpu().numpy()
        return [row[: len(sides[0])] if row.ndim == 2 else row for sides, row in zip(texts, output, strict=True)]

    def read(self, sides: Iterable[Sequence[Record]]) -> list[Prediction]:
        """One prediction for the first record of every element of `sides`, read together with the others."""
        sides = [tuple(records) for records in sides]
        split = [list(examples(self.kind, [records])) for records in sides]
        tell_cut(example for group in split for example in group)
        flat = iter(self.logits([example for group in split for example in group]))
        predictions = []
        for records, group in zip(sides, split, strict=True):
            windows = [example.sides[0] for example in group]
            predictions.append(self.kind.decode(records[0], windows, [next(flat) for _ in group]))
        return predictions


def batches(texts: Sequence[Tokens], budget: int) -> Iterable[list[int]]:
    """Numbers of the texts, longest first, in batches of at most `budget` tokens; a longer one is a batch.

    Texts with the same translation stand together, as it is read once for all that are in a batch. Within a batch
    texts of the same length do, which attention takes as one.
    """
    lengths = [sum(map(len, sides)) for sides in texts]

    def alike(i: int) -> list[int]:
        return [len(side) for side in texts[i]]

    longest: dict[Tokens, tuple[int, int]] = {}  # of the texts beside a translation: minus the length, the first number
    for i in sorted(range(len(texts)), key=lambda i: -lengths[i]):
        longest.setdefault(texts[i][1:] or texts[i], (-lengths[i], i))
    batch: list[int] = []
    tokens = 0
    for i in sorted(range(len(texts)), key=lambda i: (longest[texts[i][1:] or texts[i]], -lengths[i], i)):
        if batch and tokens + lengths[i] > budget:
            yield sorted(batch, key=alike)
            batch, tokens = [], 0
        batch.append(i)
        tokens += lengths[i]
    if batch:
        yield sorted(batch, key=alike)


def unlabelled(record: Record) -> Record:
    """The record without its label and without its translations: what prediction may see of one side."""
    return replace(without_labels(record), translations=())


def asked_of(batch: Batch, device: torch.device) -> Batch:
    """The part of a batch that asks for the logits of its first side alone."""
    further = [torch.zeros_like(side, device=device) for side in batch["translation_asked"]]
    return {"asked": torch.ones_like(batch["asked"], device=device), "translation_asked": further}


def _tokens(example: Example) -> Tokens:
    """The tokens of its sides; of the first alone where all are equal."""
    sides = tuple(tuple(side.input_ids) for side in example.sides)
    return sides[:1] if len(set(sides)) == 1 else sides


def _to(value: Any, device: torch.device) -> Any:
    return value.to(device) if isinstance(value, torch.Tensor) else [item.to(device) for item in value]
