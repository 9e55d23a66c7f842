"""How much memory an epoch of a million pairs takes, and how many batches a second are made for it.

    python -m benchmarks.epoch_memory [--pairs 1000000] [--tokens-per-batch 8192] [--workers 0] [--output FILE.json]

Generates the token ids of texts beside their translations into a temporary file (lengths log-normal with a mean of
about 45 tokens a side, as XNLI's), and reads one epoch of it through the training's own sampler, loader and collation,
without a network. Prints the process's peak memory before the epoch and at 10, 50 and 100 % of it.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.data.collation import collator
from isogloss.data.loader import MicroBatches, token_counts, training_loader
from isogloss.data.on_disk import OnDisk
from isogloss.data.sampler import ByLength
from isogloss.encoders import load_tokenizer
from isogloss.files import write_atomic
from isogloss.kinds import Example, Lengths, Window
from isogloss.kinds.classification import Classification
from isogloss.provenance import hardware, versions

LABELS = ("contradictory", "entailment", "neutral")
IDS = np.dtype(np.uint16)
BLOCK = 50_000  # pairs that are generated together: more would count as memory of the epoch


def main() -> None:
    """Print one line for each part of the epoch, and write all of them to the output."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--tokens-per-batch", type=int, default=8192)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pairs = generate(Path(folder) / "ids", given.pairs)
        measured = epoch(pairs, given.tokens_per_batch, given.workers)
    if given.output:
        about = {"pairs": given.pairs, "tokens_per_batch": given.tokens_per_batch, "workers": given.workers}
        content = about | {"measured": measured, "versions": versions(), "hardware": hardware()}
        write_atomic(given.output, json.dumps(content, indent=1))


def generate(path: Path, count: int) -> OnDisk[Example]:
    """So many pairs, their token ids in the file."""
    random = np.random.default_rng(1)
    lengths = np.clip(random.lognormal(3.7, 0.45, size=(count, 2)), 4, 256).astype(np.int64)
    sizes = lengths.sum(1)
    starts = np.cumsum(sizes) - sizes
    with path.open("wb") as written:
        for begin in range(0, count, BLOCK):
            written.write(random.integers(5, 30_000, sizes[begin : begin + BLOCK].sum(), dtype=IDS).data)
    file = os.open(path, os.O_RDONLY)

    def read(i: int) -> Example:
        # not mapped: pages of the file would count as memory of the process
        ids = np.frombuffer(os.pread(file, int(sizes[i]) * IDS.itemsize, int(starts[i]) * IDS.itemsize), IDS).tolist()
        sides = tuple(Window(side, i % len(LABELS)) for side in (ids[: lengths[i, 0]], ids[lengths[i, 0] :]))
        return Example(str(i), "de", 0, sides)

    return OnDisk(read, np.arange(count), sizes, frozenset(LABELS), in_tokens=True)


def epoch(pairs: OnDisk[Example], tokens: int, workers: int) -> list[dict[str, Any]]:
    """Peak memory and batches per second at several parts of an epoch, which are printed too."""
    collate = collator(Classification(LABELS, load_tokenizer("tiny"), Lengths()))
    sampler = ByLength(token_counts(pairs), 1, tokens=tokens)
    updates = len(sampler.epoch(0))
    share = MicroBatches(sampler, updates=updates, first=0, accumulate=1, process=0, processes=1)
    loader = training_loader(pairs, collate, share, workers=workers, pin_memory=False)
    marks = {max(1, round(updates * percent / 100)): percent for percent in (10, 50, 100)}
    measured: list[dict[str, Any]] = [{"percent": 0, "batches": 0, "peak_MB": peak()}]
    print(measured[0], flush=True)
    started, examples = time.monotonic(), 0
    for number, batch in enumerate(loader, 1):
        examples += len(batch["ids"])
        if number in marks:
            rate = round(number / (time.monotonic() - started), 1)
            measured.append(
                {
                    "percent": marks[number],
                    "batches": number,
                    "examples": examples,
                    "peak_MB": peak(),
                    "batches_per_second": rate,
                }
            )
            print(measured[-1], flush=True)
    if workers:
        measured[-1]["peak_MB_of_a_worker"] = peak(resource.RUSAGE_CHILDREN)
        print(measured[-1], flush=True)
    return measured


def peak(of: int = resource.RUSAGE_SELF) -> int:
    """The peak memory of this process, or of its largest child that has ended, in MB."""
    return round(resource.getrusage(of).ru_maxrss / 1024)


if __name__ == "__main__":
    main()
