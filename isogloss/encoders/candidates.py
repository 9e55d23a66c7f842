"""Candidates beside a context: a row that holds a context once, and all its candidates behind it.

The positions of every candidate begin where its context ends: candidates can be exchanged, and their number has no
limit but memory. A segment is a text that reads, with the keys and values of the texts that it sees gathered for it,
those of a context so once for each of its candidates. Nothing else is repeated, and nothing is padded; `keys_read` says
what is gathered, which bounds the memory. Who sees whom in the fused layers is a mask:

- one_way: a candidate sees its context and itself, the context itself alone; so no candidate changes another.
- arrow: the context sees all its candidates too, and passes on what it saw.
- square: all texts see each other.
- diag: every text sees itself alone.

Letters: T tokens of all texts, P tokens that reach the end, H hidden size.
"""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor
from transformers import PreTrainedModel

from isogloss.encoders.packing import Layer, Packed, Segments
from isogloss.encoders.visibility import first_position, read_packed

Reading = tuple[Sequence[int], Sequence[int]]  # texts that read, and the texts that they see, by number
Lengths = Sequence[Sequence[int]]  # tokens of each context and of its candidates, in this order
Mask = Callable[[int, Sequence[int]], list[Reading]]  # of a context and its candidates, by number


def _diag(context: int, candidates: Sequence[int]) -> list[Reading]:
    return [([text], [text]) for text in (context, *candidates)]


def _one_way(context: int, candidates: Sequence[int]) -> list[Reading]:
    return [([context], [context]), *(([text], [context, text]) for text in candidates)]


def _arrow(context: int, candidates: Sequence[int]) -> list[Reading]:
    return [([context], [context, *candidates]), *_one_way(context, candidates)[1:]]


def _square(context: int, candidates: Sequence[int]) -> list[Reading]:
    return [([context, *candidates], [context, *candidates])]


MASKS: dict[str, Mask] = {"one_way": _one_way, "arrow": _arrow, "diag": _diag, "square": _square}


def encode_candidates(
    encoder: PreTrainedModel,
    input_ids: Tensor,
    lengths: Lengths,
    mask: str = "one_way",
    fused_layers: Collection[int] | None = None,
    *,
    cross_weight: float = 1.0,
    wanted: Tensor | None = None,
) -> tuple[Packed, Tensor]:
    """The texts as a row, and the last states (P, H) of the tokens that reached the end; the rest as in the packer.

    All layers are fused unless some are named.
    """
    depth = encoder.config.num_hidden_layers
    packed = pack_candidates(
        input_ids,
        lengths,
        depth,
        mask,
        range(depth) if fused_layers is None else fused_layers,
        first_position=first_position(encoder),
        typed=getattr(encoder.config, "type_vocab_size", 0) > 1,
        cross_weight=cross_weight,
        wanted=wanted,
    )
    return packed, read_packed(encoder, packed)[0]


def pack_candidates(
    input_ids: Tensor,
    lengths: Lengths,
    depth: int,
    mask: str,
    fused_layers: Collection[int],
    *,
    first_position: int = 0,
    typed: bool = False,
    cross_weight: float = 1.0,
    wanted: Tensor | None = None,
) -> Packed:
    """Contexts with their candidates as one row, read by `depth` layers: by the mask in the fused ones, else alone.

    input_ids: (T,), the texts end to end, each context before its candidates. wanted: (T,), true for the tokens whose
    last states are asked for, by default those of the candidates. typed: candidates have the encoder's second token
    type. cross_weight: what a key of another text counts in a softmax, an own one being 1; under `square` all are own.
    The padded batch of the row is (1, T). Tokens that nobody reads any more leave as in `isogloss.encoders.packing`.
    Everything is worked out on the CPU.
    """
    device = input_ids.device
    row = _row_of(lengths, bool(fused_layers), wanted)
    bias = math.log(cross_weight)
    last_fused = max(fused_layers, default=-1)
    layers: list[Layer] = []
    tokens, alike = torch.arange(len(row.entering)), {}
    for number in range(depth):
        stay = torch.ones_like(tokens) > 0
        if number >= last_fused:
            stay = (row.asked if number == depth - 1 else row.read)[tokens]
        kind = (
            number in fused_layers,
            len(tokens),
            int(stay.sum()),
        )  # tokens only ever leave: equal numbers, equal ones
        if kind not in alike:
            alike[kind] = _layer(row, MASKS[mask] if number in fused_layers else _diag, bias, tokens, stay, device)
        layers.append(alike[kind])
        tokens = tokens[stay]
    return Packed(
        input_ids=input_ids[None, row.entering.to(device)],
        positions=(row.positions + first_position)[None].to(device),
        layers=tuple(layers),
        places=row.entering[tokens].to(device),
        shape=(1, len(input_ids)),
        widths=(len(input_ids),),
        token_types=row.types[None].to(device) if typed else None,
    )


