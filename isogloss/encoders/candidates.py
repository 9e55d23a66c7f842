"""Candidates beside a context: a row that holds a context once, and all its candidates behind it.

The positions of every candidate begin where its context ends: candidates can be exchanged, and their number has no
limit but memory. A segment is a text that reads, with the keys and values of the texts that it sees gathered for it,
those of a context so once for each of its candidates. Nothing else is repeated, and nothing is padded; `keys_read` says
what is gathered, which bounds the memory. Who sees whom in the fused layers is a mask:

- one_way: a candidate sees its context and itself, the context itself alone; so no candidate changes another.
- arrow: the context sees all its candidates too, and passes on what it saw.
- square: all texts see each other.
- diag: every text sees itself alone.

Letters: B contexts, T tokens of the row, P tokens that reach the end, H hidden size.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor
from transformers import PreTrainedModel

from isogloss.encoders.packing import Layer, Packed, Segments
from isogloss.encoders.visibility import first_position, read_packed

Reading = tuple[Sequence[int], Sequence[int]]  # texts that read, and the texts that they see, by number
Pools = Sequence[tuple[Tensor, Sequence[Tensor]]]  # contexts with their candidates, each the ids (length,) of a text


def _diag(context: int, candidates: Sequence[int]) -> list[Reading]:
    return [([text], [text]) for text in (context, *candidates)]


def _one_way(context: int, candidates: Sequence[int]) -> list[Reading]:
    return [([context], [context]), *(([text], [context, text]) for text in candidates)]


def _arrow(context: int, candidates: Sequence[int]) -> list[Reading]:
    return [([context], [context, *candidates]), *_one_way(context, candidates)[1:]]


def _square(context: int, candidates: Sequence[int]) -> list[Reading]:
    return [([context, *candidates], [context, *candidates])]


MASKS: dict[str, Callable[[int, Sequence[int]], list[Reading]]] = {
    "one_way": _one_way,
    "arrow": _arrow,
    "diag": _diag,
    "square": _square,
}


def encode_candidates(
    encoder: PreTrainedModel,
    pools: Pools,
    mask: str = "one_way",
    fused_layers: Collection[int] | None = None,
    *,
    wanted: Sequence[Tensor] | None = None,
) -> tuple[Packed, Tensor]:
    """The pools as a row, and the last states (P, H) of the tokens that reached the end; the rest as in the packer."""
    depth = encoder.config.num_hidden_layers
    packed = pack_candidates(
        pools,
        depth,
        mask,
        range(depth) if fused_layers is None else fused_layers,
        first_position=first_position(encoder),
        typed=getattr(encoder.config, "type_vocab_size", 0) > 1,
        wanted=wanted,
    )
    return packed, read_packed(encoder, packed)[0]


def pack_candidates(
    pools: Pools,
    depth: int,
    mask: str,
    fused_layers: Collection[int],
    *,
    first_position: int = 0,
    typed: bool = False,
    wanted: Sequence[Tensor] | None = None,
) -> Packed:
    """Contexts with their candidates as one row, read by `depth` layers: by the mask in the fused ones, else alone.

    The texts of a row are each context and then its candidates; its padded batch is (texts, length of the longest).
    wanted: for each text (length,), true for the tokens whose last states are asked for; all those of the candidates
    by default. typed: candidates are the encoder's second token type. Tokens that nobody reads any more leave as in
    `isogloss.encoders.packing`. Everything is worked out on the CPU, one transfer from the device and back.
    """
    device = pools[0][0].device
    row = _row_of(pools, bool(fused_layers), first_position, wanted)
    last_fused = max(fused_layers, default=-1)
    tokens = torch.arange(len(row.text))
    layers: list[Layer] = []
    alike: dict[tuple[bool, int, int], Layer] = {}
    for number in range(depth):
        stay = torch.ones_like(tokens) > 0
        if number >= last_fused:
            stay = (row.asked if number == depth - 1 else row.read)[tokens]
        kind = (number in fused_layers, len(tokens), int(stay.sum()))  # tokens only ever leave
        if kind not in alike:
            read_by = MASKS[mask] if number in fused_layers else _diag
            alike[kind] = _layer(row, [each for pool in row.pools for each in read_by(*pool)], tokens, stay, device)
        layers.append(alike[kind])
        tokens = tokens[stay]
    places = row.text * row.longest + row.place
    return Packed(
        input_ids=row.input_ids[None].to(device),
        positions=row.positions[None].to(device),
        layers=tuple(layers),
        places=places[tokens].to(device),
        shape=(row.pools[-1][1][-1] + 1, row.longest),
        widths=(row.longest,),
        token_types=row.types[None].to(device) if typed else None,
    )


def keys_read(context: int, candidates: Sequence[int], mask: str) -> int:
    """The keys that a fused layer gathers for a context and candidates of so many tokens: what bounds its memory."""
    lengths = (context, *candidates)
    return sum(lengths[text] for _, seen in MASKS[mask](0, range(1, len(lengths))) for text in seen)


@dataclass(frozen=True, slots=True)
class _Row:
    """The tokens of the pools that somebody needs, in order of context, text and place; each (T,), on the CPU.

    pools: the numbers of every context's text and of its candidates' texts. text, place: where a token stands. asked:
    its last state is. read: the top of its text has a reader. types: 1 in candidates. longest: tokens of a text.
    """

    pools: list[tuple[int, range]]
    input_ids: Tensor
    text: Tensor
    place: Tensor
    positions: Tensor
    types: Tensor
    asked: Tensor
    read: Tensor
    longest: int


def _row_of(pools: Pools, fused: bool, first_position: int, wanted: Sequence[Tensor] | None) -> _Row:
    texts = [text for context, candidates in pools for text in (context, *candidates)]
    sizes = [1 + len(candidates) for _, candidates in pools]
    contexts = [end - size for end, size in zip(accumulate(sizes), sizes, strict=True)]
    numbered = [(at, range(at + 1, at + size)) for at, size in zip(contexts, sizes, strict=True)]
    lengths = torch.tensor([len(text) for text in texts])
    context_of = torch.repeat_interleave(torch.tensor(contexts), torch.tensor(sizes))  # of every text
    text = torch.repeat_interleave(lengths)
    place = torch.arange(len(text)) - (lengths.cumsum(0) - lengths)[text]
    types = (context_of != torch.arange(len(texts)))[text].long()
    asked = types > 0 if wanted is None else torch.cat(list(wanted)).cpu()
    read = torch.isin(text, text[asked])
    own = context_of[text]
    needed = torch.isin(own, own[asked]) if fused else read
    return _Row(
        pools=numbered,
        input_ids=torch.cat(texts).cpu()[needed],
        text=text[needed],
        place=place[needed],
        positions=(place + types * lengths[own] + first_position)[needed],
        types=types[needed],
        asked=asked[needed],
        read=read[needed],
        longest=int(lengths.max()),
    )


def _layer(row: _Row, readings: Sequence[Reading], tokens: Tensor, stay: Tensor, device: torch.device) -> Layer:
    """What a layer does with these tokens, of which some stay, if its texts read each other so."""
    texts = row.pools[-1][1][-1] + 1
    given = torch.bincount(row.text[tokens], minlength=texts)
    ends = given.cumsum(0)
    spans = list(zip((ends - given).tolist(), ends.tolist(), strict=True))  # of every text, among the given tokens
    staying = torch.bincount(row.text[tokens[stay]], minlength=texts).tolist()
    readings = [reading for reading in readings if any(staying[text] for text in reading[0])]
    keys = torch.cat([torch.arange(*spans[text]) for _, seen in readings for text in seen])
    kept, leaving = stay.nonzero()[:, 0], (~stay).nonzero()[:, 0]
    where = torch.cat([kept, leaving]).argsort()[keys]  # among the kept, then the leaving
    return Layer(
        segments=Segments(
            queries=tuple(sum(staying[text] for text in readers) for readers, _ in readings),
            keys=tuple(sum(spans[text][1] - spans[text][0] for text in seen) for _, seen in readings),
            query_positions=row.positions[tokens[stay]].to(device),
            key_positions=row.positions[tokens[keys]].to(device),
        ),
        copied=None,
        given=None if len(tokens) == len(row.text) else tokens.to(device),
        kept=None if stay.all() else kept.to(device),
        leaving=None if stay.all() else leaving.to(device),
        keys=None if where.equal(torch.arange(len(tokens))) else where.to(device),
    )
