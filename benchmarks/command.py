"""How long a whole `isogloss evaluate RUN` takes, from the shell and back.

    python -m benchmarks.command [--pairs 10000] [--output results/bench/command.json]

Writes a data set in the layout of SIB-200 in ten languages and English: the requests of the embedded sample, each with
a number of its own, so that no text occurs twice. Trains FILTER on it for two updates with the embedded encoder, then
starts the command in a process of its own and takes its seconds and its peak memory, in every precision.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.turns import circumstances, rounded
from isogloss.cli import run_guarded
from isogloss.data.sample import LANGUAGES, read_intents
from isogloss.errors import UserError
from isogloss.files import write_atomic
from isogloss.languages import dialect
from isogloss.precision import PRECISIONS
from isogloss.tasks import load_task

TASK = load_task("sib200")
TAGS = [tag for tag in LANGUAGES if tag in TASK.languages and tag != "en"][:10]
TRAINED = 4 * len(TASK.labels)  # items of the training set


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10000, help="test texts with an English side, all languages")
    parser.add_argument("--encoder", default="tiny")
    parser.add_argument("--quick", action="store_true", help="100 pairs, to see that it runs")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    run_guarded(lambda: command(given))


def command(given: argparse.Namespace) -> None:
    """Measure, print a line, and write it to the output."""
    items = (100 if given.quick else given.pairs) // len(TAGS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder / "data" / TASK.name, items)
        run = folder / "run"
        words = ["--method", "filter", "--task", TASK.name, "--data", str(folder / "data"), "--encoder", given.encoder]
        settings = ("updates=2", "batch_size=8", "max_length=128")
        words += ["--languages", ",".join(TAGS), *(word for value in settings for word in ("--set", value))]
        isogloss("train", *words, "--output", str(run))
        measured = [one(run, folder / "result.json", precision) for precision in PRECISIONS]
    for found in measured:
        print("  ".join(f"{name} {value}" for name, value in found.items()))
    if given.output:
        facts = {"command": "isogloss evaluate RUN", "encoder": given.encoder, "languages": len(TAGS)}
        write_atomic(given.output, json.dumps(facts | {"measured": measured} | circumstances(), indent=1) + "\n")


def one(run: Path, result: Path, precision: str) -> dict[str, Any]:
    """The pairs of one evaluation, its seconds and its memory."""
    seconds, memory = isogloss("evaluate", str(run), "--precision", precision, "--output", str(result))
    content = json.loads(result.read_text(encoding="utf-8"))
    pairs = sum(language["n"] for language in content["languages"].values())
    return rounded(
        {
            "precision": precision,
            "pairs": pairs,
            "seconds": seconds,
            "pairs_per_second": pairs / seconds,
            "seconds_of_scoring": float(content["seconds"]),
            "peak_MB": memory,
        }
    )


def write_data(folder: Path, items: int) -> None:
    """Training, dev and test files in every language; topics are dealt out in turn."""
    sample = load_task("sample_intent").root(None)
    for tag in (*TAGS, "en"):
        texts = [record.text for record in read_intents(sample, "test", tag)]
        for split, count in (("train", TRAINED), ("dev", len(TASK.labels)), ("test", items)):
            lines = (
                f"{number}\t{TASK.labels[number % len(TASK.labels)]}\t{texts[number % len(texts)]} {split} {number}\n"
                for number in range(count)
            )
            path = folder / dialect(tag, "flores") / f"{split}.tsv"
            write_atomic(path, "index_id\tcategory\ttext\n" + "".join(lines))


def isogloss(*words: str) -> tuple[float, float]:
    """The seconds of a command of isogloss and its peak memory in MB.

    Raises:
        UserError: it failed.
    """
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "isogloss", *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)  # its own memory, not that of the largest of all children
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise UserError(f"isogloss {words[0]} ended with {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return time.perf_counter() - started, usage.ru_maxrss * unit / 1e6


if __name__ == "__main__":
    main()
