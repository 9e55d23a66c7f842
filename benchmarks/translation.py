"""How many times as fast as the naive loop the translation job is, and how much memory a million rows take.

    python -m benchmarks.translation [--rows 1000] [--repeats 3] [--memory-rows 1000000] [--quick] [--output FILE.json]

The naive loop is the one on CTranslate2's own page: one call for each row, in the order of the rows, with the library's
own threads. The job takes the same rows apart, sorts them, keeps every translation in its store and puts the rows
together again. Both take turns in one process, with the same int8 model in Marian's usual size (6 + 6 layers of 512),
beam and limits; it says what it reads, and a benchmark in which one of them does not stops. No row occurs twice, so
that nothing is won by translating it once.

Memory is that of the job over rows that are generated as they are read, with an engine that answers at once: the peak
of the process at 10, 50 and 100 % of the rows.
"""

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.copier import LAYERS, texts, write_copier
from benchmarks.turns import circumstances, in_turns, ratio, rounded
from isogloss.cli import run_guarded
from isogloss.files import write_atomic
from isogloss.translation.job import Job, plain, translated, usual_batch
from isogloss.translation.progress import Progress
from isogloss.translation.store import Store
from isogloss.translation.translator import Capabilities, Decoding, Hypothesis, Translation, load_translator

VOCABULARY = 32_000
GOAL = 4.0  # times as fast as the naive loop
LIMIT = 300  # tokens of an output, in the naive loop
SOURCE, TARGET = "en", "de"


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--beams", default="1,4", help="separated by commas")
    parser.add_argument("--repeats", type=int, default=3, help="turns")
    parser.add_argument("--memory-rows", type=int, default=1_000_000, help="0: leave memory out")
    parser.add_argument("--quick", action="store_true", help="a small model and few rows, to see that it runs")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    if given.quick:
        given.rows, given.repeats, given.memory_rows = 40, 1, min(given.memory_rows, 20_000)
    run_guarded(lambda: measure(given))


def measure(given: argparse.Namespace) -> None:
    """Print speed and memory, and write all of it to the output."""
    found: dict[str, Any] = {"rows": given.rows, "repeats": given.repeats, "goal": GOAL}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        # first: torch and a model would take more than the rows do, and so hide how much these take
        if given.memory_rows:
            found["memory"] = memory(place / "memory", given.memory_rows)
        vocabulary, layers = (2_000, 1) if given.quick else (VOCABULARY, LAYERS)
        model = converted(place, vocabulary, layers)
        found |= {"vocabulary": vocabulary, "layers": layers, "batch_tokens": usual_batch()}
        rows = list(dict.fromkeys(texts(given.rows, vocabulary)))
        found["speed"] = [speed(model, rows, int(beam), given.repeats, place) for beam in given.beams.split(",")]
    if given.output:
        write_atomic(given.output, json.dumps(rounded(found) | circumstances(), indent=1) + "\n")


def converted(place: Path, vocabulary: int, layers: int) -> Path:
    """The folder of the int8 model."""
    from isogloss.translation.engines.ctranslate2 import convert

    return convert(str(write_copier(place / "copier", vocabulary, layers)), place / "int8", "int8")


def speed(model: Path, rows: Sequence[str], beam: int, repeats: int, place: Path) -> dict[str, Any]:
    """Seconds of both in every turn, their ratio, and rows and words per second of the job.

    Raises:
        RuntimeError: one of them does not say what it reads.
    """
    decoding, engine, naive = Decoding(beam=beam), load_translator(f"ctranslate2:{model}"), Naive(model, beam)
    number = iter(range(1_000_000))

    def job() -> None:
        with Store(place / f"store-{beam}-{next(number)}") as store:  # a new one, in which nothing is known
            made = translated(Job(engine, store, plain(SOURCE), decoding), rows, [TARGET], Progress([TARGET]))
            _require_copies(rows, [translation.text for _, (translation,) in made], "the job")

    def loop() -> None:
        _require_copies(rows, [naive(row) for row in rows], "the naive loop")

    seconds = in_turns({"naive": loop, "job": job}, repeats)
    times = {name: statistics.median(each) for name, each in seconds.items()}
    found = {"beam": beam, "seconds": seconds, "ratio": ratio(seconds["naive"], seconds["job"])}
    found |= {"rows_per_second": {name: len(rows) / each for name, each in times.items()}}
    found |= {"words_per_second": {name: sum(len(row.split()) for row in rows) / each for name, each in times.items()}}
    each = found["ratio"]
    print(
        f"beam {beam}: {each['median']:.2f} [{each['low']:.2f}, {each['high']:.2f}] times as fast (goal {GOAL:g}); "
        + ", ".join(f"{name} {value:.1f} rows/s" for name, value in found["rows_per_second"].items()),
        flush=True,
    )
    return found


def _require_copies(rows: Sequence[str], made: Sequence[str | None], who: str) -> None:
    wrong = sum(a != b for a, b in zip(rows, made, strict=True))
    if wrong:
        raise RuntimeError(f"{who} does not say what it reads in {wrong} of {len(rows)} rows")


class Naive:
    """One call of the library for each text."""

    def __init__(self, model: Path, beam: int):
        import ctranslate2
        from transformers import AutoTokenizer

        self.beam, self.translator = beam, ctranslate2.Translator(str(model))
        self.tokenizer = AutoTokenizer.from_pretrained(model / "tokenizer")

    def __call__(self, text: str) -> str:
        source = self.tokenizer.convert_ids_to_tokens(self.tokenizer(text).input_ids)
        (made,) = self.translator.translate_batch([source], beam_size=self.beam, max_decoding_length=LIMIT)
        return self.tokenizer.decode(self.tokenizer.convert_tokens_to_ids(made.hypotheses[0]), skip_special_tokens=True)


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
