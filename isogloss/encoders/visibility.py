"""Visibility: which tokens of a row may see each other, layer by layer.

Several texts ("sides") of many examples lie next to each other in one row, each with positions of its own. In most
layers a token sees the tokens of its own side; in fused layers it sees all sides of its example. FILTER and joint
reading of candidates are such schedules; other examples are never seen.

The schedule reaches the layers through transformers' attention interface: `prepare` registers one attention function,
which looks up the segments of its layer (`isogloss.encoders.packing`). Tokens that nobody reads any more leave between
layers, through PyTorch's hooks. No weights are added or renamed, and without a visibility the encoder is as before.

Letters: B examples, T tokens of a row, H hidden size.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from inspect import unwrap
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.masking_utils import sdpa_mask
from transformers.modeling_layers import GradientCheckpointingLayer

from isogloss.encoders import quiet
from isogloss.encoders.attention import attend, backend
from isogloss.encoders.packing import Layer, Packed, pack
from isogloss.errors import UserError

ATTENTION = "isogloss_visibility"


@dataclass(frozen=True)
class Visibility:
    """What every layer does with the tokens of a row of so many; `reached` are the layers that asked."""

    layers: tuple[Layer, ...]
    tokens: int
    reached: set[int] = field(default_factory=set)


class _KeysAndValues(Exception):
    """Ends the reading of a layer when its keys and values are there."""


def visible_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    visibility: Visibility | None = None,
    keys_alone: bool = False,
    left: tuple[Tensor, Tensor] | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    **_: object,
) -> tuple[Tensor, None]:
    """Attention output (B, L, heads, H / heads) of one layer under the batch's visibility.

    keys_alone: the tokens leave at this layer, and only their keys and values are asked for. left: those of the tokens
    that have left, where others stay. Without a visibility this is the library's ordinary scaled-dot-product attention,
    so the encoder can still be called plainly.
    """
    if keys_alone:
        raise _KeysAndValues(key, value)
    if visibility is None:
        output = F.scaled_dot_product_attention(
            query, key, value, attn_mask=attention_mask, dropout_p=dropout, scale=scaling
        )
        return output.transpose(1, 2).contiguous(), None
    number: Any = module.layer_idx
    visibility.reached.add(number)
    layer = visibility.layers[number]
    if left is not None:
        key, value = (torch.cat(both, dim=2) for both in zip((key, value), left, strict=True))
    if layer.keys is not None:
        key, value = key.index_select(2, layer.keys), value.index_select(2, layer.keys)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    output = attend(query, key, value, layer.segments, window=sliding_window, dropout=dropout, scale=scale)
    return output.transpose(1, 2), None


def prepare(encoder: PreTrainedModel) -> PreTrainedModel:
    """The encoder with its attention routed through `visible_attention`, checked to reach every layer.

    Raises:
        UserError: the encoder does not use transformers' attention interface, its positions cannot restart, or its
            attention does more than look at what it may see (causal order, a bias of its own).
    """
    name, training = type(encoder).__name__, encoder.training
    AttentionInterface.register(ATTENTION, visible_attention)
    AttentionMaskInterface.register(ATTENTION, sdpa_mask)
    encoder.eval()
    try:
        with quiet(), torch.no_grad():
            _switch(encoder, name)
    except UserError:
        raise
    except (TypeError, AttributeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{name} cannot be used: its attention takes no visibility ({reason})") from None
    finally:
        encoder.train(training)
    return encoder


def _switch(encoder: PreTrainedModel, name: str) -> None:
    """Switch the attention; every layer must ask for its segments, and three tokens be read as before the switch."""
    ids = torch.tensor([[i for i in range(4) if i != encoder.config.pad_token_id][:3]], device=encoder.device)
    mask = torch.ones_like(ids)
    before = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    encoder.set_attn_implementation(ATTENTION)
    layers = layers_of(encoder)
    depth = encoder.config.num_hidden_layers
    packed = pack([(ids, mask)], (), depth, first_position=first_position(encoder))
    visibility = read_packed(encoder, packed)[1]
    if len(visibility.reached) != depth or len(layers) != depth:
        raise UserError(
            f"{name} cannot be used: {len(visibility.reached)} of its {depth} layers go through transformers' "
            "attention interface; use an encoder whose attention does (XLM-R, BERT, ModernBERT ...)"
        )
    for number, layer in enumerate(layers):
        layer.register_forward_pre_hook(partial(_leave, number), with_kwargs=True)
    plain = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    (alone,) = encode(encoder, [(ids, mask)])
    first = mask.cumsum(1) == 1
    (narrow,) = encode(encoder, [(ids, mask)], wanted=[first])
    same = (before, plain), (before, alone), (before[:, :1], narrow[:, :1])
    if not all(torch.allclose(*both, atol=1e-3, rtol=1e-3) for both in same):
        raise UserError(
            f"{name} cannot be used: with visibility it reads a text alone differently; its attention is causal or has "
            "a bias, or its positions cannot be given from outside"
        )


def layers_of(encoder: nn.Module) -> list[nn.Module]:
    """The encoder's layers, the lowest first; none where it is not the library's."""
    return [module for module in encoder.modules() if isinstance(module, GradientCheckpointingLayer)]


def attention_backend(encoder: PreTrainedModel, device: str, dtype: torch.dtype) -> str:
    """How the attention of an encoder's layers is computed while it is trained, by name.

    Raises:
        UserError: a backend was asked for by name that cannot compute it.
    """
    config = encoder.config
    windows = any(getattr(module, "sliding_window", None) for module in encoder.modules())
    dropout = max(getattr(config, name, 0.0) for name in ("attention_probs_dropout_prob", "attention_dropout"))
    return backend(device, dtype, windows, dropout > 0)


def first_position(encoder: nn.Module) -> int:
    """The position id of the first token: RoBERTa-like encoders reserve the ids up to their padding index."""
    for path, module in encoder.named_modules():
        if path.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            return 0 if module.padding_idx is None else module.padding_idx + 1
    return 0


def encode(
    encoder: PreTrainedModel,
    sides: Sequence[tuple[Tensor, Tensor]],
    fused_layers: Sequence[int] = (),
    *,
    wanted: Sequence[Tensor] | None = None,
    padded: bool = False,
) -> tuple[Tensor, ...]:
    """Last-layer states of every side, each (B, length of the side, H); 0 for padding and for what is not wanted.

    sides: (input_ids, attention_mask) pairs, both (B, length). In the layers of `fused_layers` all sides of an example
    see each other; in the others each side reads itself alone. A side that an example lacks is all padding.
    wanted: for each side (B, length), true for the tokens whose states are asked for; nothing else is computed. With
    `padded`, padding is computed like a token.
    """
    packed, states = encode_packed(encoder, sides, fused_layers, wanted=wanted, padded=padded)
    return packed.padded(states)


def encode_packed(
    encoder: PreTrainedModel,
    sides: Sequence[tuple[Tensor, Tensor]],
    fused_layers: Sequence[int] = (),
    *,
    wanted: Sequence[Tensor] | None = None,
    padded: bool = False,
) -> tuple[Packed, Tensor]:
    """The batch as a row, and the last states (P, H) of the tokens that reached the end; the rest as in `encode`."""
    depth = encoder.config.num_hidden_layers
    first = first_position(encoder)
    packed = pack(
        sides,
        frozenset(fused_layers),
        depth,
        first_position=first,
        wanted=wanted,
        padded=padded,
        shared=not encoder.training,  # dropout is drawn anew for every reading
    )
    if not packed.input_ids.numel():  # nobody asked for anything
        weight: Any = encoder.get_input_embeddings().weight
        return packed, _in_float32(weight[:0])
    return packed, read_packed(encoder, packed)[0]


def read_packed(encoder: PreTrainedModel, packed: Packed) -> tuple[Tensor, Visibility]:
    """Last states (P, H) of a packed row, not in half precision even if the encoder is, and the visibility."""
    visibility = Visibility(packed.layers, packed.input_ids.shape[1])
    # a mask of four dimensions counts as made already; the visibility takes its place
    made = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=packed.input_ids.device)
    types = {} if packed.token_types is None else {"token_type_ids": packed.token_types}
    output = encoder(
        input_ids=packed.input_ids, attention_mask=made, position_ids=packed.positions, visibility=visibility, **types
    )
    return _in_float32(output.last_hidden_state[0]), visibility


def _in_float32(states: Tensor) -> Tensor:
    return states.to(torch.promote_types(states.dtype, torch.float32))


def _leave(number: int, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any] | None:
    """Before a layer: tokens that leave at it give their keys and values, and only the others are read on."""
    visibility: Visibility | None = kwargs.get("visibility")
    if visibility is None or "left" in kwargs:  # an encoder that was prepared twice has this hook twice
        return None
    layer = visibility.layers[number]
    kwargs = _rows(kwargs, visibility.tokens, layer.given) | {"left": None}
    states, *others = args
    states = states if layer.copied is None else states.index_select(1, layer.copied)
    if layer.kept is None or layer.leaving is None:
        return (states, *others), kwargs
    given = states.shape[1]
    leaving = _rows(kwargs, given, layer.leaving) | {"keys_alone": True}
    # without the library's gradient checkpointing: it could not run again what ends before its end
    forward = unwrap(type(module).forward)
    try:
        forward(module, states.index_select(1, layer.leaving), *others, **leaving)
    except _KeysAndValues as found:
        left = found.args
    else:
        raise RuntimeError(f"{type(module).__name__} did not call its attention function")
    kwargs = _rows(kwargs, given, layer.kept) | {"left": left}
    return (states.index_select(1, layer.kept), *others), kwargs


def _rows(kwargs: dict[str, Any], tokens: int, rows: Tensor | None) -> dict[str, Any]:
    """The arguments of a layer with only some rows of what has one for every token, (1, tokens, ...)."""
    if rows is None:
        return kwargs

    def chosen(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(chosen, value))
        per_token = isinstance(value, Tensor) and value.dim() > 1 and value.shape[1] == tokens
        return value.index_select(1, rows) if per_token else value

    return {name: chosen(value) for name, value in kwargs.items()}
