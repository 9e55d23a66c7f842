"""The encoder of a network while it is trained: which of its weights move, what is computed twice, what is compiled.

Everything here holds inside a `with` block and is undone at its end, so what is saved is an ordinary checkpoint.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, PreTrainedModel

from isogloss.encoders.visibility import ATTENTION, layers_of, visible_attention
from isogloss.errors import UserError

WHOLE = -1  # frozen_layers of the whole encoder
LOG = logging.getLogger("torch._functorch")
COMPILER = ("torch._dynamo", "torch._inductor", "torch._functorch")  # where the compiler's errors come from


def encoder_of(network: nn.Module) -> PreTrainedModel:
    """The encoder inside a network, or the network itself where it is one.

    Raises:
        UserError: there is none, so nothing here can be done to it.
    """
    for module in network.modules():
        if isinstance(module, PreTrainedModel):
            return module
    raise UserError(
        "frozen_layers, lora_rank, gradient_checkpointing and compile are settings of a transformers encoder, and this "
        "method trains none; leave them out"
    )


@contextmanager
def frozen(network: nn.Module, count: int) -> Iterator[None]:
    """The embeddings and the lowest `count` layers of the encoder get no gradient; all of it with `WHOLE`.

    Raises:
        UserError: the encoder has fewer layers, or nothing is left to train.
    """
    encoder = encoder_of(network)
    layers = layers_of(encoder)
    if count > len(layers):
        raise UserError(
            f"frozen_layers = {count}, but this encoder has {len(layers)} layers; "
            f"set it to {len(layers)} or less, or to {WHOLE} for the whole encoder"
        )
    still = list(encoder.parameters())
    if 0 <= count < len(layers):
        lowest = next(layers[count].parameters())
        still = list(takewhile(lambda parameter: parameter is not lowest, still))  # embeddings are declared first
    still = [parameter for parameter in still if parameter.requires_grad]
    for parameter in still:
        parameter.requires_grad_(False)
    try:
        if not any(parameter.requires_grad for parameter in network.parameters()):
            raise UserError(
                f"frozen_layers = {count} leaves nothing to train: this method trains the encoder itself; lower it"
            )
        yield
    finally:
        for parameter in still:
            parameter.requires_grad_(True)


@contextmanager
def low_rank(network: nn.Module, rank: int, alpha: float) -> Iterator[None]:
    """Adapters at all linear layers of the encoder are trained in place of its weights (LoRA), and merged at the end.

    Hu et al. 2021, arXiv 2106.09685. Each adds alpha / rank times a product of two matrices of that rank, which is 0
    at the start. What lies outside the encoder, a head, is trained as ever.

    Raises:
        UserError: peft is not installed.
    """
    try:
        from peft import LoraConfig, LoraModel
    except ImportError:
        raise UserError("lora_rank needs the package peft: pip install 'isogloss[peft]'") from None
    encoder: Any = encoder_of(network)
    moving = [parameter for parameter in encoder.parameters() if parameter.requires_grad]
    # the pretrained encoder's modules are exchanged where they are: the network goes on holding it
    adapted: Any = LoraModel(
        encoder,
        LoraConfig(r=rank, lora_alpha=alpha, target_modules="all-linear"),  # pyright: ignore[reportArgumentType]
        "default",
    )
    yield
    adapted.merge_and_unload()  # not after a failure, which may be that memory ran out
    for parameter in moving:
        parameter.requires_grad_(True)


@contextmanager
def recomputed(network: nn.Module) -> Iterator[None]:
    """The layers keep their inputs alone for the backward pass, and are computed again in it."""
    encoder: Any = encoder_of(network)
    # transformers 5 renamed them on its way
    on = getattr(encoder, "activation_checkpointing_enable", None) or encoder.gradient_checkpointing_enable
    off = getattr(encoder, "activation_checkpointing_disable", None) or encoder.gradient_checkpointing_disable
    try:
        on({"use_reentrant": False})
    except ValueError as error:
        raise UserError(f"gradient_checkpointing: {error}; leave it out") from None
    encoder.disable_input_require_grads()  # would carry the backward pass down through frozen layers
    try:
        yield
    finally:
        off()


@contextmanager
def compiled(network: nn.Module) -> Iterator[None]:
    """The layers are compiled for texts of any length, but for their attention.

    Raises:
        UserError: the compiler does not work here; the message gives its reason.
    """
    layers = layers_of(encoder_of(network))
    # not the attention: its schedule differs from layer to layer, and would be compiled for each
    AttentionInterface.register(ATTENTION, torch.compiler.disable(visible_attention))
    for layer in layers:
        layer.forward = torch.compile(layer.forward, dynamic=True)
    level = LOG.level
    LOG.setLevel(logging.ERROR)  # a failure is told below, without its traceback
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(COMPILER):
            raise
        reason = " ".join(str(error).partition("Set TORCH")[0].split())[:300]
        raise UserError(f"compile: torch.compile does not work here ({reason}); leave compile out") from None
    finally:
        LOG.setLevel(level)
        for layer in layers:
            del layer.forward
        AttentionInterface.register(ATTENTION, visible_attention)
