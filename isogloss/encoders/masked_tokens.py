"""Masked tokens: which are hidden from an encoder, and the head that guesses them.

Letters: M hidden tokens, H hidden size, V pieces.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isogloss.losses import IGNORED


class TokenGuess(nn.Module):
    """The head: dense, GELU, norm, and the word table again as the last matrix."""

    def __init__(self, hidden: int, pieces: int):
        super().__init__()
        self.dense = nn.Linear(hidden, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.bias = nn.Parameter(torch.zeros(pieces))

    def forward(self, states: Tensor, table: Tensor) -> Tensor:
        """Logits (M, V) of tokens from their last states (M, H) and the word table (V, H)."""
        return self.norm(F.gelu(self.dense(states))) @ table.T + self.bias


def mask_tokens(
    input_ids: Tensor,
    special: Tensor,
    *,
    masked: float = 0.15,
    replaced: float = 0.8,
    random: float = 0.1,
    mask_id: int,
    pieces: int,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """What the encoder sees and what it has to guess, shaped as the ids; labels are IGNORED where nothing is asked.

    masked: share of the tokens that are asked for. replaced, random: shares of those that are shown as the mask, and
    as any other piece; the rest is shown as it is. special: true for special tokens and padding, never chosen.
    """
    chosen = (torch.rand(input_ids.shape, generator=generator) < masked) & ~special
    fate = torch.rand(input_ids.shape, generator=generator)
    others = torch.randint(0, pieces, input_ids.shape, generator=generator)
    shown = torch.where(chosen & (fate < replaced), mask_id, input_ids)
    shown = torch.where(chosen & (fate >= replaced) & (fate < replaced + random), others, shown)
    return shown, torch.where(chosen, input_ids, IGNORED)
