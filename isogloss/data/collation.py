"""Batches: examples padded to the longest of the batch, side by side.

Letters: B examples, S tokens of the first side, T tokens of a further side, C classes.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isogloss.kinds import Example, Kind, Window
from isogloss.losses import IGNORED

Batch = dict[str, Any]


def collator(kind: Kind) -> Callable[[Sequence[Example]], Batch]:
    """A function from examples to a batch: the arguments of the model's forward, `teacher_logits`, and the `ids`."""
    pad = kind.pad_token_id

    def collate(examples: Sequence[Example]) -> Batch:
        count = max(len(example.sides) for example in examples)
        sides = [_side(kind, pad, [_window(example, number) for example in examples]) for number in range(count)]
        sides[0]["asked"] |= torch.tensor([example.teacher is not None for example in examples])
        batch: Batch = dict(sides[0])
        for name in sides[0]:
            batch[f"translation_{name}"] = [side[name] for side in sides[1:]]
        if any(example.teacher is not None for example in examples):
            batch["teacher_logits"] = _teacher(examples, batch["input_ids"].shape[1])
        batch["ids"] = [example.key for example in examples]
        return batch

    return collate


def model_inputs(batch: Batch) -> Batch:
    """The part of a batch that the model reads."""
    return {key: batch[key] for key in batch if key.endswith(("input_ids", "attention_mask", "labels", "asked"))}


def _window(example: Example, number: int) -> Window | None:
    return example.sides[number] if number < len(example.sides) else None


def _side(kind: Kind, pad: int, windows: Sequence[Window | None]) -> dict[str, Tensor]:
    """One side of all examples: input_ids and attention_mask (B, S), labels, and which have one (`asked`, (B,)).

    A missing side is all padding.
    """
    length = max((len(window.input_ids) for window in windows if window), default=1)
    ids = np.full((len(windows), length), pad, dtype=np.int64)
    mask = np.zeros((len(windows), length), dtype=np.int64)
    labels = []
    for i, window in enumerate(windows):
        if window is not None:
            ids[i, : len(window.input_ids)] = window.input_ids
            mask[i, : len(window.input_ids)] = 1
        label = window.label if window is not None else None
        if isinstance(label, list):  # one per token
            label = label + [IGNORED] * (length - len(label))
        labels.append(kind.no_label(length) if label is None else label)
    targets = torch.tensor(labels, dtype=torch.long)
    return {
        "input_ids": torch.from_numpy(ids),
        "attention_mask": torch.from_numpy(mask),
        "labels": targets,
        "asked": (targets != IGNORED).flatten(1).any(1) if targets.dim() > 1 else targets != IGNORED,
    }


def _teacher(examples: Sequence[Example], length: int) -> Tensor:
    """Teacher logits padded to (B, S, C), or (B, C) where the teacher gave one row per example."""
    rows = [example.teacher for example in examples if example.teacher is not None]
    if len(rows) < len(examples):
        lacking = [example.key for example in examples if example.teacher is None]
        raise ValueError(f"no teacher logits for {len(lacking)} examples of the batch, first {lacking[0]}")
    if all(row.ndim == 1 for row in rows):
        return torch.from_numpy(np.stack(rows).astype(np.float32))
    padded = np.zeros((len(rows), length, rows[0].shape[-1]), dtype=np.float32)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
    return torch.from_numpy(padded)
