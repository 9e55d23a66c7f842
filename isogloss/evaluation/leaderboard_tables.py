"""The table of a benchmark as text and Markdown: first tasks by rows, then the languages of each task.

Both are made from the same grids, and so is the HTML page: what a cell says is decided once.
"""

import shutil
import sys
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import NamedTuple

from rich.text import Text

from isogloss.evaluation.benchmarks import BenchmarkTask
from isogloss.evaluation.entries import OWN, Cell, Entry
from isogloss.evaluation.labels import language_name
from isogloss.evaluation.leaderboard import Leaderboard
from isogloss.evaluation.show import Block, empty_table, rendered
from isogloss.evaluation.tables import markdown_line, markdown_text

MARK = "†"
LEGEND = f"{MARK} from memory: nobody has checked the value against its source"
LABEL_WIDTH = 36  # characters


class Shown(NamedTuple):
    """A cell: what stands large, and what stands small below or beside it."""

    text: str
    detail: str = ""


class Line(NamedTuple):
    """A line of a grid; the section is told above the first line of it."""

    name: str
    cells: tuple[Shown, ...]
    section: str = ""


class Grid(NamedTuple):
    """A table of texts."""

    title: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]


def leaderboard_text(board: Leaderboard, width: int | None = None) -> str:
    """The grids as plain text; `width` is by default the terminal's, or as wide as needed where there is none."""
    made = grids(board)
    if width is None:
        wanted = max(LABEL_WIDTH + cell_width(grid) * len(grid.columns) for grid in made)
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else max(wanted, 80)
    return rendered([block for grid in made for block in _text_blocks(grid, width)], width)


def cell_width(grid: Grid) -> int:
    """The characters of a column in a text: as many as the longest word of a title, within bounds."""
    words = [word for title in grid.columns for word in title.split()]
    return min(max([10, *map(len, words)]), 16) + 2


def leaderboard_markdown(board: Leaderboard) -> str:
    """The grids in Markdown, and where the rows come from."""
    parts = [f"# {board.benchmark.title}"]
    for grid in grids(board):
        lines = [markdown_line(["", *grid.columns]), markdown_line(["---", *["---:"] * len(grid.columns)])]
        for section, line in with_sections(grid.lines):
            if section:
                lines.append(markdown_line([f"**{section}**", *[""] * len(grid.columns)]))
            lines.append(markdown_line([line.name, *(f"{text} {detail}".strip() for text, detail in line.cells)]))
        notes = "\n".join(f"- {markdown_text(note)}" for note in grid.notes)
        parts += [f"## {markdown_text(grid.title)}", "\n".join(lines), notes]
    sources = (f"- {markdown_text(f'{entry.name}, {entry.setting}: {source_text(entry)}')}" for entry in board.entries)
    return "\n\n".join([*parts, "## Sources", "\n".join(sources)]) + "\n"


def with_sections(lines: Sequence[Line]) -> Iterator[tuple[str, Line]]:
    """The lines, each with the name of the section that begins with it, if one does."""
    before = ""
    for line in lines:
        yield ("" if line.section == before else line.section), line
        before = line.section


def grids(board: Leaderboard) -> list[Grid]:
    """The grid of all tasks and, for every task with own results, that of its languages."""
    own = [entry for entry in board.entries if entry.own]
    tested = [name for name in board.benchmark.tasks if any(name in entry.languages for entry in own)]
    return [scores_grid(board), *(languages_grid(board, name) for name in tested)]


def scores_grid(board: Leaderboard) -> Grid:
    """Rows by overall score, groups and tasks."""
    benchmark = board.benchmark
    lines = tuple(
        Line(
            entry.name, tuple(cell_text(entry.cells[name]) for name in benchmark.columns), section_title(entry.setting)
        )
        for entry in board.entries
    )
    several = [task.title for task in benchmark.tasks.values() if len(task.metrics) > 1]
    notes = [
        "percent; a task's score is the mean over all its languages, English included, a group's the mean of its tasks,"
        f" overall the mean of all {len(benchmark.tasks)}; there is none where one is missing",
        *([f"{', '.join(several)}: the mean of F1 and exact match (F1/EM)"] if several else []),
        "brackets: 95 % interval of own results, bootstrap over items; seeds are averaged",
        LEGEND,
        *missing_notes(board),
    ]
    return Grid(f"{benchmark.title}, test", tuple(benchmark.columns.values()), lines, tuple(notes))


