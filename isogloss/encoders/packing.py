"""Packed rows: the texts of a batch laid end to end in one row, no padding, and what every layer does with its tokens.

A batch of examples with several sides becomes one row of tokens, ordered by example, side and place. A layer reads
*segments* of it: the texts of the sides one by one, or in fused layers all sides of an example as one. Tokens that
nobody reads any more leave: a side whose top has no reader gives its keys and values to the last fused layer and goes
no further; in the last layer only the tokens that a head reads are carried to the end. A text that stands beside
several others is read once, up to the first fused layer. All of this is exact.

Letters: B examples, T tokens of the row as it enters, P tokens that a layer passes on.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Segments:
    """Who sees whom in a layer: the queries of a segment see the keys of the same segment.

    queries, keys: tokens of every segment, in the order of the row. Positions restart on every side; sliding windows
    measure distance with them. `made` keeps what a backend derives from all this, for the other layers.
    """

    queries: tuple[int, ...]
    keys: tuple[int, ...]
    query_positions: Tensor  # (P,)
    key_positions: Tensor  # (keys,)
    bias: Tensor | None = None  # (keys,), added to every score of a key; None = nothing
    made: dict[object, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layer:
    """What one layer does with the tokens it is given."""

    segments: Segments
    copied: Tensor | None  # the tokens it is given, as numbers among those of before, some twice; None = the same
    given: Tensor | None  # which tokens of the entering row these are; None = all
    kept: Tensor | None  # of those, the ones that it passes on; None = all
    leaving: Tensor | None  # of those, the ones that only give it their keys and values
    keys: Tensor | None  # its keys in the row's order: numbers among the kept, then the leaving; None = as given


@dataclass(frozen=True, slots=True)
class Packed:
    """A batch as one row.

    input_ids, positions: (1, T). layers: one for each of the encoder. places: (P,) where in the padded batch the
    tokens are that reach the end, as numbers of the flattened (B, length of all sides). token_types: (1, T), None = all
    of the encoder's first type.
    """

    input_ids: Tensor
    positions: Tensor
    layers: tuple[Layer, ...]
    places: Tensor
    shape: tuple[int, int]
    widths: tuple[int, ...]
    token_types: Tensor | None = None

    def padded(self, values: Tensor) -> tuple[Tensor, ...]:
        """Values (P, n) of the tokens that reached the end as (B, length, n) for every side, 0 elsewhere."""
        spread = values.new_zeros(self.shape[0] * self.shape[1], values.shape[-1])
        return spread.index_copy(0, self.places, values).view(*self.shape, -1).split(self.widths, dim=1)


def pack(
    sides: Sequence[tuple[Tensor, Tensor]],
    fused_layers: Collection[int],
    depth: int,
    *,
    first_position: int = 0,
    wanted: Sequence[Tensor] | None = None,
    padded: bool = False,
    shared: bool = False,
) -> Packed:
    """The sides of a batch as one row, read by `depth` layers.

    sides: (input_ids, attention_mask) pairs, both (B, length). wanted: for each side (B, length), true for the tokens
    whose last states are asked for; all of them by default. With `padded`, padding lies in the row too and sees the
    real tokens, but nothing sees it. With `shared`, equal texts of a side enter once. Everything is worked out on the
    CPU: one transfer from the device and back.
    """
    device = sides[0][0].device
    row = _row_of(sides, bool(fused_layers), first_position, wanted, padded)
    first_fused, last_fused = min(fused_layers, default=depth), max(fused_layers, default=-1)
    everyone = torch.arange(len(row.example))
    source = _first_equal(sides, row) if shared and 0 < first_fused < depth else everyone
    entering = source.unique()
    entered = torch.searchsorted(entering, source)  # of every token, the place in the entering row

    layers: list[Layer] = []
    tokens, alike = entering, {}
    for number in range(depth):
        if number == first_fused:
            tokens = everyone
        stay = torch.ones_like(tokens) > 0
        if number >= last_fused:
            stay = (row.asked if number == depth - 1 else row.read)[tokens]
        # afterwards tokens only ever leave, so equal numbers are equal tokens
        kind = (number in fused_layers, number <= first_fused, number == first_fused, len(tokens), int(stay.sum()))
        if kind not in alike:
            given = entered[tokens]
            alike[kind] = Layer(
                segments=_segments(row, number in fused_layers, tokens, stay, device),
                copied=entered.to(device) if number == first_fused and len(entering) < len(entered) else None,
                given=None if given.equal(torch.arange(len(entering))) else given.to(device),
                **_leaving(stay, row.seen[tokens], device),
            )
        layers.append(alike[kind])
        tokens = tokens[stay]
    width = sum(ids.shape[1] for ids, _ in sides)
    places = (row.example * width + row.column).to(device)
    input_ids = torch.cat([ids for ids, _ in sides], dim=1).flatten()[places[entering.to(device)]]
    return Packed(
        input_ids=input_ids[None],
        positions=row.positions[None, entering].to(device),
        layers=tuple(layers),
        places=places[tokens.to(device)],
        shape=(sides[0][0].shape[0], width),
        widths=tuple(ids.shape[1] for ids, _ in sides),
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """The tokens of a batch that somebody needs, in order of example, side and place; each (N,), on the CPU.

    example, column: where a token stands in the padded batch. text: the number of its side of its example. seen: it is
    no padding. asked: its last state is. read: the top of its side has a reader.
    """

    example: Tensor
    column: Tensor
    text: Tensor
    seen: Tensor
    asked: Tensor
    read: Tensor
    positions: Tensor


def _row_of(
    sides: Sequence[tuple[Tensor, Tensor]],
    fused: bool,
    first_position: int,
    wanted: Sequence[Tensor] | None,
    padded: bool,
) -> _Row:
    widths = torch.tensor([ids.shape[1] for ids, _ in sides])
    real = torch.cat([mask for _, mask in sides], dim=1).bool().cpu()
    counts = torch.cat([mask.cpu().long().cumsum(1) - 1 for _, mask in sides], dim=1)
    inside = torch.ones_like(real) if padded else real
    asked = inside if wanted is None else inside & torch.cat(list(wanted), dim=1).bool().cpu()
    example, column = inside.nonzero(as_tuple=True)
    text = example * len(sides) + torch.repeat_interleave(widths)[column]
    asked = asked[example, column]
    read = torch.isin(text, text[asked])
    needed = torch.isin(example, example[asked]) if fused else read
    example, column, text, asked, read = (values[needed] for values in (example, column, text, asked, read))
    seen = real[example, column]
    positions = torch.where(seen, counts[example, column] + first_position, max(first_position - 1, 0))
    return _Row(example, column, text, seen, asked, read, positions)


def _segments(row: _Row, fused: bool, tokens: Tensor, stay: Tensor, device: torch.device) -> Segments:
    """The segments of a layer that is given these tokens: those that stay are queries, the real ones keys."""
    ids = (row.example if fused else row.text)[tokens]
    positions, seen = row.positions[tokens], row.seen[tokens]
    return Segments(
        *_lengths(ids[stay], ids[seen]),
        query_positions=positions[stay].to(device),
        key_positions=positions[seen].to(device),
    )


def _leaving(stay: Tensor, seen: Tensor, device: torch.device) -> dict[str, Tensor | None]:
    """`kept`, `leaving` and `keys` of a layer, by which of its tokens stay and which are seen."""
    kept, left = stay.nonzero()[:, 0], (~stay).nonzero()[:, 0]
    return {
        "kept": None if stay.all() else kept.to(device),
        "leaving": None if stay.all() else left.to(device),
        "keys": None if (stay & seen).all() else torch.cat([kept, left]).argsort()[seen].to(device),
    }


def _first_equal(sides: Sequence[tuple[Tensor, Tensor]], row: _Row) -> Tensor:
    """For every token the same one in the first example that has an equal text on that side, as a place in the row."""
    leaders = []
    for ids, mask in sides:
        _, group = torch.where(mask.bool(), ids, -1).cpu().unique(dim=0, return_inverse=True)
        leader = torch.full_like(group, len(group)).scatter_reduce(0, group, torch.arange(len(group)), "amin")
        leaders.append(leader[group][:, None].expand(-1, ids.shape[1]))
    leader = torch.cat(leaders, dim=1)  # (B, length of all sides)
    own = torch.arange(len(row.example))
    places = torch.full(leader.shape, -1).index_put((row.example, row.column), own)
    found = places[leader[row.example, row.column], row.column]
    return torch.where(found < 0, own, found)  # the first one may not be in the row, as nobody asked about it


def _lengths(queries: Tensor, keys: Tensor) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Queries and keys of every segment, from the segments' numbers, which rise along the row."""
    count = int(torch.cat([queries, keys]).max()) + 1 if len(queries) + len(keys) else 0
    both = torch.stack([torch.bincount(ids, minlength=count) for ids in (queries, keys)])
    both = both[:, both.any(0)]
    return tuple(both[0].tolist()), tuple(both[1].tolist())
