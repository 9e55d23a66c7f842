"""Checkpoints of a training: which one is good, whether there is room for more, what is said when one fails.

The library writes their files; a mark that comes last tells a checkpoint that was written to its end.
"""

import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import TrainerCallback, TrainingArguments

from isogloss.errors import UserError

COMPLETE = "complete"  # written into a checkpoint when all its other files are there


class MarkComplete(TrainerCallback):
    """Marks a checkpoint when the library has written all of it, with the seconds of training that it holds."""

    def __init__(self, before: float) -> None:
        self.before, self.started = before, time.monotonic()

    @property
    def seconds(self) -> float:
        """The seconds of training until now, those of earlier commands (`before`) too."""
        return self.before + time.monotonic() - self.started

    def on_save(self, args: TrainingArguments, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            mark = Path(str(args.output_dir)) / f"checkpoint-{state.global_step}" / COMPLETE
            part = mark.with_name(f".{COMPLETE}")  # a mark is whole or not there
            part.write_text(f"{self.seconds:.1f}\n", encoding="utf-8")
            part.replace(mark)


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end, None if there is none."""
    return next(iter(last_checkpoints(folder, 1)), None)


def last_checkpoints(folder: Path, count: int) -> list[Path]:
    """At most so many checkpoints that were written to their end, the newest first."""
    found = [path for path in folder.glob("checkpoint-*") if (path / COMPLETE).is_file()]
    return sorted(found, key=step_of, reverse=True)[:count]


def mean_weights(files: Sequence[Path]) -> dict[str, Tensor]:
    """The mean over the files of every tensor; of whole numbers, which no training changes, those of the first."""
    found = load_file(files[0])
    for path in files[1:]:
        for name, tensor in load_file(path).items():
            if tensor.is_floating_point():
                found[name] += tensor
    return {name: tensor / len(files) if tensor.is_floating_point() else tensor for name, tensor in found.items()}


def step_of(checkpoint: Path) -> int:
    """The number of updates that a checkpoint holds."""
    return int(checkpoint.name.split("-")[1])


def seconds_of(checkpoint: Path) -> float:
    """The seconds of training that a checkpoint holds; 0 if it was written by an isogloss that did not say."""
    return float((checkpoint / COMPLETE).read_text(encoding="utf-8").strip() or 0)


def require_space(network: nn.Module, folder: Path, checkpoints: int = 2) -> None:
    """Make the folder; stop before training if it cannot be written or has no room for so many checkpoints.

    Raises:
        UserError: naming the folder, the room needed and the room there is.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}; choose another --output") from None
    # weights, two moments of AdamW where they are trained; one checkpoint more is written before the oldest goes
    needed = (checkpoints + 1) * sum(
        (3 if p.requires_grad else 1) * p.numel() * p.element_size() for p in network.parameters()
    )
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(f"{folder} has {free / 1e6:.0f} MB free, training needs {needed / 1e6:.0f} MB for checkpoints")


def kept(folder: Path) -> str:
    """Which checkpoint a training that fails leaves."""
    last = last_checkpoint(folder)
    return f"the last good checkpoint is {last}" if last else "no checkpoint had been written"


def write_error(folder: Path, error: Exception) -> UserError:
    """The error of a checkpoint that could not be written: why, and which one is good."""
    free = shutil.disk_usage(folder).free / 1e6
    reason = " ".join(str(error).split())
    return UserError(
        f"writing to {folder} failed ({free:.0f} MB free): {reason}; {kept(folder)}; make room and run again"
    )
