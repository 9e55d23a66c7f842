"""Progress of a training on standard error."""

import sys
import time
from typing import Any

from transformers import TrainerCallback, TrainingArguments


class Progress(TrainerCallback):
    """One line of progress on standard error: rewritten in place on a terminal, now and then otherwise."""

    def __init__(self, title: str, size: str, examples: float):
        self.title, self.interactive = title, sys.stderr.isatty()
        self.size, self.examples = size, examples  # of an update: in words, and the examples of an average one
        self.first = self.latest = 0.0
        self.begin_step, self.loss = 0, ""

    def on_train_begin(self, args: TrainingArguments, state: Any, control: Any, **_: Any) -> None:
        self.first, self.begin_step = time.monotonic(), state.global_step
        if not state.is_world_process_zero:
            return
        resumed = f", resuming at update {state.global_step}" if state.global_step else ""
        dtype = "bfloat16 autocast" if args.bf16 else "float32"
        print(
            f"{self.title}: {state.max_steps} updates x {self.size}, {dtype}, "
            f"{args.world_size} process{'es' if args.world_size > 1 else ''} on {args.device.type}{resumed}",
            file=sys.stderr,
        )

    def on_step_end(self, args: TrainingArguments, state: Any, control: Any, **_: Any) -> None:
        now = time.monotonic()
        if not state.is_world_process_zero:
            return
        if now - self.latest < (0.5 if self.interactive else 15) and state.global_step != state.max_steps:
            return
        self.latest = now
        done = state.global_step - self.begin_step
        rate = done / max(now - self.first, 1e-9)
        left = (state.max_steps - state.global_step) / max(rate, 1e-9)
        line = (
            f"{self.title}: {state.global_step}/{state.max_steps} updates{self.loss}, "
            f"{rate * self.examples:.0f} examples/s, {int(left // 60)}:{int(left % 60):02d} left"
        )
        print(f"\r\033[K{line}" if self.interactive else line, end="" if self.interactive else "\n", file=sys.stderr)
        sys.stderr.flush()

    def on_log(self, args: TrainingArguments, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        self.loss = f", loss {logs['loss']:.3f}" if logs and "loss" in logs else self.loss

    def close(self) -> None:
        """End the line that was being rewritten."""
        if self.interactive:
            print(file=sys.stderr)
