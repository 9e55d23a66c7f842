"""What the benchmarks on speed read: the three shapes of the published FILTER, and random texts of real lengths.

The shapes are those at which the released code was measured: 24 layers, narrow enough for two cores, texts that fill a
third of what they are padded to. A `Workload` is a network and a batch of examples in both layouts, ours through the
calls that training and prediction make.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from accelerate.utils import send_to_device
from torch import Tensor, nn
from transformers import AutoModel, XLMRobertaConfig

from benchmarks.released_layout import ReleasedLayout
from isogloss.data.collation import collator
from isogloss.encoders import load_tokenizer
from isogloss.encoders.models import EncoderWithHead
from isogloss.kinds import Example, Kind, Lengths, Window, load_kind
from isogloss.losses import IGNORED
from isogloss.prediction import Reader
from isogloss.tasks import load_task
from isogloss.understanding import filter as method

TARGET = (83, 30, 32, 25, 59, 14, 88, 28)  # tokens where 128 are allowed: log-normal, a third of it on average
ENGLISH = (44, 34, 74, 15, 33, 32, 64, 23)
ALLOWED = 128
SHORTEST = 4  # tokens
STAGES = ("training", "inference")
LAYOUTS = ("released", "ours")


@dataclass(frozen=True, slots=True)
class Size:
    """An XLM-R shaped encoder."""

    layers: int = 24
    hidden: int = 256
    heads: int = 4
    feed_forward: int = 1024
    vocabulary: int = 30000


SMALL, TINY = Size(), Size(layers=3, hidden=32, heads=2, feed_forward=64, vocabulary=500)
LARGE = Size(hidden=1024, heads=16, feed_forward=4096, vocabulary=250002)  # xlm-roberta-large


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of task as the published FILTER reads it."""

    name: str
    task: str  # one of that kind; its labels are the network's
    max_length: int  # tokens
    local_layers: int = 1
    fusion_layers: int = 1

    def tiny(self) -> "Shape":
        """The same for an encoder of three layers and texts of a few tokens."""
        return replace(self, max_length=self.max_length // 8, fusion_layers=min(self.fusion_layers, 2))


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("tagging", "sample_slots", 128),
        Shape("classification", "sample_intent", 256),
        Shape("qa", "sample_answers", 384, fusion_layers=20),
    )
}