def languages_grid(board: Leaderboard, name: str) -> Grid:
    """The languages of a task by own rows, below its score and the gap to English."""
    task = board.benchmark.tasks[name]
    entries = [entry for entry in board.entries if name in entry.languages]
    present = [entry.languages[name] for entry in entries]
    lines = [Line("score", tuple(cell_text(entry.cells[name]) for entry in entries), " ")]
    if any(entry.cells[name].value is None for entry in entries):
        told = "mean of those present, no score"
        lines.append(Line(told, tuple(_partial(entry, task) for entry in entries), " "))
    notes = []
    if any(name in entry.gaps for entry in entries):
        gaps = (Shown(f"{entry.gaps[name]:+.1f}".replace("-", "−")) for entry in entries if name in entry.gaps)
        lines.append(Line("gap to English", tuple(next(gaps) if name in e.gaps else Shown("–") for e in entries), " "))
        notes.append("gap to English: English minus the mean of the other languages, where none is missing")
    for tag in task.languages:
        lines.append(Line(language_name(tag), tuple(cell_text(found.get(tag, Cell())) for found in present)))
    return Grid(f"{task.title}: {' and '.join(task.metrics)} in percent", _names(entries), tuple(lines), tuple(notes))


def cell_text(cell: Cell) -> Shown:
    """A score with its mark; below it its interval or its parts. A dash where there is none."""
    mark = MARK if cell.from_memory else ""
    if cell.value is None:
        return Shown("–", ", ".join(f"{name} {value:.1f}{mark}" for name, value in cell.parts.items()))
    if cell.parts:
        return Shown(f"{cell.value:.1f}{mark}", "/".join(f"{value:.1f}" for value in cell.parts.values()))
    interval = "" if cell.ci95 is None else f"[{cell.ci95[0]:.0f}, {cell.ci95[1]:.0f}]"
    return Shown(f"{cell.value:.1f}{mark}", interval)


def missing_notes(board: Leaderboard) -> list[str]:
    """What own rows lack, rows that lack the same together."""
    found: dict[str, list[str]] = {}
    for entry in board.entries:
        if entry.own and (told := missing_text(board, entry)):
            found.setdefault(told, []).append(entry.name)
    return [f"no overall score of {'; '.join(names)}: {told}" for told, names in found.items()]


def missing_text(board: Leaderboard, entry: Entry) -> str:
    """`no results on UD-POS; XNLI lacks sw`; empty if nothing is missing."""
    titles = {name: task.title for name, task in board.benchmark.tasks.items()}
    absent = [title for name, title in titles.items() if name not in entry.languages]
    lacking = [
        f"{title} lacks {', '.join(entry.cells[name].missing)}"
        for name, title in titles.items()
        if name in entry.languages and entry.cells[name].missing
    ]
    return "; ".join([*([f"no results on {', '.join(absent)}"] if absent else []), *lacking])


def section_title(setting: str) -> str:
    """The title of the rows of a setting."""
    return setting if setting == OWN else f"published, {setting}"


def source_text(entry: Entry) -> str:
    """Where the scores of a row come from, and what is to be said about them."""
    return f"{entry.source}. {entry.note}".rstrip(". ") + "."


def _partial(entry: Entry, task: BenchmarkTask) -> Shown:
    """The mean over the languages that are there and their number, for a task without a score."""
    values = [cell.value for cell in entry.languages[task.name].values() if cell.value is not None]
    if entry.cells[task.name].value is not None or not values:
        return Shown("–")
    return Shown(f"({fmean(values):.1f})", f"{len(values)} of {len(task.languages)}")


def _names(entries: Sequence[Entry]) -> tuple[str, ...]:
    return tuple(entry.name for entry in entries)


def _text_blocks(grid: Grid, width: int) -> Iterator[Block]:
    """The grid cut into as many columns as fit beside the names."""
    cell = cell_width(grid)
    step = max(1, (width - LABEL_WIDTH) // cell)
    for start in range(0, len(grid.columns), step):
        chosen = slice(start, start + step)
        made = empty_table()
        for title in grid.columns[chosen]:
            made.add_column(Text(title), justify="right", max_width=cell - 1, overflow="fold")
        for section, line in with_sections(grid.lines):
            if section.strip():
                made.add_row(Text(f"— {section}"))
            made.add_row(Text(line.name), *(Text(f"{text}\n{detail}".rstrip()) for text, detail in line.cells[chosen]))
        yield grid.title, made, "\n ".join(grid.notes) if start + step >= len(grid.columns) else ""
