"""How many times as fast a translator is trained by token batches as by the usual script of transformers.

    python -m benchmarks.nmt_training [--data DIR] [--updates 60] [--repeats 3] [--quick] [--output FILE.json]

The usual script is `Seq2SeqTrainer` with the library's own collator, which pads random batches to their longest side,
and its own label smoothing. Both take turns in one process, on the same pairs of Multi30k, with networks of one shape,
precision, optimiser and schedule, and with about as many real tokens in an update. A clock stands where a batch is put
together, at the same place in both: real tokens of both sides, without padding, per second between two batches; the
first few are not counted, and no checkpoint is written in between.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import DataCollatorForSeq2Seq, PrinterCallback, Seq2SeqTrainer, Seq2SeqTrainingArguments, set_seed

from benchmarks.turns import circumstances, in_turns, ratio, rounded
from isogloss.cli import run_guarded
from isogloss.encoders import quiet
from isogloss.files import write_atomic
from isogloss.losses import IGNORED
from isogloss.recipe import read_recipe, resolve
from isogloss.runs import Job
from isogloss.training import fit
from isogloss.translation.multilingual_nmt import Example, Method

GOAL = 1.5  # times as fast as the usual script
FIRST = 3  # batches before the clock starts
SMALL = ("vocabulary=400", "vocabulary_lines=4000", "hidden=16", "feed_forward=32", "tokens_per_batch=512")


class Clock:
    """A collator that notes when it makes a batch, and how many tokens are in it with padding and without."""

    def __init__(self, collate: Callable[[Any], Any], masks: Callable[[Any], Sequence[torch.Tensor]]):
        self.collate, self.masks = collate, masks
        self.notes: list[tuple[float, int, int]] = []

    def __call__(self, examples: Any) -> Any:
        """The batch."""
        now = time.perf_counter()
        batch = self.collate(examples)
        masks = self.masks(batch)
        self.notes.append((now, sum(int(mask.sum()) for mask in masks), sum(mask.numel() for mask in masks)))
        return batch

    def found(self) -> dict[str, float]:
        """Real tokens per second, the share of padding, and real tokens per update, after the first few batches."""
        counted = self.notes[FIRST:-1]
        tokens, padded = (sum(note[i] for note in counted) for i in (1, 2))
        seconds = self.notes[-1][0] - counted[0][0]
        return {
            "tokens_per_second": tokens / seconds,
            "padding": 1 - tokens / padded,
            "tokens_per_update": tokens / len(counted),
        }


def ours(job: Job, method: Any, examples: Sequence[Example], updates: int) -> dict[str, float]:
    """What the clock says of `fit` with token batches."""
    clock = Clock(method.collate(job), lambda batch: [batch["attention_mask"], batch["decoder_attention_mask"]])
    set_seed(1)
    network = method.build(job)
    train = replace(job.recipe.train, updates=updates, epochs=0, save_every=updates, average=0, log_every=updates)
    with tempfile.TemporaryDirectory() as folder:
        fit(
            network,
            examples,
            collate=clock,
            loss=method.loss,
            settings=train,
            seed=1,
            folder=Path(folder),
            title="token batches",
        )
    return clock.found()


def usual(job: Job, method: Method, examples: Sequence[Example], updates: int, batch_size: int) -> dict[str, float]:
    """What the clock says of the library's script with so many pairs in a batch."""
    set_seed(1)
    network, tokenizer = method.build(job), method.prepared(job).tagged.tokenizer
    rows = [{"input_ids": each.source.tolist(), "labels": each.target.tolist()} for each in examples]
    collator = DataCollatorForSeq2Seq(tokenizer, model=network, padding="longest", label_pad_token_id=IGNORED)
    clock = Clock(collator, lambda batch: [batch["attention_mask"], batch["labels"] != IGNORED])
    train = job.recipe.train
    with tempfile.TemporaryDirectory() as folder, quiet():
        arguments = Seq2SeqTrainingArguments(
            output_dir=folder,
            max_steps=updates,
            per_device_train_batch_size=batch_size,
            label_smoothing_factor=method.settings.label_smoothing,
            learning_rate=train.learning_rate,
            lr_scheduler_type=train.schedule,
            warmup_steps=round(train.warmup * updates),
            bf16=train.bf16,
            use_cpu=not torch.cuda.is_available(),
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        trainer = Seq2SeqTrainer(model=network, args=arguments, train_dataset=rows, data_collator=clock)  # pyright: ignore
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return clock.found()


def measure(job: Job, updates: int, repeats: int) -> dict[str, Any]:
    """Speed and padding of both, turn by turn, and how many times as fast token batches are."""
    method = Method(job.recipe.config)
    examples = method.examples(job)
    real = np.mean([len(example.source) + len(example.target) for example in examples])
    found: dict[str, list[dict[str, float]]] = {"usual": [], "ours": []}
    tokens = ours(job, method, examples, FIRST + 20)["tokens_per_update"]
    batch_size = max(1, round(tokens / real))
    in_turns(
        {
            "usual": lambda: found["usual"].append(usual(job, method, examples, updates, batch_size)),
            "ours": lambda: found["ours"].append(ours(job, method, examples, updates)),
        },
        repeats,
    )
    speeds = {name: [each["tokens_per_second"] for each in turns[1:]] for name, turns in found.items()}
    parameters = sum(weight.numel() for weight in method.build(job).parameters())
    return {
        "pairs": len(examples),
        "parameters": parameters,
        "updates": updates,
        "batch_size": batch_size,
        "tokens_per_update": {name: turns[-1]["tokens_per_update"] for name, turns in found.items()},
        "padding": {name: turns[-1]["padding"] for name, turns in found.items()},
        "tokens_per_second": speeds,
        "ratio": ratio(speeds["ours"], speeds["usual"]),
        "goal": GOAL,
    }


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"), help="the folder that holds multi30k")
    parser.add_argument("--updates", type=int, default=60, help="of a turn")
    parser.add_argument("--repeats", type=int, default=3, help="turns")
    parser.add_argument("--quick", action="store_true", help="a small network and few updates, to see that it runs")
    parser.add_argument("--set", action="append", default=[], help="key=value of the recipe multi30k_nmt")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    if given.quick:
        given.updates, given.repeats = 6, 1
        given.set += SMALL
    run_guarded(lambda: report(given))


def report(given: argparse.Namespace) -> None:
    """Print speed and padding, and write all of it to the output."""
    with tempfile.TemporaryDirectory() as folder:
        flags = {"data": given.data, "output": Path(folder)}
        recipe = resolve(read_recipe("multi30k_nmt"), flags, given.set)
        found = measure(Job(recipe, Path(folder)), given.updates, given.repeats)
    found = rounded(found | {"settings": recipe.resolved()} | circumstances())
    for name in ("usual", "ours"):
        speeds = ", ".join(f"{speed:,.0f}" for speed in found["tokens_per_second"][name])
        print(f"{name}: {speeds} tokens/s, {100 * found['padding'][name]:.0f} % padding")
    print(f"token batches are {found['ratio']['median']} times as fast (goal {GOAL})")
    if given.output:
        write_atomic(given.output, json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
