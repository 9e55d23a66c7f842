"""The precision in which a trained network reads: float32 as it was trained, or less of it, for speed.

Scores hold for the precision they were read in; a result says so where it is not float32. The head and the states it
reads stay in float32: logits of 8 bits would tie.
"""

import warnings
from typing import Any

import torch

from isogloss.encoders.models import EncoderWithHead
from isogloss.errors import UserError, nearest

FLOAT32 = "float32"
PRECISIONS = (FLOAT32, "bfloat16", "int8")


def check_precision(precision: str, device: str) -> None:
    """Nothing, if a network on the device can read so.

    Raises:
        UserError: there is no such precision, or not there.
    """
    if precision not in PRECISIONS:
        raise UserError(f"no precision {precision!r}; {nearest(precision, PRECISIONS)}")
    if precision == "int8" and device != "cpu":
        raise UserError(f"precision int8 is for processors, and the network is on {device}; take bfloat16")


def lower(network: EncoderWithHead, precision: str) -> None:
    """Make the encoder of a network compute in a precision; then it can no longer be trained.

    bfloat16: all of the encoder; sums of norms and attention are in float32 nevertheless. int8: the linear layers of
    the encoder, each row of weights and each activation tensor with a scale of its own, found while reading.

    Raises:
        UserError: there is no such precision, or not on this device or in this version of PyTorch.
    """
    check_precision(precision, next(network.parameters()).device.type)
    encoder: Any = network.encoder
    if precision == "bfloat16":
        encoder.to(torch.bfloat16)
    elif precision == "int8":
        try:
            from torch.ao.quantization import quantize_dynamic
            from torch.ao.quantization.qconfig import per_channel_dynamic_qconfig
        except ImportError:
            raise UserError(f"precision int8 is no part of PyTorch {torch.__version__}; take bfloat16") from None
        with warnings.catch_warnings():
            # it is to be replaced by torchao, whose eager int8 is slower than float32 on processors (docs/log.md)
            warnings.simplefilter("ignore")
            quantize_dynamic(encoder, dict.fromkeys([torch.nn.Linear], per_channel_dynamic_qconfig), inplace=True)
