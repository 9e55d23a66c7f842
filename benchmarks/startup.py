"""How long isogloss takes to start, beside a Python that does nothing.

    python -m benchmarks.startup [--repeats 15]

The commands take turns, so that a busy machine slows all of them alike; the ratio to the bare interpreter is what
can be compared between machines. The limits are those of the tests: 0.3 s for --help, 0.15 s for the import.
"""

import argparse
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python, nothing": ["-c", "pass"],
    "import isogloss": ["-c", "import isogloss"],
    "isogloss --help": ["-m", "isogloss", "--help"],
    "isogloss list tasks": ["-m", "isogloss", "list", "tasks"],
}


def main() -> None:
    """Print the median of every command, and its ratio to the first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(repeats):
        for name, arguments in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - started)
    bare = statistics.median(next(iter(seconds.values())))
    for name, times in seconds.items():
        median = statistics.median(times)
        print(f"{name:<20} {median:6.3f} s  {median / bare:5.1f} x  (fastest {min(times):.3f}, n = {repeats})")


if __name__ == "__main__":
    main()
