"""Pictures of a comparison as inline SVG.

Every picture is a column of rows: a name in HTML, a drawing as wide as it may be, a number in HTML. Places along the
axis are per cent of the drawing's width, so text keeps its size on a telephone and on a large screen.
"""

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from isogloss.evaluation.bootstrap import Score
from isogloss.evaluation.cells import score_text
from isogloss.evaluation.compare import Row, Table
from isogloss.evaluation.labels import language_name

COLOURS = 12


class Axis(NamedTuple):
    """A linear axis in percent of the score, from `low` to `high`, with gridlines every `step`."""

    low: float
    high: float
    step: float

    @property
    def ticks(self) -> list[float]:
        """Where the gridlines are."""
        return [self.low + i * self.step for i in range(round((self.high - self.low) / self.step) + 1)]

    def x(self, value: float) -> str:
        """Where a value lies, in per cent of the drawing's width; a margin keeps the end dots inside."""
        return f"{2 + 96 * (value - self.low) / (self.high - self.low):.2f}%"


def axis(values: Iterable[float]) -> Axis:
    """An axis that holds the values (scores in percent) between round ends, with at most ten gridlines."""
    found = list(values)
    low, high = min(found), max(found)
    step = next((step for step in (1, 2, 5, 10) if (high - low) / step <= 8), 20)
    start, end = max(0, math.floor(low / step) * step), min(100, math.ceil(high / step) * step)
    return Axis(start, end if end > start else start + step, step)


def table_axis(table: Table) -> Axis:
    """The axis that holds every score and interval of a table, so that its pictures can be read side by side."""
    cells = [score for row in table.rows for score in (*row.languages.values(), row.average)]
    return axis(x for cell in cells for x in (cell.value, *cell.ci95))


def averages_picture(table: Table) -> str:
    """The average of every row with its interval, over faint dots for its languages."""
    scale = table_axis(table)
    baseline = table.rows[0].average.value

    def drawing(index: int, row: Row) -> str:
        faint = "".join(
            _dot(scale, score.value, 24, 2.5, "faint", f"{language_name(tag)}: {score_text(score)}")
            for tag, score in row.languages.items()
        )
        line = f'<line class="base" x1="{scale.x(baseline)}" x2="{scale.x(baseline)}" y1="0" y2="30"/>'
        marks = _grid(scale, 30) + line + faint + _interval(scale, row.average, 12, 5, row.label)
        return _svg(f"{row.label}: {score_text(row.average)}", 30, marks, f"c{index % COLOURS}")

    rows = [
        _row(row.label, drawing(i, row), _number(f"{row.average.value:.1f}", row.average.ci95), i)
        for i, row in enumerate(table.rows)
    ]
    return _picture([*rows, _row("", _ticks(scale), "")])


def languages_picture(table: Table) -> str:
    """For every language the rows' scores with intervals, the training language first, then from easy to hard."""
    scale, space = table_axis(table), 9
    height = space * len(table.rows) + 11

    def ease(tag: str) -> tuple[bool, float]:
        return tag != table.train_language, -sum(row.languages[tag].value for row in table.rows)

    def drawing(tag: str) -> str:
        marks = "".join(
            f'<g class="c{i % COLOURS}">{_interval(scale, row.languages[tag], 10 + space * i, 3.5, row.label)}</g>'
            for i, row in enumerate(table.rows)
        )
        return _svg(f"{language_name(tag)}, all rows", height, _grid(scale, height) + marks)

    rows = [_row(language_name(tag), drawing(tag)) for tag in sorted(table.languages, key=ease)]
    ends = _row("", _ticks(scale))
    return legend(table) + _picture([*([ends] if len(rows) > 8 else []), *rows, ends])


def gaps_picture(table: Table) -> str:
    """For every row the training language (ring) and the mean of the others (dot), and the gap between them."""
    scale = table_axis(table)

    def drawing(index: int, row: Row) -> str:
        source, others = row.languages[table.train_language], row.transfer
        assert others is not None
        a, b = scale.x(others.value), scale.x(source.value)
        marks = (
            f'<line class="line thin" x1="{a}" x2="{b}" y1="14" y2="14"/>'
            + _dot(scale, others.value, 14, 6, "dot", f"{row.label}, other languages: {score_text(others)}")
            + _dot(
                scale,
                source.value,
                14,
                6,
                "ring",
                f"{row.label}, {table.train_language}: {score_text(source)}",
            )
        )
        return _svg(f"{row.label}: gap", 28, _grid(scale, 28) + marks, f"c{index % COLOURS}")

    rows = [
        _row(row.label, drawing(i, row), _number(f"{row.gap.value:.1f}".replace("-", "−"), row.gap.ci95), i)
        for i, row in enumerate(table.rows)
        if row.gap is not None
    ]
    return _picture([*rows, _row("", _ticks(scale), "")])


