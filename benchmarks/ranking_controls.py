"""The cheap controls of tasks with queries: BM25 as it is, BM25 tuned on dev, and a plain encoder.

    python -m benchmarks.ranking_controls xquad_r,vaswani --data DIR [--encoder tiny] [--results results]

BM25's two settings are those of a small grid whose main measure is highest on dev, on average over the languages of the
queries; a task without dev has no such row. The test split is scored once for every row. Results go to
RESULTS/TASK_tiny.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.transfer import publish
from isogloss.cli import run_guarded
from isogloss.evaluation.compare import compare
from isogloss.evaluation.evaluate_ranker import Asked, evaluate_ranker
from isogloss.evaluation.show import comparison_table
from isogloss.tasks import Task, load_task

K1, B = (0.6, 0.9, 1.2, 1.6, 2.0, 3.0), (0.2, 0.4, 0.6, 0.75, 0.9)


def main() -> None:
    """Parse the arguments and score every row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", help="tasks of ranking, separated by commas")
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the tasks' data")
    parser.add_argument("--encoder", default="tiny", help="tiny, a folder, or a Hub name")
    parser.add_argument("--items", type=int, default=0, help="queries that are scored in each language; 0 = all")
    parser.add_argument("--results", type=Path, default=Path("results"), help="where the results are copied to")
    given = parser.parse_args()
    run_guarded(lambda: score_controls(given))


def score_controls(given: argparse.Namespace) -> None:
    """Score every row of every task, copy the results, and print the comparison."""
    copied = []
    for task in (load_task(name, given.data) for name in given.tasks.split(",")):
        for row, ranker, settings in rows(task, given.data, given.encoder, given.items):
            print(f"{task.name}: {row} {' '.join(settings)}", file=sys.stderr, flush=True)
            with TemporaryDirectory() as folder:
                made = Path(folder) / "test.json"
                asked = Asked(settings=settings)
                evaluate_ranker(ranker, task, data=given.data, items=given.items, asked=asked, output=made)
                copied.append(publish(made, given.results / f"{task.name}_tiny" / f"{row}-test.json"))
    print(comparison_table(compare(copied)))


def rows(task: Task, data: Path, encoder: str, items: int) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Name, ranker and settings of every row."""
    yield "bm25", "bm25", ()
    if task.dev_split is not None:
        yield "bm25_tuned", "bm25", tuned(task, data, items)
    yield "dense", f"dense:{encoder}", ()


def tuned(task: Task, data: Path, items: int) -> Sequence[str]:
    """The settings of BM25 that are best on dev; of equal ones the first of the grid."""
    grid = [(f"k1={k1}", f"b={b}") for k1, b in product(K1, B)]

    def value(settings: Sequence[str]) -> float:
        asked = Asked(settings=settings)
        return evaluate_ranker("bm25", task, data=data, split="dev", items=items, asked=asked).average

    return max(grid, key=value)


if __name__ == "__main__":
    main()
