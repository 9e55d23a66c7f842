"""Predictions: records through a trained network, sorted by length and answered in their order."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from isogloss.data.collation import collator, model_inputs
from isogloss.data.parallel import without_labels
from isogloss.encoders.models import EncoderWithHead
from isogloss.kinds import Example, Kind, examples, tell_cut
from isogloss.records import Prediction, Record

TOKENS_PER_BATCH = 4096  # padded tokens of the first side and its translations together


class Reader:
    """A trained network and its kind of task: texts in, logits or predictions out. What methods predict with."""

    def __init__(self, network: EncoderWithHead, kind: Kind):
        self.network, self.kind = network, kind

    def logits(self, given: Sequence[Example]) -> list[np.ndarray]:
        """The first side's logits of every example, each (C,) or (tokens, C), float32, in the order given.

        Examples with the same tokens are read once: one English translation often stands for a text of many languages.
        """
        keys = [_tokens(example) for example in given]
        distinct = list(dict(zip(keys, given, strict=True)).values())
        collate, device = collator(self.kind), next(self.network.parameters()).device
        found: dict[object, np.ndarray] = {}
        training = self.network.training
        self.network.eval()
        try:
            with torch.inference_mode():
                for numbers in batches(distinct):
                    chosen = [distinct[i] for i in numbers]
                    batch = model_inputs(collate(chosen))
                    batch = {k: _to(v, device) for k, v in batch.items() if not k.endswith("labels")}
                    output = self.network(**batch).logits.float().cpu().numpy()
                    for example, row in zip(chosen, output, strict=True):
                        length = len(example.sides[0].input_ids)
                        found[_tokens(example)] = row[:length] if row.ndim == 2 else row
        finally:
            self.network.train(training)
        return [found[key] for key in keys]

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


def batches(given: Sequence[Example]) -> Iterable[list[int]]:
    """Numbers of the examples, longest first, in batches of about `TOKENS_PER_BATCH` padded tokens."""
    lengths = [[len(side.input_ids) for side in example.sides] for example in given]
    order = sorted(range(len(given)), key=lambda i: (-sum(lengths[i]), i))
    batch: list[int] = []
    for i in order:
        widest = sum(lengths[batch[0]]) if batch else sum(lengths[i])
        if batch and (len(batch) + 1) * widest > TOKENS_PER_BATCH:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def unlabelled(record: Record) -> Record:
    """The record without its label and without its translations: what prediction may see of one side."""
    return replace(without_labels(record), translations=())


def _tokens(example: Example) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(side.input_ids) for side in example.sides)


def _to(value: Any, device: torch.device) -> Any:
    return value.to(device) if isinstance(value, torch.Tensor) else [item.to(device) for item in value]
