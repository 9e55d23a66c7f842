"""Attention inside segments: the ways to compute it, all with the same result, and which is taken where.

Every function takes queries (1, heads, P, d), keys and values (1, heads, K, d) of one packed row and its segments, and
returns (1, heads, P, d). `window` is the largest distance plus one, None without sliding windows.

On CPUs a loop over the segments is the fastest (measured for 8 to 1,000 segments of 5 to 400 tokens, against blocks,
up to twice as fast in a training step). On GPUs one kernel must read all segments: flash attention where it can
(half precision, no dropout, no window), flex attention without dropout, else padded blocks. `ISOGLOSS_ATTENTION` or
`isogloss --attention NAME` takes one by name.
"""

import os
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from isogloss.encoders.packing import Segments
from isogloss.errors import UserError, nearest

CHOICE = "ISOGLOSS_ATTENTION"
AUTO = "auto"
DIRECTIONS = 8  # flash attention wants a multiple of them


def attend(
    query: Tensor, key: Tensor, value: Tensor, segments: Segments, *, window: int | None, dropout: float, scale: float
) -> Tensor:
    """The attention output (1, heads, P, d) of the backend that suits the device, or was asked for by name."""
    name = backend(query.device.type, query.dtype, window is not None, dropout > 0)
    return BACKENDS[name](query, key, value, segments, window, dropout, scale)


def backend(device: str, dtype: torch.dtype, windows: bool, dropout: bool) -> str:
    """The name of the backend for such tensors.

    Raises:
        UserError: the one that was asked for does not exist, or cannot compute this.
    """
    asked = os.environ.get(CHOICE) or AUTO
    lacks = {
        "varlen": device != "cuda" or dtype not in (torch.float16, torch.bfloat16) or windows or dropout,
        "flex": dropout or (device != "cuda" and torch.is_grad_enabled()),
    }
    if asked == AUTO:
        order = ("varlen", "flex", "blocks") if device == "cuda" else ("segments",)
        return next(name for name in order if not lacks.get(name))
    if asked not in BACKENDS:
        raise UserError(f"no attention backend {asked!r}; {nearest(asked, (AUTO, *BACKENDS))}")
    if lacks.get(asked):
        raise UserError(
            f"attention backend {asked} cannot be used here ({device}, {str(dtype).removeprefix('torch.')}, "
            f"attention dropout: {dropout}, sliding windows: {windows}): {NEEDS[asked]}; leave it out to take the best"
        )
    return asked


def by_segment(
    query: Tensor, key: Tensor, value: Tensor, segments: Segments, window: int | None, dropout: float, scale: float
) -> Tensor:
    """Each segment by itself, neighbours of equal length as one batch: nothing is computed that is not needed."""
    runs = _made(segments, ("runs", window), lambda: _runs(segments, window))
    bias = _bias(segments, query)
    pieces = zip(
        runs,
        query.split([count * queries for count, queries, _, _ in runs], 2),
        key.split([count * keys for count, _, keys, _ in runs], 2),
        value.split([count * keys for count, _, keys, _ in runs], 2),
        [None] * len(runs) if bias is None else bias.split([count * keys for count, _, keys, _ in runs]),
        strict=True,
    )
    outputs = []
    for (count, *_, mask), *row, beside in pieces:
        q, k, v = (x if count == 1 else _one_by_one(x, count) for x in row)
        added = _added(mask, None if beside is None else beside.view(count, 1, 1, -1))
        output = (
            F.scaled_dot_product_attention(q, k, v, attn_mask=added, dropout_p=dropout, scale=scale)
            if k.shape[2]
            else torch.zeros_like(q)  # a text that is all padding sees nothing
        ).transpose(1, 2)
        outputs.append(output if count == 1 else output.flatten(0, 1)[None])
    return torch.cat(outputs, dim=1).transpose(1, 2)


def _bias(segments: Segments, query: Tensor) -> Tensor | None:
    return None if segments.bias is None else segments.bias.to(query.dtype)