def text_means(packed: Packed, states: Tensor, lengths: Lengths) -> Tensor:
    """The mean of the states (P, H) of every text's tokens that reached the end, (texts, H); 0 where none did."""
    flat = torch.tensor([length for each in lengths for length in each])
    text = torch.repeat_interleave(flat).to(states.device)[packed.places]
    sums = states.new_zeros(len(flat), states.shape[-1]).index_add(0, text, states)
    return sums / torch.bincount(text, minlength=len(flat)).clamp(min=1)[:, None]


def keys_read(lengths: Sequence[int], mask: str) -> int:
    """The keys that a fused layer gathers for a context and candidates of so many tokens: its memory."""
    return sum(lengths[text] for _, seen in MASKS[mask](0, range(1, len(lengths))) for text in seen)


@dataclass(frozen=True, slots=True)
class _Row:
    """The tokens that somebody needs, in order of context, text and place; each (tokens,), on the CPU.

    pools: the number of each context's text, and those of its candidates. entering: which of the given tokens these
    are. text: the number of a token's text. types: 1 in candidates. asked: its last state is. read: the top of its text
    has a reader.
    """

    pools: list[tuple[int, range]]
    entering: Tensor
    text: Tensor
    positions: Tensor
    types: Tensor
    asked: Tensor
    read: Tensor


def _row_of(lengths: Lengths, fused: bool, wanted: Tensor | None) -> _Row:
    ends = list(accumulate(map(len, lengths)))
    pools = [(end - len(each), range(end - len(each) + 1, end)) for end, each in zip(ends, lengths, strict=True)]
    context_of = torch.repeat_interleave(
        torch.tensor([context for context, _ in pools]), torch.tensor([len(each) for each in lengths])
    )
    flat = torch.tensor([length for each in lengths for length in each])
    text = torch.repeat_interleave(flat)
    own = context_of[text]  # of every token, its context
    types = (own != text).long()
    positions = torch.arange(len(text)) - (flat.cumsum(0) - flat)[text] + types * flat[own]
    asked = types > 0 if wanted is None else wanted.cpu()
    read = torch.isin(text, text[asked])
    needed = (torch.isin(own, own[asked]) if fused else read).nonzero()[:, 0]
    return _Row(pools, needed, *(each[needed] for each in (text, positions, types, asked, read)))


def _layer(row: _Row, mask: Mask, bias: float, tokens: Tensor, stay: Tensor, device: torch.device) -> Layer:
    """What a layer does with these tokens of the row, of which some stay, if texts see each other by the mask.

    bias: of the scores of keys that belong to another text than the reader.
    """
    texts = row.pools[-1][1].stop
    given = torch.bincount(row.text[tokens], minlength=texts)
    ends = given.cumsum(0)
    spans = list(zip((ends - given).tolist(), ends.tolist(), strict=True))  # of every text, among the given tokens
    staying = torch.bincount(row.text[tokens[stay]], minlength=texts).tolist()
    readings = [each for pool in row.pools for each in mask(*pool) if any(staying[text] for text in each[0])]
    seen = [(text, text not in readers) for readers, read in readings for text in read]
    keys = torch.cat([torch.arange(*spans[text]) for text, _ in seen])
    others = torch.repeat_interleave(torch.tensor([other for _, other in seen]), given[[text for text, _ in seen]])
    kept, leaving = stay.nonzero()[:, 0], (~stay).nonzero()[:, 0]
    gathered = torch.cat([kept, leaving]).argsort()[keys]  # numbers among the kept, then the leaving
    return Layer(
        segments=Segments(
            queries=tuple(sum(staying[text] for text in readers) for readers, _ in readings),
            keys=tuple(sum(spans[text][1] - spans[text][0] for text in seen) for _, seen in readings),
            query_positions=row.positions[tokens[stay]].to(device),
            key_positions=row.positions[tokens[keys]].to(device),
            bias=bias * others.to(device) if bias and others.any() else None,
        ),
        copied=None,
        given=None if len(tokens) == len(row.entering) else tokens.to(device),
        kept=None if stay.all() else kept.to(device),
        leaving=None if stay.all() else leaving.to(device),
        keys=None if gathered.equal(torch.arange(len(tokens))) else gathered.to(device),
    )
