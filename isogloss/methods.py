"""Methods by name. The folders of the wings are the registry: a method's name is its file name.

A file is a method if it defines `Settings` (a frozen dataclass) and `Method`. Looking at the folders does not import
the files, so listing them is quick and never imports torch.
"""

import ast
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from isogloss.errors import UserError, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from isogloss.runs import Job

WINGS = ("pretraining", "understanding", "projection", "translation", "retrieval", "vision")
HERE = Path(__file__).parent


class TrainableMethod(Protocol):
    """What `isogloss train` asks of a method. There is no base class; a file that has these functions is one."""

    settings: Any

    def build(self, job: "Job") -> "nn.Module":
        """The network to be trained."""
        ...

    def examples(self, job: "Job") -> "Sequence[Any]":
        """What it is trained on: a map-style data set, the same in every run with the same settings."""
        ...

    def collate(self, job: "Job") -> Any:
        """A function from a list of examples to a batch (a dict that may hold the examples' names under `ids`)."""
        ...

    def loss(self, network: "nn.Module", batch: dict[str, Any]) -> "Tensor":
        """The loss of a batch, a scalar."""
        ...


class Answers(NamedTuple):
    """One prediction per record, in their order, and what was tuned on dev to get them."""

    predictions: "Sequence[Any]"
    tuned: Mapping[str, float] = {}


class EncoderMethod(Protocol):
    """What `isogloss evaluate` asks of a method that answers a task with an encoder as it is."""

    settings: Any

    def answer(
        self,
        encoder: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        records: "Sequence[Any]",
        dev: "Sequence[Any]" = (),
    ) -> Answers:
        """Answers about records of one language; `dev`, empty if the task has none, is all that may be tuned on."""
        ...


def method_files() -> dict[str, Path]:
    """The files of all methods by name."""
    files = {}
    for wing in WINGS:
        for path in sorted((HERE / wing).glob("*.py")):
            if not path.name.startswith("_") and {"Settings", "Method"} <= _classes(path):
                files[path.stem] = path
    return files


def load_method(name: str) -> ModuleType:
    """The module of the method with that name.

    Raises:
        UserError: there is none; the message names the nearest.
    """
    files = method_files()
    if name not in files:
        raise UserError(f"no method {name!r}; {nearest(name, files)} (`isogloss list methods` shows all)")
    return import_module(f"isogloss.{files[name].parent.name}.{name}")


def default_backbone(module: ModuleType) -> str:
    """What a method trains where a recipe names no encoder: the embedded one, or what its file calls its BACKBONE."""
    return getattr(module, "BACKBONE", "tiny")


def method_title(path: Path) -> str:
    """The first line of a method's docstring."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]


@cache
def _classes(path: Path) -> set[str]:
    return {node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)}
