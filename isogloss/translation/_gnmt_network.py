"""The network of GNMT: LSTM layers with residuals, an attention that the bottom decoder layer asks, bounds.

Every decoder layer reads all of a target at once while it is trained, as the bottom one needs no context and those
above it need the bottom one's alone. Rows are independent of each other and of their padding.

Letters: B rows, S source tokens, T target tokens, L either of them, H hidden size, V pieces, N layers.
"""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LOGITS = 25.0  # bound of the logits
RESIDUAL_FROM = 2  # the number, from 0, of the lowest layer that adds to what it reads; the one below reads two things
INITIAL = 0.1 * 1024**0.5  # weights begin uniform within this over the root of the hidden size


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a network is built from, and what its folder says of it."""

    pieces: int  # V
    hidden: int  # H
    layers: int  # N, of the encoder and of the decoder
    query: Literal["current", "previous"]  # the bottom layer's state that asks the attention: this step's, the last's
    residual: bool
    bound: float  # of cells and of layers' outputs when the training ends, and ever after; 0 = none


class Memory(NamedTuple):
    """What the encoder read, once for all of the decoder's steps."""

    states: Tensor  # (B, S, H)
    keys: Tensor  # (B, S, H), the states as the attention compares them
    mask: Tensor  # (B, S), true for tokens

    def chosen(self, rows: Tensor) -> "Memory":
        """The memory of some rows, each as often as it is named."""
        return Memory(*(part[rows] for part in self))


