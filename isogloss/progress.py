"""Progress of a training on standard error, and its throughput: examples and real tokens per second."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from transformers import TrainerCallback, TrainingArguments

from isogloss.processes import added

COUNTED = "counted"  # what `counting` adds to a batch: its numbers of examples and of tokens


@dataclass
class Work:
    """What this process has trained on since it started: examples, and their tokens on all sides without padding."""

    examples: int = 0
    tokens: int = 0

    def add(self, counted: tuple[int, int]) -> None:
        """Add what `counting` found in a batch."""
        self.examples, self.tokens = self.examples + counted[0], self.tokens + counted[1]


def counting(collate: Callable[[Sequence[Any]], dict[str, Any]]) -> Callable[[Sequence[Any]], dict[str, Any]]:
    """The collate, with the numbers of examples and tokens in its batches: counted before a GPU has to be asked."""

    def collated(examples: Sequence[Any]) -> dict[str, Any]:
        batch = collate(examples)
        masks = [batch[name] for name in batch if name.endswith("attention_mask")]
        sides = [side for mask in masks for side in (mask if isinstance(mask, list) else [mask])]
        return batch | {COUNTED: (len(examples), sum(int(side.sum()) for side in sides))}

    return collated


class Progress(TrainerCallback):
    """One line of progress on standard error: rewritten in place on a terminal, now and then otherwise.

    The first line says the `size` of an update and the `facts`. At the end `examples_per_second` and
    `tokens_per_second` are those of all processes together, from the first update to the last checkpoint.
    """

    def __init__(self, title: str, size: str, work: Work, facts: Sequence[str] = ()):
        self.title, self.interactive = title, sys.stderr.isatty()
        self.size, self.work, self.facts = size, work, list(facts)
        self.first = self.latest = 0.0
        self.begin_step, self.loss = 0, ""
        self.examples_per_second = self.tokens_per_second = 0.0

    def on_train_begin(self, args: TrainingArguments, state: Any, control: Any, **_: Any) -> None:
        self.first, self.begin_step = time.monotonic(), state.global_step
        if not state.is_world_process_zero:
            return
        resumed = f", resuming at update {state.global_step}" if state.global_step else ""
        facts = ", ".join(["bfloat16 autocast" if args.bf16 else "float32", *self.facts])
        print(
            f"{self.title}: {state.max_steps} updates x {self.size}, {facts}, "
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
        seconds = max(now - self.first, 1e-9)
        left = (state.max_steps - state.global_step) * seconds / (state.global_step - self.begin_step)
        share = args.world_size / seconds  # batches are dealt out in turn, so the processes do about the same
        line = (
            f"{self.title}: {state.global_step}/{state.max_steps} updates{self.loss}, "
            f"{self.work.examples * share:.0f} examples/s, {self.work.tokens * share:.0f} tokens/s, "
            f"{int(left // 60)}:{int(left % 60):02d} left"
        )
        print(f"\r\033[K{line}" if self.interactive else line, end="" if self.interactive else "\n", file=sys.stderr)
        sys.stderr.flush()

    def on_log(self, args: TrainingArguments, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        self.loss = f", loss {logs['loss']:.3f}" if logs and "loss" in logs else self.loss

    def on_train_end(self, args: TrainingArguments, state: Any, control: Any, **_: Any) -> None:
        seconds = max(time.monotonic() - self.first, 1e-9)
        examples, tokens = added(self.work.examples, self.work.tokens)
        self.examples_per_second, self.tokens_per_second = round(examples / seconds, 1), round(tokens / seconds, 1)

    def close(self) -> None:
        """End the line that was being rewritten."""
        if self.interactive:
            print(file=sys.stderr)