class Mark(NamedTuple):
    """A score to be drawn: its row's name, its interval if it has one, and whether it is drawn as a ring."""

    name: str
    value: float
    ci95: tuple[float, float] | None
    hollow: bool
    colour: int


def marks_picture(marks: Sequence[Mark]) -> str:
    """A score per row, with its interval where it has one."""
    scale = axis(x for mark in marks for x in (mark.value, *(mark.ci95 or ())))

    def drawing(mark: Mark) -> str:
        label = f"{mark.name}: {mark.value:.1f}"
        shape = "ring" if mark.hollow else "dot"
        drawn = (
            _dot(scale, mark.value, 12, 5, shape, label)
            if mark.ci95 is None
            else _interval(scale, Score(mark.value, mark.ci95, 0), 12, 5, mark.name)
        )
        return _svg(label, 24, _grid(scale, 24) + drawn, f"c{mark.colour % COLOURS}")

    def number(mark: Mark) -> str:
        return f"{mark.value:.1f}" if mark.ci95 is None else _number(f"{mark.value:.1f}", mark.ci95)

    rows = [_row(mark.name, drawing(mark), number(mark), mark.colour) for mark in marks]
    return _picture([*rows, _row("", _ticks(scale), "")])


def legend(table: Table) -> str:
    """The rows' colours with their labels."""
    items = "".join(f"<li>{_key(i)}{escape(row.label)}</li>" for i, row in enumerate(table.rows))
    return f'<ul class="legend">{items}</ul>'


def _picture(rows: Sequence[str]) -> str:
    return f'<div class="picture">{"".join(rows)}</div>'


def _row(name: str, drawing: str, number: str | None = None, index: int | None = None) -> str:
    key = "" if index is None else _key(index)
    label = f'<div class="name">{key}{escape(name)}</div>'
    if number is None:
        return f'<div class="bar wide">{label}{drawing}</div>'
    return f'<div class="bar">{label}{drawing}<div class="number">{number}</div></div>'


def _key(index: int) -> str:
    return f'<span class="k c{index % COLOURS}"></span>'


def _number(value: str, ci95: tuple[float, float]) -> str:
    low, high = (f"{x:.0f}".replace("-", "−") for x in ci95)
    return f"{value} <small>[{low}, {high}]</small>"


def _svg(label: str, height: float, content: str, colour: str = "") -> str:
    kind = f' class="{colour}"' if colour else ""
    return f'<svg{kind} role="img" aria-label="{escape(label)}" height="{height}">{content}</svg>'


def _grid(scale: Axis, height: float) -> str:
    return "".join(
        f'<line class="grid" x1="{scale.x(tick)}" x2="{scale.x(tick)}" y1="0" y2="{height}"/>' for tick in scale.ticks
    )


def _ticks(scale: Axis) -> str:
    texts = "".join(f'<text x="{scale.x(tick)}" y="14" text-anchor="middle">{tick:g}</text>' for tick in scale.ticks)
    return f'<svg aria-hidden="true" height="20">{texts}</svg>'


def _interval(scale: Axis, score: Score, y: float, radius: float, label: str) -> str:
    low, high = map(scale.x, score.ci95)
    thin = " thin" if radius < 5 else ""
    return f'<line class="line{thin}" x1="{low}" x2="{high}" y1="{y}" y2="{y}"/>' + _dot(
        scale, score.value, y, radius, "dot", f"{label}: {score_text(score)}"
    )


def _dot(scale: Axis, value: float, y: float, radius: float, kind: str, label: str) -> str:
    title = f"<title>{escape(label)}</title>"
    return f'<circle class="{kind}" cx="{scale.x(value)}" cy="{y}" r="{radius}">{title}</circle>'
