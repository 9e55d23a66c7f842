"""Rows of tokens as tensors, how many are read at once, and an encoder that gives their states alone."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel


def padded(rows: Sequence[np.ndarray], pad: int) -> dict[str, Tensor]:
    """input_ids and attention_mask of the rows, both (rows, L)."""
    lengths = torch.tensor([len(row) for row in rows])[:, None]
    ids = pad_sequence([torch.from_numpy(row) for row in rows], batch_first=True, padding_value=pad)
    return {"input_ids": ids, "attention_mask": (torch.arange(ids.shape[1]) < lengths).long()}


def without_pooler(encoder: PreTrainedModel) -> PreTrainedModel:
    """The encoder without its layer over the first token, which nobody here reads and would get no gradient."""
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None  # pyright: ignore[reportArgumentType]
    return encoder


def within(order: np.ndarray, sizes: np.ndarray, tokens: int) -> Iterator[list[int]]:
    """The numbers in their order, in batches of at most so many tokens; a longer one is a batch."""
    batch: list[int] = []
    total = 0
    for number in order.tolist():
        if batch and total + sizes[number] > tokens:
            yield batch
            batch, total = [], 0
        batch.append(number)
        total += sizes[number]
    if batch:
        yield batch
