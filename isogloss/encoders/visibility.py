"""Visibility: which tokens of a row may see each other, layer by layer.

Several texts ("sides") lie next to each other in one row, each with positions of its own. A `Visibility` says for
every layer which integer ids decide: a token sees the real tokens that have its own id. With the id of the side, a
layer reads each side alone; with the id of the example it reads all sides of the example together. Nothing sees
padding. Packing, FILTER and joint reading of candidates are all such schedules.

The schedule reaches the layers through transformers' attention interface: `prepare` registers one attention
function, which looks up its mask by the layer's index. No weights are added or renamed.

Letters: B rows, L row length, H hidden size.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.masking_utils import sdpa_mask

from isogloss.encoders import quiet
from isogloss.errors import UserError

ATTENTION = "isogloss_visibility"


@dataclass
class Visibility:
    """Ids and positions of the tokens of a batch of rows, and which ids rule in which layer.

    ids: tensors (B, L) of integers. real: (B, L), false for padding. layers: for each layer an index into `ids`.
    positions: (B, L), restarting on every side; sliding-window layers measure distance with them.
    """

    ids: tuple[Tensor, ...]
    real: Tensor
    layers: tuple[int, ...]
    positions: Tensor
    reached: set[int] = field(default_factory=set)
    _masks: dict[tuple[int, int | None], Tensor] = field(default_factory=dict)

    def mask(self, layer: int, window: int | None = None) -> Tensor:
        """True where a query token sees a key token in that layer, (B, 1, L, L); `window` = largest distance + 1."""
        self.reached.add(layer)
        key = (self.layers[layer], window)
        if key not in self._masks:
            ids = self.ids[self.layers[layer]]
            seen = (ids[:, :, None] == ids[:, None, :]) & self.real[:, None, :]
            if window is not None:
                seen &= (self.positions[:, :, None] - self.positions[:, None, :]).abs() < window
            # a padding token that sees nothing would make the softmax NaN; what it reads instead does not matter
            self._masks[key] = (seen | ~seen.any(-1, keepdim=True))[:, None]
        return self._masks[key]


def visible_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    visibility: Visibility | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    **_: object,
) -> tuple[Tensor, None]:
    """Attention output (B, L, heads, H / heads) of one layer under the batch's visibility.

    Without a visibility this is the library's ordinary scaled-dot-product attention, so the encoder can still be
    called plainly.
    """
    layer: Any = module.layer_idx
    mask = attention_mask if visibility is None else visibility.mask(layer, sliding_window)
    output = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout, scale=scaling)
    return output.transpose(1, 2).contiguous(), None


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
    """Switch the attention; every layer must ask for its mask, and three tokens must be read as before the switch."""
    ids = torch.tensor([[i for i in range(4) if i != encoder.config.pad_token_id][:3]], device=encoder.device)
    mask = torch.ones_like(ids)
    before = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    encoder.set_attn_implementation(ATTENTION)
    layers = encoder.config.num_hidden_layers
    visibility = Visibility(
        ids=(torch.zeros_like(ids),), real=mask.bool(), layers=(0,) * layers, positions=mask.cumsum(1) - 1
    )
    encoder(input_ids=ids, visibility=visibility)
    if len(visibility.reached) != layers:
        raise UserError(
            f"{name} cannot be used: {len(visibility.reached)} of its {layers} layers go through transformers' "
            "attention interface; use an encoder whose attention does (XLM-R, BERT, ModernBERT ...)"
        )
    alone = encode(encoder, [(ids, mask)])[0]
    plain = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    if not all(torch.allclose(before, now, atol=1e-3, rtol=1e-3) for now in (alone, plain)):
        raise UserError(
            f"{name} cannot be used: with visibility it reads a text alone differently; its attention is causal or has "
            "a bias, or its positions cannot be given from outside"
        )


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
    padded: bool = False,
) -> tuple[Tensor, ...]:
    """Last-layer states of every side, each (B, length of the side, H).

    sides: (input_ids, attention_mask) pairs, both (B, length). In the layers of `fused_layers` all sides of an example
    see each other; in the others each side reads itself alone. A side that an example lacks is all padding.
    The real tokens of an example are moved together, so that rows are no longer than they must, and the states of
    padding are 0; with `padded` it stays where it is and is computed like a token.
    """
    input_ids = torch.cat([ids for ids, _ in sides], dim=1)
    real = torch.cat([mask for _, mask in sides], dim=1).bool()
    side = torch.cat([torch.full_like(ids, number) for number, (ids, _) in enumerate(sides)], dim=1)
    counts = torch.cat([mask.long().cumsum(1) - 1 for _, mask in sides], dim=1)
    first = first_position(encoder)
    positions = torch.where(real, counts + first, max(first - 1, 0))  # padding: as RoBERTa-like encoders number it
    longest = counts.shape[1] if padded else max(1, int(real.sum(1).max()))
    moved = (~real & (not padded)).long().argsort(dim=1, stable=True)[:, :longest]
    input_ids, side, real, positions = (row.gather(1, moved) for row in (input_ids, side, real, positions))
    fused = set(fused_layers)
    layers = tuple(int(layer in fused) for layer in range(encoder.config.num_hidden_layers))
    visibility = Visibility(ids=(side, torch.zeros_like(side)), real=real, layers=layers, positions=positions)
    states = encoder(input_ids=input_ids, position_ids=positions, visibility=visibility).last_hidden_state
    back = moved[..., None].expand(-1, -1, states.shape[-1])
    states = states.new_zeros(len(states), counts.shape[1], states.shape[-1]).scatter(1, back, states)
    return states.split([ids.shape[1] for ids, _ in sides], dim=1)
