"""Tokens are hidden in the shares that are asked for, and special ones never."""

import pytest
import torch

from isogloss.encoders.masked_tokens import mask_tokens


def test_tokens_are_hidden_in_the_asked_shares():
    ids = torch.full((200, 100), 7)
    special = torch.zeros(200, 100, dtype=torch.bool)
    special[:, 0] = True
    shown, labels = mask_tokens(ids, special, mask_id=50, pieces=50, generator=torch.Generator().manual_seed(1))
    asked = labels != -100
    assert not asked[:, 0].any()
    assert asked.float().mean().item() == pytest.approx(0.15 * 0.99, rel=0.05)
    assert (labels[asked] == 7).all()
    assert (shown[~asked] == 7).all()
    assert (shown[asked] == 50).float().mean().item() == pytest.approx(0.8, rel=0.05)
    assert (shown[asked] == 7).float().mean().item() == pytest.approx(0.1 + 0.1 / 50, rel=0.2)