def third_full(max_length: int, pairs: int = 8) -> list[tuple[int, ...]]:
    """The tokens of both sides of so many pairs, a third of `max_length` on average."""
    both = list(zip(TARGET, ENGLISH, strict=True))
    wanted = [both[i % len(both)] for i in range(pairs)]
    return [tuple(max(SHORTEST, tokens * max_length // ALLOWED) for tokens in sides) for sides in wanted]


def full(max_length: int, pairs: int = 8) -> list[tuple[int, ...]]:
    """The tokens of both sides of so many pairs, all as long as allowed."""
    return [(max_length, max_length)] * pairs


def window(kind: Kind, length: int, vocabulary: int, draws: np.random.Generator, labelled: bool = True) -> Window:
    """A text of random tokens with a random label of its kind."""
    ids = [0, *draws.integers(5, vocabulary, length - 2).tolist(), 2]
    if not labelled:
        return Window(ids)
    if kind.name == "classification":
        return Window(ids, int(draws.integers(kind.num_labels)))
    if kind.name == "question_answering":
        return Window(ids, tuple(sorted(draws.integers(1, length, 2).tolist())))
    labels = draws.integers(kind.num_labels, size=length)
    labels[::2] = IGNORED  # every other token begins no word
    return Window(ids, labels.tolist())


def examples(kind: Kind, lengths: Sequence[Sequence[int]], vocabulary: int, seed: int = 0) -> list[Example]:
    """An example for every element of `lengths`, the tokens of its sides; a tagger's target texts have no labels."""
    draws, made = np.random.default_rng(seed), []
    for number, sides in enumerate(lengths):
        windows = [
            window(kind, length, vocabulary, draws, labelled=side > 0 or kind.name != "tagging")
            for side, length in enumerate(sides)
        ]
        made.append(Example(str(number), "de", 0, tuple(windows)))
    return made


def build(shape: Shape, size: Size, seed: int = 0) -> tuple[EncoderWithHead, Kind]:
    """A random FILTER of the shape and its kind of task."""
    torch.manual_seed(seed)
    kind = load_kind(load_task(shape.task), load_tokenizer("tiny"), Lengths())
    network = getattr(method, f"FilterFor{kind.model}").from_encoder(
        AutoModel.from_config(encoder_config(shape, size)),
        num_labels=kind.num_labels,
        local_layers=shape.local_layers,
        fusion_layers=shape.fusion_layers,
    )
    return network, kind


def encoder_config(shape: Shape, size: Size) -> XLMRobertaConfig:
    """The encoder's configuration, with XLM-R's dropout of 0.1."""
    return XLMRobertaConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.hidden,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        intermediate_size=size.feed_forward,
        max_position_embeddings=shape.max_length + 2,
        layer_norm_eps=1e-5,
        type_vocab_size=1,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
    )


class Workload:
    """A network and a batch of examples; every method does one training step or reads the batch once."""

    def __init__(self, network: EncoderWithHead, kind: Kind, shape: Shape, given: Sequence[Example]):
        self.gpu = torch.cuda.is_available()
        self.device = torch.device("cuda" if self.gpu else "cpu")
        self.network, self.kind, self.examples = network.to(self.device), kind, list(given)
        self.alone = [replace(example, sides=example.sides[:1]) for example in given]
        self.lengths = [[len(side.input_ids) for side in example.sides] for example in given]
        self.tokens = sum(map(sum, self.lengths))
        self.collate, self.reader = collator(kind), Reader(network, kind)
        self.released = ReleasedLayout(network, shape.local_layers, shape.fusion_layers, shape.max_length)
        # two sides are all that the released layout has
        self.pairs = self.released.pairs(given) if all(len(example.sides) == 2 for example in given) else None
        self.parameters: list[nn.Parameter] = list(network.parameters())
        # `fused` is what the library's training loop takes by default
        self.optimizers = {
            "released": torch.optim.AdamW(self.parameters, lr=1e-5),
            "ours": torch.optim.AdamW(self.parameters, lr=1e-5, fused=True),
        }

    def action(self, layout: str, stage: str) -> Callable[[], object]:
        """What is timed: a stage in a layout."""
        if stage == "training":
            return lambda: self._step(layout)
        return self.read_released if layout == "released" else self.read_ours

    def loss(self, layout: str) -> Tensor:
        """The loss of the batch in phase 1; ours with its collation, while the released batch was made before."""
        if layout == "released":
            assert self.pairs is not None
            return self.released.loss(self.pairs)
        batch: Any = send_to_device(self.collate(self.examples), self.device)
        return method.pair_loss(self.network, batch, self_teaching=0.0, temperature=1.0)

    def _step(self, layout: str) -> None:
        self.network.train()
        optimizer = self.optimizers[layout]
        optimizer.zero_grad()
        with self._precision():
            loss = self.loss(layout)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        optimizer.step()

    def read_released(self) -> np.ndarray:
        """The target side's logits at every position."""
        assert self.pairs is not None
        self.network.eval()
        with torch.inference_mode(), self._precision():
            return self.released.logits(self.pairs)[0].float().cpu().numpy()

    def read_ours(self) -> list[np.ndarray]:
        """The target side's logits of every example."""
        return self.read(self.reader, self.examples)

    def read_alone(self) -> list[np.ndarray]:
        """The same for the target texts alone, where FILTER is the plain encoder."""
        return self.read(self.reader, self.alone)

    def read(self, reader: Reader, given: Sequence[Example]) -> list[np.ndarray]:
        """The target side's logits of other examples, by a reader of them."""
        with self._precision():
            return reader.logits(given)

    def _precision(self) -> AbstractContextManager:
        return torch.autocast("cuda", torch.bfloat16) if self.gpu else nullcontext()

    def differences(self) -> dict[str, float]:
        """The largest difference of the layouts in a target logit, and that of their losses; float32, no dropout."""
        assert self.pairs is not None
        self.network.eval()
        with torch.inference_mode():
            rows = self.released.rows(self.examples, self.released.logits(self.pairs)[0])
            losses = [self.loss(layout).item() for layout in LAYOUTS]
        found = self.reader.logits(self.examples)
        largest = max(np.abs(a.cpu().numpy() - b).max() for a, b in zip(rows, found, strict=True))
        return {"logits": float(largest), "loss": abs(losses[0] - losses[1])}


def flops(size: Size, shape: Shape, lengths: Sequence[Sequence[int]]) -> float:
    """Floating-point operations (a multiply-add is 2) of a forward pass over the real tokens."""
    h, k = size.hidden, shape.fusion_layers
    linear = 8 * h * h + 4 * h * size.feed_forward  # per token and layer
    total = 0.0
    for sides in lengths:
        squares = (size.layers - k) * sum(n * n for n in sides) + k * sum(sides) ** 2
        total += size.layers * linear * sum(sides) + 4 * h * squares
    return total
