"""FILTER in the layout of the released code: what the benchmarks and their tests compare ours with.

Written for that purpose, over the weights of one of our networks (XLM-R shaped): both sides are padded to the longest
text allowed, layers outside the fusion are called for each side by itself, attention writes its scores out, the head
reads every position of both sides. The losses are those of `isogloss.understanding.filter`, written anew, so that the
two can be held against each other: what differs is the layout alone.

Letters: B pairs, L tokens that every side is padded to, H hidden size, C classes.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isogloss.encoders.models import EncoderForSequenceClassification, EncoderForTokenClassification, EncoderWithHead
from isogloss.kinds import Example, Window
from isogloss.losses import IGNORED

MASKED = -10000.0  # added to the scores of padding


class Side(NamedTuple):
    """One side of all pairs: token ids and mask (B, L), and labels."""

    input_ids: Tensor
    mask: Tensor
    labels: Tensor


class ReleasedLayout:
    """One of our networks, read as the released code reads."""

    def __init__(self, network: EncoderWithHead, local_layers: int, fusion_layers: int, max_length: int):
        self.network, self.max_length = network, max_length
        encoder: Any = network.encoder
        layers, fused = encoder.encoder.layer, local_layers + fusion_layers
        self.embeddings, self.pad = encoder.embeddings, encoder.config.pad_token_id
        self.local, self.fusion, self.domain = layers[:local_layers], layers[local_layers:fused], layers[fused:]

    def pairs(self, examples: Sequence[Example]) -> list[Side]:
        """The target side and the English side of the examples, padded, where the network is."""
        return [self._side([example.sides[number] for example in examples]) for number in (0, 1)]

    def _side(self, windows: Sequence[Window]) -> Side:
        def filled(values: Sequence[int], filler: int) -> list[int]:
            return [*values, *[filler] * (self.max_length - len(values))]

        ids = [filled(window.input_ids, self.pad) for window in windows]
        mask = [filled([1] * len(window.input_ids), 0) for window in windows]
        labels = [window.label for window in windows]
        if isinstance(self.network, EncoderForTokenClassification):
            labels = [filled(label or [], IGNORED) for label in labels]
        device = next(self.network.parameters()).device
        return Side(*(torch.tensor(values, device=device) for values in (ids, mask, labels)))

    def logits(self, sides: Sequence[Side]) -> list[Tensor]:
        """Logits of both sides at every position, each (B, L, C)."""
        masks = [MASKED * (1.0 - side.mask[:, None, None, :]) for side in sides]
        states = [self.embeddings(input_ids=side.input_ids) for side in sides]
        for layer in self.local:
            states = [run_layer(layer, x, mask) for x, mask in zip(states, masks, strict=True)]
        joined, mask = torch.cat(states, 1), torch.cat(masks, -1)
        for layer in self.fusion:
            joined = run_layer(layer, joined, mask)
        states = joined.split(self.max_length, 1)
        for layer in self.domain:
            states = [run_layer(layer, x, mask) for x, mask in zip(states, masks, strict=True)]
        return [self._head(x) for x in states]

    def _head(self, states: Tensor) -> Tensor:
        network: Any = self.network
        if isinstance(network, EncoderForSequenceClassification):
            return network.output(states)
        if isinstance(network, EncoderForTokenClassification):
            return network.classifier(network.dropout(states))
        return network.qa_outputs(states)

    def loss(self, sides: Sequence[Side]) -> Tensor:
        """Cross-entropy of the target side plus that of the English side, in nats."""
        return torch.stack([self._loss(x, side) for x, side in zip(self.logits(sides), sides, strict=True)]).sum()

    def _loss(self, logits: Tensor, side: Side) -> Tensor:
        logits = logits.float()
        if isinstance(self.network, EncoderForSequenceClassification):
            return F.cross_entropy(logits[:, 0], side.labels)
        if isinstance(self.network, EncoderForTokenClassification):
            labelled = (side.labels != IGNORED).sum().clamp(min=1)  # a translation has no labels
            return F.cross_entropy(logits.flatten(0, 1), side.labels.flatten(), reduction="sum") / labelled
        scores = logits + MASKED * (1.0 - side.mask[..., None])
        start, end = (F.cross_entropy(scores[..., i], side.labels[:, i]) for i in (0, 1))
        return (start + end) / 2

    def rows(self, examples: Sequence[Example], logits: Tensor) -> list[Tensor]:
        """The target side's logits (B, L, C) as predictions read them: (C,) of the first token, or of all real ones."""
        if isinstance(self.network, EncoderForSequenceClassification):
            return list(logits[:, 0])
        return [row[: len(example.sides[0].input_ids)] for example, row in zip(examples, logits, strict=True)]


def run_layer(layer: nn.Module, states: Tensor, mask: Tensor) -> Tensor:
    """The states (B, L, H) after one layer; mask (B, 1, 1, L) is added to the scores."""
    made: Any = layer
    attention = made.attention.self
    query, key, value = (
        linear(states).unflatten(-1, (attention.num_attention_heads, -1)).transpose(1, 2)
        for linear in (attention.query, attention.key, attention.value)
    )
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1]) + mask
    weights = attention.dropout(scores.softmax(-1))
    states = made.attention.output((weights @ value).transpose(1, 2).flatten(2), states)
    return made.output(made.intermediate(states), states)