class Layer(nn.Module):
    """An LSTM layer that reads from left to right, its cells kept within a bound.

    Written out, as the library's has no bound; that costs 5 to 25 % at 64 rows of 256 on a processor.
    """

    def __init__(self, reads: int, hidden: int):
        super().__init__()
        self.inputs = nn.Linear(reads, 4 * hidden)
        self.states = nn.Linear(hidden, 4 * hidden, bias=False)

    def forward(self, inputs: Tensor, bound: float, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Outputs (B, L, H) for inputs (B, L, ...), and the last state (2, B, H): output and cell."""
        gates = self.inputs(inputs)
        output, cell = gates.new_zeros(2, len(inputs), gates.shape[-1] // 4) if state is None else state
        outputs = []
        for given in gates.unbind(1):
            let_in, forget, let_out, new = (given + self.states(output)).chunk(4, 1)
            cell = forget.sigmoid() * cell + let_in.sigmoid() * new.tanh()
            output = let_out.sigmoid() * cell.tanh()
            cell = cell.clamp(-bound, bound)
            outputs.append(output)
        return torch.stack(outputs, 1), torch.stack([output, cell])


class Attention(nn.Module):
    """Additive attention: v tanh(W_q q + W_h h)."""

    def __init__(self, hidden: int):
        super().__init__()
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(hidden, hidden, bias=False)
        self.score = nn.Linear(hidden, 1, bias=False)

    def forward(self, queries: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Contexts (B, T, H) and weights (B, T, S) for queries (B, T, H)."""
        match = torch.tanh(self.query(queries)[:, :, None] + memory.keys[:, None])  # (B, T, S, H)
        scores = self.score(match)[..., 0].float().masked_fill(~memory.mask[:, None], -torch.inf)
        weights = scores.softmax(-1).to(queries.dtype)
        return weights @ memory.states, weights


class LSTMTranslator(nn.Module):
    """The network. It counts the batches that it was trained on, since they decide the bound."""

    def __init__(self, shape: Shape, dropout: float = 0.0, first_bound: float = 0.0, annealing: int = 0):
        """
        dropout: share of each layer's inputs. first_bound: of cells and outputs in the first of `annealing` batches,
        after which it is the shape's; 0 = the same.
        """
        super().__init__()
        size, above = shape.hidden, range(1, shape.layers)
        self.shape, self.dropout, self.first_bound, self.annealing = shape, dropout, first_bound, annealing
        self.words = nn.Embedding(shape.pieces, size)
        self.directions = nn.ModuleList(Layer(size, size) for _ in range(2))
        self.encoder = nn.ModuleList(Layer(size if i > 1 else 2 * size, size) for i in above)
        self.attention = Attention(size)
        self.bottom = Layer(size, size)
        self.decoder = nn.ModuleList(Layer(2 * size, size) for _ in above)
        self.softmax = nn.Linear(size, shape.pieces)
        self.register_buffer("batches", torch.zeros((), dtype=torch.long))
        with torch.no_grad():
            for weight in self.parameters():
                weight.uniform_(-INITIAL / size**0.5, INITIAL / size**0.5)
            self.words.weight.uniform_(-1, 1)

    @property
    def bound(self) -> float:
        """Of cells and outputs now: while it is trained it goes down evenly from the first to the last."""
        first, last = self.first_bound, self.shape.bound
        if not last:
            return math.inf
        if not first or not self.training:
            return last
        return first + (last - first) * min(1.0, int(self.batches) / max(1, self.annealing))

    def forward(self, sources: Tensor, mask: Tensor, before: Tensor) -> Tensor:
        """Outputs (B, T, H) after each of the tokens `before` (B, T); sources and their mask (B, S)."""
        outputs = self.decode(before, self.encode(sources, mask))[0]
        if self.training:
            self.batches += 1
        return outputs

    def logits(self, outputs: Tensor) -> Tensor:
        """Logits (..., V) of the next token from outputs (..., H), within their bound."""
        return self.softmax(outputs).float().clamp(-LOGITS, LOGITS)

    def encode(self, sources: Tensor, mask: Tensor) -> Memory:
        """What the encoder makes of sources (B, S) that are filled up on the right."""
        mask, bound = mask.bool(), self.bound
        words = self.words(sources)
        turned = backwards(mask)
        forth, back = self.directions
        first = forth(self._dropped(words), bound)[0]
        second = back(_ordered(self._dropped(words), turned), bound)[0]
        states = torch.cat([first, _ordered(second, turned)], -1)
        for number, layer in enumerate(self.encoder, 1):
            states = self._added(number, layer(self._dropped(states), bound)[0], states, bound)
        return Memory(states, self.attention.key(states), mask)

    def decode(self, before: Tensor, memory: Memory, state: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Outputs (B, T, H), attention (B, T, S) and the state (N, 2, B, H) to go on from.

        before: tokens (B, T) that come before those that are guessed, all of them or, with the state in which the ones
        before them were left, the next.
        """
        bound = self.bound
        if state is None:
            shape = (self.shape.layers, 2, len(before), self.shape.hidden)
            state = torch.zeros(shape, dtype=memory.states.dtype, device=before.device)
        output, reached = self.bottom(self._dropped(self.words(before)), bound, state[0])
        queries = output
        if self.shape.query == "previous":
            queries = torch.cat([state[0, 0][:, None], output[:, :-1]], 1)
        context, weights = self.attention(queries, memory)
        left = [reached]
        for number, layer in enumerate(self.decoder, 1):
            given = self._dropped(torch.cat([output, context], -1))
            new, reached = layer(given, bound, state[number])
            output = self._added(number, new, output, bound)
            left.append(reached)
        return self._dropped(output), weights, torch.stack(left)

    def _dropped(self, inputs: Tensor) -> Tensor:
        return F.dropout(inputs, self.dropout, self.training)

    def _added(self, number: int, output: Tensor, read: Tensor, bound: float) -> Tensor:
        """A layer's output, with what it read added from the third layer on, within the bound."""
        if self.shape.residual and number >= RESIDUAL_FROM:
            output = output + read
        return output.clamp(-bound, bound)


def backwards(mask: Tensor) -> Tensor:
    """For every place (B, S) the one from which a row that is read from its end takes it; padding stays."""
    places = torch.arange(mask.shape[1], device=mask.device)
    turned = mask.sum(1, keepdim=True) - 1 - places
    return torch.where(mask, turned, places)


def _ordered(rows: Tensor, places: Tensor) -> Tensor:
    return rows.gather(1, places[..., None].expand_as(rows))
