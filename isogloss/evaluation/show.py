"""Results and comparisons as text for a terminal."""

import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from isogloss.evaluation.bootstrap import Score
from isogloss.evaluation.cells import (
    BEST,
    column_names,
    column_title,
    columns_text,
    interval_text,
    items_text,
    p_text,
    score_text,
    sd_text,
    seeds_text,
    value_text,
)
from isogloss.evaluation.compare import Comparison, Row, Table
from isogloss.evaluation.labels import language_name
from isogloss.evaluation.results import Result

LABEL_WIDTH, CELL_WIDTH = 22, 17  # characters
Block = tuple[str, RichTable, str]  # title, table, caption


def comparison_table(comparison: Comparison, width: int | None = None) -> str:
    """The tables as plain text, a language per line, a row of the comparison per column, `*` for the best.

    `width` is in characters; by default the terminal's, or as wide as needed where there is none.
    """
    if width is None:
        wanted = LABEL_WIDTH + CELL_WIDTH * max(len(table.rows) for table in comparison.tables)
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else max(wanted, 80)
    step = max(1, (width - LABEL_WIDTH) // CELL_WIDTH)  # rows of the comparison that fit beside each other
    blocks = [
        _rows_table(table, table.rows[start : start + step])
        for table in comparison.tables
        for start in range(0, len(table.rows), step)
    ]
    return rendered(blocks, width)


def result_table(result: Result) -> str:
    """A result as plain text: a language per line with its interval and other metrics, the averages last."""
    others = list(result.other_metrics)
    title = f"{result.method} on {result.task} {result.split}, {result.pairing}: percent [95 % interval]"
    caption = f"bootstrap over items; seed {', '.join(map(str, result.seeds))}; encoder {result.encoder}"
    made = empty_table()
    for name in (result.metric, *others, "items"):
        made.add_column(Text(name), justify="right")
    for tag, score in result.languages.items():
        cells = [score_text(score), *(f"{result.other_metrics[name][tag]:.1f}" for name in others), str(score.n)]
        made.add_row(Text(language_name(tag)), *cells, end_section=tag == list(result.languages)[-1])
    for name, value, ci95, tags in _averages(result):
        means = [sum(result.other_metrics[other][tag] for tag in tags) / len(tags) for other in others]
        made.add_row(Text(name), score_text(Score(value, ci95, 0)), *(f"{mean:.1f}" for mean in means), "")
    blocks = [(title, made, caption), *([_bias_table(result.language_bias)] if result.language_bias else [])]
    return rendered(blocks, max(80, LABEL_WIDTH + CELL_WIDTH * (len(others) + 2)))


def _bias_table(bias: Mapping[str, Any]) -> Block:
    """Title, text table and caption of a language bias: queries' languages down, documents' languages across."""
    documents = sorted({tag for row in bias["languages"].values() for tag in row["blind"]})
    made = empty_table()
    for name in (*map(language_name, documents), "bias"):
        made.add_column(Text(name), justify="right")
    for tag, row in bias["languages"].items():
        cells = (f"{row['found'].get(other, 0):.1f} ({row['blind'].get(other, 0):.1f})" for other in documents)
        made.add_row(Text(language_name(tag)), *cells, f"{row['bias']:.1f}")
    title = f"languages of the first {bias['first']} documents: percent found (percent of a blind ranking)"
    return title, made, "bias: half the sum of the differences; 0 = the ranking does not look at language"


def _averages(result: Result) -> Iterator[tuple[str, float, tuple[float, float], list[str]]]:
    """Name, value, interval and languages of the averages that a result has."""
    yield "average", result.average, result.average_ci95, list(result.languages)
    for name, group in result.groups.items():
        yield name, group["value"], group["ci95"], group["languages"]
    others = [tag for tag in result.languages if tag != result.train_language]
    if len(others) == len(result.languages):  # the same once more
        return
    if result.average_transfer is not None and result.average_transfer_ci95 is not None:
        yield (
            f"without {language_name(result.train_language)}",
            result.average_transfer,
            result.average_transfer_ci95,
            others,
        )


def _rows_table(table: Table, rows: Sequence[Row]) -> Block:
    """Title, text table and caption of some rows of a table, a language per line."""
    title = f"{table.task} {table.split}: {table.metric} in percent [95 % interval]"
    caption = f"{items_text(table)} in each of {columns_text(table)}, {seeds_text(table)}"
    made = empty_table()
    for row in rows:
        made.add_column(Text(row.label), justify="right", max_width=CELL_WIDTH - 1, overflow="fold")

    def line(name: str, cells: Iterable[str], last: bool = False) -> None:
        made.add_row(Text(name), *map(Text, cells), end_section=last)

    for name in column_names(table):
        shown = language_name(name) if name in table.languages else column_title(table, name)
        cells = [score_text(row.column(name)) + ("*" if name in row.best else " ") for row in rows]
        line(shown, cells, last=name == column_names(table)[-1])
    if len(table.rows) > 1:
        line(f"against {table.baseline}", (f"{value_text(row.against_baseline)} " for row in rows))
        line("  95 % interval", (f"{interval_text(row.against_baseline)} " for row in rows))
        line("  p", (f"{p_text(row.against_baseline)} " for row in rows))
    if any(row.seed_sd is not None for row in table.rows):
        line("sd over seeds", (f"{sd_text(row)} " for row in rows))
    return title, made, f"{caption}; * {BEST}" if len(table.rows) > 1 else caption


def empty_table() -> RichTable:
    """A table with a column for the names of its lines."""
    made = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    made.add_column("", no_wrap=True)
    return made


def rendered(blocks: Iterable[Block], width: int) -> str:
    """Titles, tables and captions as plain text of that width."""
    console = Console(file=StringIO(), width=width, color_system=None, legacy_windows=False)
    with console.capture() as captured:
        for title, table, caption in blocks:
            # Text: a plain string would be read as markup.
            console.print(Text(title), table, Text(f" {caption}"), "", sep="\n")
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"
