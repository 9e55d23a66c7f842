"""Comparisons as Markdown between the markers of a document.

A document names its tables, `<!-- results:sib200 -->` ... `<!-- /results -->`, and each is made from the
results in the folder of that name; several names with commas between them make one table of averages.
`python -m isogloss.evaluation.tables README.md results` writes them, `--check` only tells whether they are still what
the results say.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from isogloss.errors import UserError
from isogloss.evaluation.cells import BEST, column_names, column_title, difference_text, items_text, seeds_text
from isogloss.evaluation.compare import AVERAGE, TRANSFER, Comparison, Row, Table, compare
from isogloss.evaluation.labels import language_name
from isogloss.files import write_atomic

MARKED = re.compile(r"<!-- results:(?P<name>\S+) -->\n(?P<body>.*?)<!-- /results -->", re.DOTALL)
OPENING, CLOSING = "<!-- results:", "<!-- /results -->"


def markdown_table(comparison: Comparison) -> str:
    """The tables in Markdown, a row of the comparison per line, a language per column, the best bold."""
    return "\n".join(_markdown(table) for table in comparison.tables)


def summary_table(comparisons: Sequence[Comparison]) -> str:
    """One table in Markdown: a row of the comparisons per line, a task per column, the averages in the cells."""
    tables = [table for comparison in comparisons for table in comparison.tables]
    labels = dict.fromkeys(row.label for table in tables for row in table.rows)
    lines = [markdown_line(["", *(f"{table.task} {table.metric}" for table in tables)])]
    lines.append(markdown_line(["---", *["---:"] * len(tables)]))
    for label in labels:
        rows = [next((row for row in table.rows if row.label == label), None) for table in tables]
        lines.append(markdown_line([label, *("–" if row is None else _markdown_cell(row, TRANSFER) for row in rows)]))
    sources = dict.fromkeys(language_name(table.train_language) for table in tables)
    details = "; ".join(f"{table.task} {items_text(table)}, {seeds_text(table)}" for table in tables)
    caption = (
        f"Percent, mean over the languages other than {' or '.join(sources)}; brackets: 95 % intervals, bootstrap over "
        f"items; {details}. Bold: {BEST}."
    )
    return "\n".join([*lines, "", caption, ""])


def update_markdown(path: Path, results: Path, *, check: bool = False) -> list[str]:
    """Names of the marked tables of a document that were stale; they are written anew unless `check`.

    The table NAME is the comparison of the results in `results`/NAME, NAME,NAME the averages of several.

    Raises:
        UserError: the document or the results of a table are missing, a marker has no partner, or, with
            `check`, a table is stale.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    marked = list(MARKED.finditer(text))
    if not len(marked) == text.count(OPENING) == text.count(CLOSING):
        raise UserError(f"{path}: a results marker has no partner; write {OPENING}NAME --> and {CLOSING} on own lines")
    made = {match["name"]: _made(results, match["name"].split(",")) for match in marked}
    stale = [match["name"] for match in marked if match["body"] != made[match["name"]]]
    if stale and check:
        raise UserError(
            f"{path}: table {', '.join(stale)} is not what {results} says; "
            f"run python -m isogloss.evaluation.tables {path} {results}"
        )
    if stale:
        fresh = MARKED.sub(lambda m: f"{OPENING}{m['name']} -->\n{made[m['name']]}{CLOSING}", text)
        write_atomic(path, fresh)
    return stale


def _markdown(table: Table) -> str:
    names = column_names(table)
    several = len(table.rows) > 1
    header = [f"{table.task} {table.split}", *(column_title(table, name) for name in names)]
    if several:
        header.insert(2, f"against {table.baseline}")
    lines = [markdown_line(header), markdown_line(["---", *["---:"] * (len(header) - 1)])]
    for row in table.rows:
        cells = [_markdown_cell(row, name) for name in names]
        if several:
            cells.insert(1, difference_text(row.against_baseline))
        lines.append(markdown_line([row.label, *cells]))
    caption = (
        f"{table.metric} in percent; {items_text(table)} in each {table.unit}, {seeds_text(table)}; "
        f"brackets: 95 % intervals, bootstrap over items; `average` is over all {len(table.languages)} {table.unit}s"
    )
    return "\n".join([*lines, "", f"{caption}. Bold: {BEST}." if several else f"{caption}.", ""])


def _markdown_cell(row: Row, name: str) -> str:
    score = row.column(name)
    if score is None:
        return "–"
    value = f"**{score.value:.1f}**" if name in row.best else f"{score.value:.1f}"
    interval = f" [{score.ci95[0]:.1f}, {score.ci95[1]:.1f}]" if name in (AVERAGE, TRANSFER) else ""
    return value + interval


def markdown_line(cells: Iterable[str]) -> str:
    """A line of a table in Markdown, the cells escaped."""
    return f"| {' | '.join(map(markdown_text, cells))} |"


def markdown_text(text: str) -> str:
    """A text in which no character opens a cell or a tag of HTML."""
    return re.sub(r"([|<>])", r"\\\1", text.replace("\n", " "))


def _made(results: Path, names: Sequence[str]) -> str:
    found = [_ascending(compare([results / name])) for name in names]
    return markdown_table(found[0]) if len(found) == 1 else summary_table(found)


def _ascending(comparison: Comparison) -> Comparison:
    """The comparison with its methods from low to high after the baseline; a folder has no order of its own."""
    tables = []
    for table in comparison.tables:
        highest: dict[str, float] = {}
        for row in table.rows:
            highest[row.method] = max(row.average.value, highest.get(row.method, 0.0))
        baseline, *rest = table.rows
        tables.append(replace(table, rows=(baseline, *sorted(rest, key=lambda row: highest[row.method]))))
    return Comparison(tuple(tables))


def main() -> int:
    """0 if the tables are fresh or were written, 1 with one line if they are stale or cannot be made."""
    parser = argparse.ArgumentParser(description="Write the result tables of documents.")
    parser.add_argument("documents", type=Path, nargs="+")
    parser.add_argument("results", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a table is stale")
    given = parser.parse_args()
    for document in given.documents:
        try:
            stale = update_markdown(document, given.results, check=given.check)
        except UserError as error:
            print(error, file=sys.stderr)
            return 1
        print(f"{document}: {', '.join(stale) + ' written anew' if stale else 'every table is fresh'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
