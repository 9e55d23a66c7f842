"""How many times as fast as the naive loop the translation job is, and how much memory a million rows take.

    python -m benchmarks.translation [--rows 500] [--repeats 3] [--memory-rows 1000000] [--quick] [--output FILE.json]

The naive loop is the one on CTranslate2's own page: one call for each row, in the order of the rows. The job takes the
same rows apart, sorts them, keeps every translation in its store and puts the rows together again. Both read the same
int8 model in Marian's usual size (6 + 6 layers of 512) and search with the same beam, patience and length rule; once
more the naive loop has the library's own patience, which ends a search sooner. What each says is checked: it is what
it reads, and a benchmark in which one of them says something else stops. No row occurs twice, so nothing is won by
translating it once, and the rows are as long as those of SIB-200 and XNLI.

They take turns, each in a process of its own that starts, loads the model, translates a few rows and only then is
timed: threads that wait for work would slow the other one down. The job has the threads that the command line gives it.
The naive loop has the best that a short trial finds: one thread or all cores, and how long these wait before they
sleep. Its rows are a part of the job's, as they are independent of each other; words per second are compared.

Memory is that of the job over rows that are generated as they are read, with an engine that answers at once: the peak
of the process at 10, 50 and 100 % of the rows. What is left out, speed or memory, stays as the output has it.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.copier import LAYERS, texts, write_copier
from benchmarks.turns import circumstances, ratio, rounded
from isogloss.cli import run_guarded
from isogloss.errors import UserError
from isogloss.files import write_atomic
from isogloss.translation.job import Job, plain, translated, usual_batch
from isogloss.translation.progress import Progress
from isogloss.translation.store import Store
from isogloss.translation.translator import Capabilities, Decoding, Hypothesis, Translation, load_translator

VOCABULARY = 32_000
GOAL = 4.0  # times as fast as the naive loop
LIMIT = 300  # tokens of an output, in the naive loop
SOURCE, TARGET = "en", "de"
SHARE, TRIED = 5, 25  # the naive loop does a fifth of the rows, in a trial a twenty-fifth
WARM = 5  # rows before the clock starts
TURNS = {"short": 3_000, "library": 300_000, "endless": 30_000_000_000}  # that a thread makes before it sleeps


@dataclass(frozen=True, slots=True)
class Side:
    """Who translates, how it searches and with which threads; `threads` and `wait` are the naive loop's alone."""

    who: str  # naive or job
    beam: int
    patience: float = 1.0
    threads: int = 1
    wait: str = "short"  # of TURNS; the command line's


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--beams", default="1,4", help="separated by commas; 0: leave speed out")
    parser.add_argument("--repeats", type=int, default=3, help="turns")
    parser.add_argument("--memory-rows", type=int, default=1_000_000, help="0: leave memory out")
    parser.add_argument("--quick", action="store_true", help="a small model and few rows, to see that it runs")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--side", help=argparse.SUPPRESS)  # one turn, in a process that this benchmark started
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        side, rows = Side(**json.loads(given.side)), json.load(sys.stdin)
        run_guarded(lambda: print(json.dumps(turn(side, given.model, rows))))
        return
    if given.quick:
        given.rows, given.repeats, given.memory_rows = 40, 1, min(given.memory_rows, 20_000)
    run_guarded(lambda: measure(given))