def _added(mask: Tensor | None, bias: Tensor | None) -> Tensor | None:
    """What attention adds to the scores: the bias where the mask, if there is one, lets a key be seen."""
    if mask is None or bias is None:
        return mask if bias is None else bias
    return bias.masked_fill(~mask, -torch.inf)


def _one_by_one(run: Tensor, count: int) -> Tensor:
    """Texts that lie end to end, (1, heads, count x tokens, d), as (count, heads, tokens, d): a view."""
    return run.unflatten(2, (count, run.shape[2] // count))[0].transpose(0, 1)


def in_blocks(
    query: Tensor, key: Tensor, value: Tensor, segments: Segments, window: int | None, dropout: float, scale: float
) -> Tensor:
    """All segments at once, each padded to the longest."""
    queries, keys, mask = _made(segments, ("blocks", window), lambda: _blocks(segments, window, query.device))
    count, longest = len(segments.keys), max(segments.keys)

    def block(row: Tensor, places: Tensor, length: int) -> Tensor:
        spread = row.new_zeros(count * length, *row.shape[1::2])  # (segments x length, heads, d)
        spread = spread.index_copy(0, places, row[0].transpose(0, 1))
        return spread.view(count, length, *row.shape[1::2]).transpose(1, 2)

    bias = _bias(segments, query)
    beside = None if bias is None else bias.new_zeros(count * longest).index_copy(0, keys, bias).view(count, 1, 1, -1)
    output = F.scaled_dot_product_attention(
        block(query, queries, max(segments.queries)),
        block(key, keys, longest),
        block(value, keys, longest),
        attn_mask=_added(mask, beside),
        dropout_p=dropout,
        scale=scale,
    )
    return output.transpose(1, 2).flatten(0, 1)[queries].transpose(0, 1)[None]


def variable_length(
    query: Tensor, key: Tensor, value: Tensor, segments: Segments, window: int | None, dropout: float, scale: float
) -> Tensor:
    """Flash attention over segments of unequal length (GPU, half precision)."""
    from torch.nn.attention.varlen import varlen_attn

    def starts() -> Tensor:
        both = torch.tensor([(0, *segments.queries), (0, *segments.keys)])
        return both.cumsum(1).int().to(query.device)

    size, bias = query.shape[-1], _bias(segments, query)
    if bias is not None:  # it takes none
        query, key, value = with_directions(query, key, value, bias, scale)
    queries, keys = _made(segments, "varlen", starts)
    q, k, v = (row[0].transpose(0, 1).contiguous() for row in (query, key, value))  # (tokens, heads, d)
    output: Any = varlen_attn(q, k, v, queries, keys, max(segments.queries), max(segments.keys), scale=scale)
    return output[..., :size].transpose(0, 1)[None]


def with_directions(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor, scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values with further directions, in which a query times a key is its bias / scale."""
    beside = F.pad(bias[:, None], (0, DIRECTIONS - 1)).expand(*key.shape[:2], -1, -1)
    query = torch.cat([query, query.new_full((*query.shape[:3], DIRECTIONS), 1 / scale)], -1)
    return query, torch.cat([key, beside], -1), F.pad(value, (0, DIRECTIONS))


def flexible(
    query: Tensor, key: Tensor, value: Tensor, segments: Segments, window: int | None, dropout: float, scale: float
) -> Tensor:
    """Flex attention under a block mask: blocks in which no query sees a key are skipped. Compiled once on a GPU."""
    from torch.nn.attention.flex_attention import create_block_mask

    def block_mask() -> Any:
        own, other = _numbers(segments, query.device)

        def seen(_: Tensor, __: Tensor, i: Tensor, j: Tensor) -> Tensor:
            alike = own[i] == other[j]
            if window is None:
                return alike
            return alike & ((segments.query_positions[i] - segments.key_positions[j]).abs() < window)

        return create_block_mask(seen, None, None, len(own), len(other), device=query.device)

    bias = _bias(segments, query)

    def added(score: Tensor, _: Tensor, __: Tensor, ___: Tensor, j: Tensor) -> Tensor:
        return score if bias is None else score + bias[j]

    mask = _made(segments, ("flex", window), block_mask)
    attention = _flex_attention(query.device.type)
    return attention(query, key, value, score_mod=None if bias is None else added, block_mask=mask, scale=scale)


def reference(
    query: Tensor, key: Tensor, value: Tensor, segments: Segments, window: int | None, dropout: float, scale: float
) -> Tensor:
    """The whole row under one mask: every score is computed. What the others are tested against."""
    own, other = _numbers(segments, query.device)
    seen = own[:, None] == other
    if window is not None:
        seen &= (segments.query_positions[:, None] - segments.key_positions).abs() < window
    nothing = ~seen.any(1, keepdim=True)  # a text that is all padding
    added = _added(seen | nothing, _bias(segments, query))
    output = F.scaled_dot_product_attention(query, key, value, attn_mask=added, dropout_p=dropout, scale=scale)
    return output.masked_fill(nothing, 0)


BACKENDS: dict[str, Callable[..., Tensor]] = {
    "segments": by_segment,
    "blocks": in_blocks,
    "varlen": variable_length,
    "flex": flexible,
    "reference": reference,
}
NEEDS = {
    "varlen": "it needs a GPU, half precision, no attention dropout and no sliding windows",
    "flex": "it has no attention dropout, and trains on a GPU only",
}


def _made(segments: Segments, name: object, make: Callable[[], Any]) -> Any:
    if name not in segments.made:
        segments.made[name] = make()
    return segments.made[name]


def _numbers(segments: Segments, device: torch.device) -> tuple[Tensor, Tensor]:
    """The segment of every query and of every key."""
    both = (torch.tensor(lengths, device=device) for lengths in (segments.queries, segments.keys))
    queries, keys = (torch.repeat_interleave(lengths) for lengths in both)
    return queries, keys


def _runs(segments: Segments, window: int | None) -> list[tuple[int, int, int, Tensor | None]]:
    """Neighbouring segments that are read as one batch: how many, their queries and keys, and their mask.

    The mask (queries, keys) is true where a key is near enough; None where all are, and else the segment is alone.
    """
    runs: list[tuple[int, int, int, Tensor | None]] = []
    queries = segments.query_positions.split(segments.queries)
    for own, other in zip(queries, segments.key_positions.split(segments.keys), strict=True):
        near = None if window is None else (own[:, None] - other).abs() < window
        mask = None if near is None or near.all() else near
        alike = (len(own), len(other))
        if runs and mask is None and runs[-1][1:] == (*alike, None):
            runs[-1] = (runs[-1][0] + 1, *alike, None)
        else:
            runs.append((1, *alike, mask))
    return runs


def _blocks(segments: Segments, window: int | None, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Places of queries and of keys in their blocks, and the mask (segments, 1, queries, keys) of who sees whom."""
    places, positions, real = [], [], []
    given = ((segments.queries, segments.query_positions), (segments.keys, segments.key_positions))
    for lengths, where in given:
        sizes = torch.tensor(lengths)
        inside = torch.arange(int(sizes.max())) < sizes[:, None]
        places.append(inside.flatten().nonzero()[:, 0].to(device))
        real.append(inside.to(device))
        positions.append(torch.zeros(inside.shape, dtype=where.dtype, device=device).masked_scatter(real[-1], where))
    seen = real[1][:, None, :].expand(-1, real[0].shape[1], -1)
    if window is not None:
        seen = seen & ((positions[0][:, :, None] - positions[1][:, None, :]).abs() < window)
    # a query that sees nothing (padding of the block) would make the softmax NaN; what it reads does not matter
    return places[0], places[1], (seen | ~seen.any(-1, keepdim=True))[:, None]


@cache
def _flex_attention(device: str) -> Callable[..., Any]:
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention, dynamic=True) if device == "cuda" else flex_attention
