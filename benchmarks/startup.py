"""How long isogloss takes to start, beside a Python that does nothing.

    python -m benchmarks.startup [--repeats 15] [--output results/bench/startup.json]

The commands take turns, so that a busy machine slows all of them alike; the ratio to the bare interpreter is what
can be compared between machines. The limits are those of the tests: 0.3 s for --help, 0.15 s for the import.
"""

import argparse
import json
import statistics
import subprocess
import sys
from functools import partial
from pathlib import Path

from benchmarks.turns import circumstances, in_turns, rounded
from isogloss.cli import run_guarded
from isogloss.files import write_atomic

COMMANDS = {
    "python, nothing": ["-c", "pass"],
    "import isogloss": ["-c", "import isogloss"],
    "isogloss --help": ["-m", "isogloss", "--help"],
    "isogloss list tasks": ["-m", "isogloss", "list", "tasks"],
}


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    run_guarded(lambda: startup(given))


def startup(given: argparse.Namespace) -> None:
    """Print the median of every command and its ratio to the first, and write the seconds to the output."""
    seconds = in_turns({name: partial(start, words) for name, words in COMMANDS.items()}, given.repeats)
    bare = statistics.median(next(iter(seconds.values())))
    for name, times in seconds.items():
        median = statistics.median(times)
        print(f"{name:<20} {median:6.3f} s  {median / bare:5.1f} x  (fastest {min(times):.3f}, n = {given.repeats})")
    if given.output:
        write_atomic(given.output, json.dumps({"seconds": rounded(seconds)} | circumstances(), indent=1) + "\n")


def start(words: list[str]) -> None:
    """Start Python with the words and wait for its end."""
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