def measure(given: argparse.Namespace) -> None:
    """Print speed and memory, and write all of it to the output."""
    if given.repeats < 1:
        raise UserError(f"repeats = {given.repeats}: measure in one turn or more")
    found: dict[str, Any] = {}
    if given.output and given.output.is_file():
        found = json.loads(given.output.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        # first: torch and a model would take more than the rows do, and so hide how much these take
        if given.memory_rows:
            found["memory"] = memory(place / "memory", given.memory_rows)
        if beams := [int(beam) for beam in given.beams.split(",") if beam != "0"]:
            vocabulary, layers = (2_000, 1) if given.quick else (VOCABULARY, LAYERS)
            model = converted(place, vocabulary, layers)
            rows = list(dict.fromkeys(texts(given.rows, vocabulary)))
            found |= {"rows": given.rows, "repeats": given.repeats, "goal": GOAL, "batch_tokens": usual_batch()}
            found |= {"vocabulary": vocabulary, "layers": layers}
            found["speed"] = [speed(model, rows, beam, given.repeats) for beam in beams]
    if given.output:
        write_atomic(given.output, json.dumps(rounded(found) | circumstances(), indent=1) + "\n")


def converted(place: Path, vocabulary: int, layers: int) -> Path:
    """The folder of the int8 model."""
    from isogloss.translation.engines.ctranslate2 import convert

    return convert(str(write_copier(place / "copier", vocabulary, layers)), place / "int8", "int8")


def speed(model: Path, rows: Sequence[str], beam: int, repeats: int) -> dict[str, Any]:
    """Seconds of each side in every turn, how many times as fast the job is, and rows and words per second."""
    from isogloss.translation.engines.ctranslate2 import PATIENCE

    patience = PATIENCE if beam > 1 else 1.0
    tried = trial(Side("naive", beam, patience), model, rows[: max(1, len(rows) // TRIED)])
    best = min(tried, key=lambda found: found["seconds"])
    naive = Side("naive", beam, patience, best["threads"], best["wait"])
    sides = {"same search": naive, "job": Side("job", beam)}
    if patience != 1:  # the loop as the library's page has it
        sides["patience 1"] = replace(naive, patience=1.0)
    part = rows[: max(1, len(rows) // SHARE)]
    read = {name: rows if name == "job" else part for name in sides}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, side in sides.items():
            seconds[name].append(apart(side, model, read[name]))
    words = {name: sum(len(row.split()) for row in some) for name, some in read.items()}
    for_a_word = {name: [each / words[name] for each in times] for name, times in seconds.items()}
    times = {name: statistics.median(each) for name, each in seconds.items()}
    found = {"beam": beam, "patience": patience, "trial": tried, "threads": naive.threads, "wait": naive.wait}
    found |= {"seconds": seconds, "read": {name: len(some) for name, some in read.items()}}
    found |= {"rows_per_second": {name: len(read[name]) / each for name, each in times.items()}}
    found |= {"words_per_second": {name: words[name] / each for name, each in times.items()}}
    found["ratio"] = {name: ratio(each, for_a_word["job"]) for name, each in for_a_word.items() if name != "job"}
    for name, each in found["ratio"].items():
        print(
            f"beam {beam}: {each['median']:.2f} [{each['low']:.2f}, {each['high']:.2f}] times as fast as the "
            f"naive loop, {name} (goal {GOAL:g}); job {found['rows_per_second']['job']:.1f} rows/s, naive "
            f"{found['rows_per_second'][name]:.1f} with {naive.threads} threads, wait: {naive.wait}",
            flush=True,
        )
    return found


def trial(side: Side, model: Path, rows: Sequence[str]) -> list[dict[str, Any]]:
    """The seconds of the naive loop for a few rows with each of the settings of its threads."""
    settings = [(1, "short"), *((os.cpu_count() or 1, wait) for wait in TURNS)]
    return [
        {"threads": threads, "wait": wait, "seconds": apart(replace(side, threads=threads, wait=wait), model, rows)}
        for threads, wait in settings
    ]


def apart(side: Side, model: Path, rows: Sequence[str]) -> float:
    """The seconds of a turn in a process of its own, whose threads wait as the side says.

    Raises:
        RuntimeError: the turn failed.
    """
    waiting = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": str(TURNS[side.wait])}
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"} | waiting
    words = ["--side", json.dumps(asdict(side)), "--model", str(model)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.translation", *words],
        input=json.dumps(rows),
        capture_output=True,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[1],
        check=False,
    )
    if done.returncode:
        raise RuntimeError((done.stderr.splitlines() or ["a turn failed"])[-1])
    return float(done.stdout)


def turn(side: Side, model: Path, rows: Sequence[str]) -> float:
    """The seconds that a side takes for the rows, once the model is loaded and has read a few of them.

    Raises:
        RuntimeError: it does not say what it reads.
    """
    say = naive_loop(side, model) if side.who == "naive" else job(side, model)
    say(rows[:WARM])
    started = time.perf_counter()
    said = say(rows)
    seconds = time.perf_counter() - started
    wrong = sum(a != b for a, b in zip(rows, said, strict=True))
    if wrong:
        raise RuntimeError(f"{side.who}: it does not say what it reads in {wrong} of {len(rows)} rows")
    return seconds


Say = Callable[[Sequence[str]], list[str | None]]


def naive_loop(side: Side, model: Path) -> Say:
    """A function that calls the library once for each text."""
    import ctranslate2
    from transformers import AutoTokenizer

    translator = ctranslate2.Translator(str(model), intra_threads=side.threads)
    tokenizer = AutoTokenizer.from_pretrained(model / "tokenizer")
    options = {"beam_size": side.beam, "patience": side.patience, "max_decoding_length": LIMIT}

    def one(text: str) -> str:
        source = tokenizer.convert_ids_to_tokens(tokenizer(text).input_ids)
        (made,) = translator.translate_batch([source], **options)
        return tokenizer.decode(tokenizer.convert_tokens_to_ids(made.hypotheses[0]), skip_special_tokens=True)

    return lambda rows: [one(row) for row in rows]


def job(side: Side, model: Path) -> Say:
    """A function that runs the job over the texts, each time with a new store, in which nothing is known."""
    engine = load_translator(f"ctranslate2:{model}")

    def all_of_them(rows: Sequence[str]) -> list[str | None]:
        with tempfile.TemporaryDirectory() as place, Store(Path(place)) as store:
            work = Job(engine, store, plain(SOURCE), Decoding(beam=side.beam))
            made = translated(work, rows, [TARGET], Progress([TARGET]))
            return [translation.text for _, (translation,) in made]

    return all_of_them


class Echo:
    """An engine that answers at once, with the text."""

    fingerprint, provenance, capabilities = "echo", {"engine": "echo"}, Capabilities()

    def check(self, source: str, target: str) -> None:
        """Nothing; every direction is as good."""

    def translate(self, texts: Sequence[str], source: str, target: str, decoding: Decoding) -> list[Translation]:
        """The texts."""
        return [Translation((Hypothesis(text, -1.0, 2),)) for text in texts]

    def score(self, pairs: Sequence[tuple[str, str]], source: str, target: str) -> list[tuple[float, ...]]:
        """The same for every pair."""
        return [(-0.5, -0.5)] * len(pairs)


def memory(place: Path, count: int) -> list[dict[str, Any]]:
    """Peak memory and rows per second at several parts of a job, which are printed too."""
    marks = {max(1, round(count * percent / 100)): percent for percent in (10, 50, 100)}
    found: list[dict[str, Any]] = []
    rows = (f"{text.capitalize()} number {i}." for i, text in enumerate(texts(count, 10_000)))
    with Store(place) as store:
        before, started = peak(), time.monotonic()
        job = Job(Echo(), store, plain(SOURCE), Decoding())
        for number, _ in enumerate(translated(job, rows, [TARGET], Progress([TARGET], count)), 1):
            if number in marks:
                rate = number / (time.monotonic() - started)
                found.append({"percent": marks[number], "rows": number, "peak_MB": peak(), "rows_per_second": rate})
                told = f"of {number} rows: {peak()} MB at most, {before} before the first; {rate:.0f} rows/s"
                print(f"memory: {marks[number]} % {told}", flush=True)
    sizes = {name: sum(path.stat().st_size for path in place.rglob(name)) / 1e6 for name in ("*.jsonl", "*.sqlite")}
    found.append({"before_MB": before, "shards_MB": sizes["*.jsonl"], "index_MB": sizes["*.sqlite"]})
    return found


def peak() -> int:
    """The peak memory of this process in MB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    main()
