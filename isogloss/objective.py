"""What the loop trains: a network together with its loss, as one module whose checkpoint has every matrix once."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from isogloss.data.loader import WEIGHT
from isogloss.encoders.visibility import layers_of
from isogloss.errors import UserError
from isogloss.progress import COUNTED, Work

Loss = Callable[[nn.Module, dict[str, Any]], Tensor]


class Objective(nn.Module):
    """A network together with its loss, so that the loop sees one module that returns a loss and counts its work."""

    # Trainer would otherwise multiply the loss by accumulation steps and processes
    accepts_loss_kwargs = False

    def __init__(self, network: nn.Module, loss: Loss):
        super().__init__()
        self.network = network
        self.compute = loss
        self.work = Work()
        # a matrix that is in several places has one name in a checkpoint, else safetensors refuses to write it
        self.register_state_dict_post_hook(_drop_doubles)
        self.register_load_state_dict_pre_hook(_fill_doubles)
        # what FSDP divides by: accelerate asks for it under the name that the library's models give it
        self._no_split_modules = sorted({type(layer).__name__ for layer in layers_of(network)})

    def forward(self, **batch: Any) -> dict[str, Tensor]:
        """The loss of a batch, times its weight if it has one.

        Raises:
            UserError: the loss is not a finite number; the message names the batch.
        """
        weight = batch.pop(WEIGHT, 1.0)
        self.work.add(batch.pop(COUNTED, (0, 0)))
        value = self.compute(self.network, batch)
        if not torch.isfinite(value):
            ids = ", ".join(map(str, batch.get("ids", ["unnamed"])))
            raise UserError(
                f"the loss became {value.item()} at the batch with examples {ids}; lower learning_rate, or look at "
                "those texts; the last checkpoint is kept"
            )
        return {"loss": value * weight}


def _doubles(module: nn.Module) -> dict[str, str]:
    """The name by which a parameter is found first, by each further name of it."""
    first: dict[int, str] = {}
    names = module.named_parameters(remove_duplicate=False)
    return {name: known for name, each in names if (known := first.setdefault(id(each), name)) != name}


def _drop_doubles(module: nn.Module, state: dict[str, Any], prefix: str, _: Any) -> None:
    for name in _doubles(module):
        state.pop(prefix + name, None)


def _fill_doubles(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    for name, first in _doubles(module).items():
        if prefix + first in state:
            state[prefix + name] = state[prefix + first]
