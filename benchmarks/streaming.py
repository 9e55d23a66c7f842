"""How long a training set of XNLI's full size takes to its first batch, and how much memory.

    python -m benchmarks.streaming [--rows 392702] [--languages 15] [--epochs] [--output results/bench/streaming.json]

Generates machine-translated MultiNLI in shape only (invented words, lengths like the real ones) in the published
layout, then opens it in a process of its own as FILTER's training does: fingerprinted, checked, joined with English,
drawn by length, tokenised. Prints the seconds to the first batch (by the clock and of the processor) and the process's
peak memory, for a tenth of the rows as well, which shows what grows with them. A training of few updates tokenises what
it reads. With --epochs also a training that reads everything, which tokenises it once: for the first time, and again.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from isogloss.files import write_atomic
from isogloss.provenance import hardware, versions
from isogloss.tasks import load_task

LABELS = ("contradictory", "entailment", "neutral")
DISTINCT = 5000  # lines of a language; a file repeats them in another order
BATCH = 32


def main() -> None:
    """Print one line for each size, and write both to the output."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=392702)
    parser.add_argument("--languages", type=int, default=15)
    parser.add_argument("--epochs", action="store_true")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    tags = sorted(load_task("xnli").languages, key=lambda tag: tag != "en")[: given.languages]
    if given.open:
        print(json.dumps(first_batch(given.open, tags, int(given.epochs))))
        return
    measured = []
    for rows in (max(1, given.rows // 10), given.rows):
        with tempfile.TemporaryDirectory() as folder:
            size = generate(Path(folder) / "xnli", tags, rows)
            about = {"rows": rows, "languages": len(tags), "MB_on_disk": round(size / 1e6)}
            measured.append(about | {"training": "few updates"} | opened(folder, tags))
            if given.epochs:
                measured.append(about | {"training": "an epoch, the first time"} | opened(folder, tags, "--epochs"))
                measured.append(about | {"training": "an epoch, again"} | opened(folder, tags, "--epochs"))
        for found in measured[-3 if given.epochs else -1 :]:
            print("  ".join(f"{name} {value}" for name, value in found.items()))
    if given.output:
        content = {"measured": measured, "versions": versions(), "hardware": hardware()}
        write_atomic(given.output, json.dumps(content, indent=1))


def opened(folder: str, tags: list[str], *words: str) -> dict[str, float]:
    """What `first_batch` finds in a process of its own, with the kept tokens in the same folder."""
    command = [sys.executable, "-m", "benchmarks.streaming", "--languages", str(len(tags)), "--open", folder, *words]
    environment = os.environ | {"ISOGLOSS_CACHE": f"{folder}/cache"}
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout)


def generate(folder: Path, tags: list[str], rows: int) -> int:
    """The bytes written: the training and test files of every language, in the published layout."""
    random = np.random.default_rng(1)
    order, labels = random.integers(DISTINCT, size=rows), random.integers(len(LABELS), size=rows)
    size = 0
    for tag in tags:
        letters = list({"ar": "ابتثجحخدذرزسش", "zh": "的一是不了人我在有他", "ru": "абвгдежзик"}.get(tag, "abcdefghij"))
        words = ["".join(random.choice(letters, size=length)) for length in random.integers(2, 9, size=2000)]
        counts = zip(random.poisson(20, DISTINCT) + 1, random.poisson(10, DISTINCT) + 1, strict=True)
        lines = ["\t".join(" ".join(random.choice(words, size=count)) for count in both) for both in counts]
        path = folder / "multinli" / f"multinli.train.{tag}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            file.write("premise\thypo\tlabel\n")
            file.writelines(f"{lines[i]}\t{LABELS[j]}\n" for i, j in zip(order.tolist(), labels.tolist(), strict=True))
        (folder / f"test-{tag}.tsv").write_text(f"{lines[0]}\tentailment\n{lines[1]}\tneutral\n", encoding="utf-8")
        size += path.stat().st_size
    return size


def first_batch(data: Path, tags: list[str], epochs: int) -> dict[str, float]:
    """Seconds until a batch has been read, and the peak memory of the process in MB."""
    started = time.monotonic()
    from isogloss.data.sampler import ByLength
    from isogloss.data.task_data import fingerprint
    from isogloss.methods import load_method
    from isogloss.recipe import resolve
    from isogloss.runs import Job

    flags = {"method": "filter", "task": "xnli", "data": data, "languages": tags, "output": data / "run"}
    recipe = resolve({"train": {"epochs": epochs}}, flags)
    job = Job(recipe, recipe.output)
    method = load_method("filter").Method(recipe.config)
    fingerprint(job.task, data)
    found = method.examples(job)
    first = ByLength(found.sizes, 1, batch_size=BATCH).epoch(0)[0]
    batch = method.collate(job)([found[i] for i in first.tolist()])
    seconds = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "examples": len(found),
        "batch": len(batch["ids"]),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(time.process_time(), 1),
        "peak_MB": round(peak),
    }


if __name__ == "__main__":
    main()
