"""A network that is divided over the GPUs while it is trained, as accelerate's configuration asks for (FSDP2).

The library trains a twin of the network, which may be taken to pieces; the network stays whole in the processor's
memory and is given the trained weights at the end.
"""

import os
from copy import deepcopy
from pathlib import Path
from typing import Any

from torch import nn
from transformers import Trainer

from isogloss.processes import is_first

LARGE = 3_000_000_000  # parameters from which every GPU should hold a part of the network only
COMMAND = "accelerate launch --use_fsdp --fsdp_version 2 --fsdp_auto_wrap_policy TRANSFORMER_BASED_WRAP -m isogloss"
SHARDS = "pytorch_model_fsdp_0"  # what accelerate calls the folder of a checkpoint's weights


def is_sharded() -> bool:
    """Whether accelerate was told to divide networks."""
    return os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true"


def advice(network: nn.Module, processes: int) -> str:
    """What to do where every one of several processes would hold all of a large network; empty if all is well."""
    size = sum(parameter.numel() for parameter in network.parameters())
    if processes == 1 or size <= LARGE or is_sharded():
        return ""
    return (
        f"every GPU holds all of {size / 1e9:.1f} thousand million parameters, their gradients and AdamW's moments; to "
        f"divide them start with: {COMMAND}"
    )


def twin(network: nn.Module) -> nn.Module:
    """The same modules again, whose parameters are others but lie in the same memory until they are moved."""
    known: dict[int, Any] = {id(p): nn.Parameter(p.detach(), p.requires_grad) for p in network.parameters()}
    return deepcopy(network, known)


def take_back(objective: nn.Module, trainer: Trainer) -> None:
    """Give the trained weights of a divided objective to a whole one, in the first process; all must come here."""
    weights = trainer.accelerator.get_state_dict(trainer.model)
    if is_first():
        objective.load_state_dict(weights)


def weights_file(checkpoint: Path) -> Path:
    """The file with all weights of a checkpoint; all processes come here, as a divided one is put together first."""
    if (checkpoint / SHARDS).is_dir():
        from accelerate.utils import merge_fsdp_weights

        merge_fsdp_weights(str(checkpoint / SHARDS), str(checkpoint))
    return checkpoint / "model.safetensors"
