"""A suite: several methods on one recipe, trained, scored and set side by side. The demo is the suite of the sample."""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss.evaluation.compare import Comparison, compare
from isogloss.evaluation.evaluate import Reading, evaluate
from isogloss.evaluation.report import write_report
from isogloss.evaluation.translated import ByTranslator
from isogloss.recipe import read_recipe, resolve
from isogloss.run_folder import MANIFEST
from isogloss.runs import load, train


@dataclass(frozen=True, slots=True)
class Row:
    """A run of a suite, and the pairings it is scored under."""

    name: str  # of the run's folder
    method: str
    settings: tuple[str, ...] = ()  # key=value
    pairings: tuple[str, ...] = ("translation",)
    run: str | None = None  # the folder of a run that was trained for another row and serves this one too
    translator: ByTranslator | None = None  # whose translations are read beside the texts, under the pairing machine


ROWS = (
    Row("zero_shot", "zero_shot"),
    Row("translate_train", "translate_train"),
    Row("translate_test", "translate_test", run="zero_shot"),
    Row("filter", "filter", run="filter_self_teaching/teacher"),
    Row("filter_self_teaching", "filter", ("self_teaching=0.5",)),
)
UNSUPPLIED = (  # FILTER on texts that nobody translated: alone, and beside what the embedded translator makes
    Row("filter_alone", "filter", pairings=("none",), run="filter_self_teaching/teacher"),
    Row(
        "filter_tiny_mt",
        "filter",
        pairings=("machine",),
        run="filter_self_teaching/teacher",
        translator=ByTranslator("tiny-mt", decoding="beam=1"),  # a beam of 4 takes four times as long
    ),
)


def demo(output: Path, seed: int = 1) -> Comparison:
    """The comparison of five methods on the embedded sample, also written to `report.html` in the folder.

    FILTER is also scored on the texts alone, and beside translations by the embedded translator.

    What is finished already is not done again.

    Raises:
        UserError: the output folder cannot be written, or holds runs of something else.
    """
    started = time.monotonic()
    results = list(run_rows(read_recipe("demo"), (*ROWS, *UNSUPPLIED), {"seed": seed}, output))
    comparison = compare(results)
    report = output / "report.html"
    write_report(comparison, report, command=f"isogloss demo --output {output} --seed {seed}")
    print(f"{time.monotonic() - started:.0f} s in all; report: {report}", file=sys.stderr)
    return comparison


def run_rows(content: dict[str, Any], rows: Sequence[Row], flags: dict[str, Any], output: Path) -> Iterator[Path]:
    """Train the rows of a suite in the folder, then score them; yields the result files as they come.

    Raises:
        UserError: whatever training and evaluating raise.
    """
    trained = [row for row in rows if row.run is None]
    for number, row in enumerate(trained, 1):
        folder = output / row.name
        print(f"[training {number}/{len(trained)}] {row.name}", file=sys.stderr)
        if not (folder / MANIFEST).is_file():
            train(resolve(content, {**flags, "method": row.method, "output": folder}, row.settings))
    for number, row in enumerate(rows, 1):
        print(f"[scoring {number}/{len(rows)}] {row.name}", file=sys.stderr)
        folder = output / (row.run or row.name)
        results = {p: output / row.name / "results" / result_name(p) for p in row.pairings}
        missing = [pairing for pairing, file in results.items() if not file.is_file()]
        predictor = load(folder, row.method) if missing else None
        for pairing in missing:
            reading = Reading(translator=row.translator)
            evaluate(predictor or folder, pairing=pairing, reading=reading, output=results[pairing])
        yield from results.values()


def result_name(pairing: str) -> str:
    """The file name of a test result under a pairing."""
    return "test.json" if pairing == "translation" else f"test-{pairing}.json"
