"""A suite: several methods on one recipe, trained, scored and set side by side. The demo is the suite of the sample."""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss.errors import UserError
from isogloss.evaluation.compare import Comparison, compare
from isogloss.evaluation.evaluate import evaluate
from isogloss.evaluation.report import write_report
from isogloss.recipe import read_recipe, resolve
from isogloss.runs import MANIFEST, load, train


@dataclass(frozen=True, slots=True)
class Row:
    """A run of a suite, and the pairings it is scored under."""

    name: str  # of the run's folder
    method: str
    settings: tuple[str, ...] = ()  # key=value
    pairings: tuple[str, ...] = ("translation",)
    stage_of: str | None = None  # the row whose teacher this run is: trained with it, not again


SELF_TEACHING = Row("filter_self_teaching", "filter", ("self_teaching=0.5",))
BASELINES = tuple(Row(name, name) for name in ("zero_shot", "translate_train", "translate_test"))
DEMO = (*BASELINES, SELF_TEACHING, Row("filter", "filter", stage_of="filter_self_teaching"))


def demo(output: Path, seed: int = 1) -> Comparison:
    """The comparison of five methods on the embedded sample, also written to `report.html` in the folder.

    What is finished already is not done again.

    Raises:
        UserError: the output folder cannot be written, or holds runs of something else.
    """
    started = time.monotonic()
    results = list(run_rows(read_recipe("demo"), DEMO, {"seed": seed}, output))
    comparison = compare(results)
    report = output / "report.html"
    write_report(comparison, report, command=f"isogloss demo --output {output} --seed {seed}")
    print(f"{time.monotonic() - started:.0f} s in all; report: {report}", file=sys.stderr)
    return comparison


def run_rows(content: dict[str, Any], rows: Sequence[Row], flags: dict[str, Any], output: Path) -> Iterator[Path]:
    """Train and score the rows of a suite in the folder; yields the result files as they come.

    Raises:
        UserError: whatever training and evaluating raise.
    """
    for number, row in enumerate(rows, 1):
        folder = output / row.name if row.stage_of is None else output / row.stage_of / "teacher"
        if row.stage_of is None and not (folder / MANIFEST).is_file():
            print(f"[{number}/{len(rows)}] {row.name}", file=sys.stderr)
            train(resolve(content, {**flags, "method": row.method, "output": folder}, row.settings))
        missing = [pairing for pairing in row.pairings if not _result(folder, pairing).is_file()]
        predictor = load(folder) if missing else None
        for pairing in missing:
            try:
                evaluate(predictor or folder, pairing=pairing, output=_result(folder, pairing))
            except UserError as error:
                raise UserError(f"{row.name}, pairing {pairing}: {error}") from None
        yield from (_result(folder, pairing) for pairing in row.pairings)


def _result(folder: Path, pairing: str) -> Path:
    return folder / "results" / f"test{'' if pairing == 'translation' else f'-{pairing}'}.json"
