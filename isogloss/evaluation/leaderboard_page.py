"""The table of a benchmark as an HTML page with pictures, and into a file of any of its forms."""

import json
from html import escape
from itertools import groupby
from pathlib import Path

from isogloss.errors import UserError
from isogloss.evaluation.leaderboard import Leaderboard
from isogloss.evaluation.leaderboard_tables import (
    MARK,
    Grid,
    Line,
    grids,
    leaderboard_markdown,
    section_title,
    source_text,
)
from isogloss.evaluation.pictures import Mark, marks_picture
from isogloss.evaluation.report import figure, page, scroll
from isogloss.files import write_atomic


def write_leaderboard(board: Leaderboard, path: Path, *, command: str | None = None) -> None:
    """Nothing; writes the table to `path`, as its ending says: .html, .md or .json.

    Raises:
        UserError: it ends otherwise, or the place cannot be written.
    """
    forms = {
        ".html": lambda: leaderboard_html(board, command=command),
        ".md": lambda: leaderboard_markdown(board),
        ".json": lambda: json.dumps(board.to_json(), ensure_ascii=False, indent=2, allow_nan=False) + "\n",
    }
    if path.suffix not in forms:
        raise UserError(
            f"--output {path}: no form for {path.suffix or 'a name without an ending'}; use .html, .md, .json"
        )
    write_atomic(path, forms[path.suffix]())


def leaderboard_html(board: Leaderboard, *, command: str | None = None) -> str:
    """The page: the grids, a picture for each column with an own score, and where the rows come from."""
    scores, *tasks = grids(board)
    body = [f"<h1>{escape(board.benchmark.title)}</h1>", _section(scores)]
    body += [_pictures(board), *map(_section, tasks), "<h2>Where the numbers come from</h2>", _sources(board)]
    return page(board.benchmark.title, "\n".join(body), command)


def _section(grid: Grid) -> str:
    bodies = [
        _body(section, list(lines), len(grid.columns))
        for section, lines in groupby(grid.lines, key=lambda line: line.section)
    ]
    notes = "".join(f"<li>{escape(note)}</li>" for note in grid.notes)
    table = scroll(["", *grid.columns], "".join(bodies))
    return f'<h2>{escape(grid.title)}</h2>{table}<ul class="note">{notes}</ul>'


def _body(section: str, lines: list[Line], columns: int) -> str:
    title = f'<tr class="section"><th scope="rowgroup">{escape(section)}</th><td colspan="{columns}"></td></tr>'
    rows = (
        f"<tr><th scope='row'>{escape(line.name)}</th>"
        + "".join(f"<td>{escape(text)}<small>{escape(detail)}</small></td>" for text, detail in line.cells)
        + "</tr>"
        for line in lines
    )
    kind = "" if section.strip() or not section else ' class="total"'
    return f"<tbody{kind}>{title if section.strip() else ''}{''.join(rows)}</tbody>"


def _pictures(board: Leaderboard) -> str:
    """A picture of every column in which an own row has a score."""
    parts = []
    for name, title in board.benchmark.columns.items():
        marks = [
            Mark(
                entry.name if entry.own else f"{entry.name}, {entry.setting}{MARK if cell.from_memory else ''}",
                cell.value,
                cell.ci95,
                cell.from_memory,
                1 + i if entry.own else 0,
            )
            for i, entry in enumerate(board.entries)
            if (cell := entry.cells[name]).value is not None
        ]
        if any(entry.own and entry.cells[name].value is not None for entry in board.entries):
            caption = "Own results in colour, with intervals where there are; rings: from memory."
            parts.append(f"<h3>{escape(title)}</h3>{figure(marks_picture(marks), caption)}")
    return f"<h2>Pictures</h2>{''.join(parts)}" if parts else ""


def _sources(board: Leaderboard) -> str:
    lines = "".join(
        f"<dt>{escape(entry.name)}</dt><dd>{escape(f'{section_title(entry.setting)}: {source_text(entry)}')}</dd>"
        for entry in board.entries
    )
    return f"<dl>{lines}</dl>"
