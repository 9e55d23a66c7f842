"""The comparison of methods on real data: every method, seed and pairing of a recipe, into results/.

    python -m benchmarks.transfer sib200_tiny --data DIR --seeds 1,2,3

Runs that are finished are not done again, so the command can be stopped at any time and given anew. The rows are
those of the honest comparison: the baselines, FILTER in both phases, the same under shuffled and noisy English, and
FILTER that was trained on such English too.
"""

import argparse
import gzip
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from isogloss.cli import run_guarded
from isogloss.data.lexicon import has_material
from isogloss.errors import UserError, nearest
from isogloss.evaluation.compare import compare
from isogloss.evaluation.results import items_path
from isogloss.evaluation.show import comparison_table
from isogloss.recipe import read_recipe, task_languages
from isogloss.suite import ROWS, Row, run_rows
from isogloss.tasks import load_task

MIXED = "filter_mixed"  # FILTER that was trained on English sides of every quality
CONTROLLED = ("translate_test", "filter", MIXED)  # rows that are also scored under other English sides


def main() -> None:
    """Parse the arguments and run the recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="a recipe without a method")
    parser.add_argument("--data", type=Path, default=None, help="folder with the task's data")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the models go")
    parser.add_argument("--results", type=Path, default=Path("results"), help="where the results are copied to")
    parser.add_argument("--rows", help="some of the rows, separated by commas; all by default")
    parser.add_argument("--name", help="folder below --results; the recipe's name by default")
    given = parser.parse_args()
    run_guarded(lambda: transfer(given))


def transfer(given: argparse.Namespace) -> None:
    """Train, score and copy the results of every row and seed, then print the comparison."""
    content = read_recipe(given.recipe)
    task = load_task(content["task"], given.data)
    tags = task_languages(task, content.get("languages", ()))
    material = all(has_material(task, tag) for tag in tags if tag != task.train_language)
    pairings = ("translation", "shuffled", "word_for_word" if material else "word_dropout")
    mixed = Row(MIXED, "filter", (f"train_pairings={','.join(pairings)}",))
    rows = [replace(row, pairings=pairings) if row.name in CONTROLLED else row for row in (*ROWS, mixed)]
    if given.rows:
        rows = _chosen(rows, given.rows.split(","))
    name = given.name or Path(given.recipe).stem
    names = [row.name for row in rows for _ in row.pairings]
    copied = []
    for seed in map(int, given.seeds.split(",")):
        folder = given.runs / name / f"seed{seed}"
        found = run_rows(content, rows, {"seed": seed, "data": given.data}, folder)
        for row_name, result in zip(names, found, strict=True):
            copied.append(publish(result, given.results / name / f"{row_name}-{result.stem}-seed{seed}.json"))
            print(f"{copied[-1]}", file=sys.stderr)
    print(comparison_table(compare(copied)))


def _chosen(rows: list[Row], names: list[str]) -> list[Row]:
    """The rows of those names; one that shares the run of a row that is not among them is trained by itself."""
    known = {row.name: row for row in rows}
    for name in names:
        if name not in known:
            raise UserError(f"no row {name!r}; {nearest(name, known)}")
    return [
        replace(known[name], run=None) if (known[name].run or name).split("/")[0] not in names else known[name]
        for name in names
    ]


def publish(result: Path, target: Path) -> Path:
    """Copy a result and, packed, its items; returns the copy."""
    if not result.is_file():
        raise UserError(f"{result} is missing")
    target.parent.mkdir(parents=True, exist_ok=True)
    packed = items_path(target).with_name(f"{items_path(target).name}.gz")
    packed.write_bytes(gzip.compress(items_path(result).read_bytes(), mtime=0))
    shutil.copyfile(result, target)
    return target


if __name__ == "__main__":
    main()
