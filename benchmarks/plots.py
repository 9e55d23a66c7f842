"""Pictures of measurements as inline SVG, in the style of the reports.

Places along the axis are per cent of the drawing's width, so text keeps its size on a telephone and on a large screen.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import NamedTuple

HEIGHT, MARGIN = 200, 14  # pixels of a drawing with curves
LEFT, RIGHT = 9, 98  # per cent


Curves = Mapping[str, Sequence[float | None]]  # by name


class Ratio(NamedTuple):
    """A ratio with its range over the turns, and the goal it is held against."""

    name: str
    median: float
    low: float
    high: float
    goal: float | None


def ratios_picture(ratios: Sequence[Ratio]) -> str:
    """A dot and the range of every ratio, a ring for its goal, from 0 to the largest."""
    largest = max(max(ratio.high, ratio.goal or 0) for ratio in ratios)
    step = next((step for step in (0.25, 0.5, 1, 2, 5, 10) if largest / step <= 9), 20)
    ticks = [i * step for i in range(math.ceil(largest / step) + 1)]

    def x(value: float) -> str:
        return f"{2 + 96 * value / ticks[-1]:.2f}%"

    grid = "".join(f'<line class="grid" x1="{x(t)}" x2="{x(t)}" y1="0" y2="26"/>' for t in ticks)
    rows = []
    for ratio in ratios:
        label = escape(f"{ratio.name}: {ratio.median:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]")
        marks = f'<line class="line" x1="{x(ratio.low)}" x2="{x(ratio.high)}" y1="13" y2="13"/>'
        marks += f'<circle class="dot" cx="{x(ratio.median)}" cy="13" r="5"><title>{label}</title></circle>'
        if ratio.goal is not None:
            title = f"<title>goal {ratio.goal:g}</title>"
            marks += f'<circle class="ring c1" cx="{x(ratio.goal)}" cy="13" r="5">{title}</circle>'
        rows.append(
            f'<div class="bar"><div class="name">{escape(ratio.name)}</div>'
            f'<svg class="c3" role="img" aria-label="{label}" height="26">{grid}{marks}</svg>'
            f'<div class="number">{ratio.median:.2f} <small>[{ratio.low:.2f}, {ratio.high:.2f}]</small></div></div>'
        )
    texts = "".join(f'<text x="{x(t)}" y="14" text-anchor="middle">{t:g}</text>' for t in ticks)
    axis = f'<div class="bar"><div></div><svg aria-hidden="true" height="20">{texts}</svg><div></div></div>'
    return f'<div class="picture">{"".join(rows)}{axis}</div>'


def curves_picture(axis: str, at: Sequence[float], curves: Curves) -> str:
    """A line for every curve over the places `at`, which are equally far apart; the other axis is logarithmic."""
    ticks = _ticks(*_range(curves))
    return _curves(axis, at, curves, ticks, lambda value: math.log(value / ticks[0]) / math.log(ticks[-1] / ticks[0]))


def even_picture(axis: str, at: Sequence[float], curves: Curves) -> str:
    """The same with an other axis on which equal differences are equally long."""
    ticks = _even_ticks(*_range(curves))
    return _curves(axis, at, curves, ticks, lambda value: (value - ticks[0]) / (ticks[-1] - ticks[0]))


def _curves(
    axis: str, at: Sequence[float], curves: Curves, ticks: Sequence[float], share: Callable[[float], float]
) -> str:
    """The drawing; `share` is how high up a value is, from 0 at the first tick to 1 at the last."""

    def x(place: int) -> str:
        return f"{LEFT + (RIGHT - LEFT) * (place + 0.5) / len(at):.2f}%"

    def y(value: float) -> str:
        return f"{HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * share(value):.1f}"

    marks = ""
    for tick in ticks:
        marks += f'<line class="grid" x1="{LEFT}%" x2="{RIGHT}%" y1="{y(tick)}" y2="{y(tick)}"/>'
        marks += f'<text x="{LEFT - 1}%" y="{float(y(tick)) + 4:.1f}" text-anchor="end">{tick:g}</text>'
    for place, value in enumerate(at):
        marks += f'<text x="{x(place)}" y="{HEIGHT + 6}" text-anchor="middle">{value:g}</text>'
    marks += f'<text x="{(LEFT + RIGHT) / 2}%" y="{HEIGHT + 24}" text-anchor="middle">{escape(axis)}</text>'
    for number, (name, curve) in enumerate(curves.items()):
        dots = [(x(place), y(value), value) for place, value in enumerate(curve) if value is not None]
        lines = "".join(
            f'<line class="line thin" x1="{a[0]}" y1="{a[1]}" x2="{b[0]}" y2="{b[1]}"/>'
            for a, b in zip(dots, dots[1:], strict=False)
        )
        circles = "".join(
            f'<circle class="dot" cx="{a}" cy="{b}" r="4"><title>{escape(name)}: {value:g}</title></circle>'
            for a, b, value in dots
        )
        marks += f'<g class="{_colour(number)}">{lines}{circles}</g>'
    keys = "".join(
        f'<li><span class="k {_colour(number)}"></span>{escape(name)}</li>' for number, name in enumerate(curves)
    )
    drawing = f'<svg role="img" aria-label="{escape(axis)}" height="{HEIGHT + 30}">{marks}</svg>'
    return f'<ul class="legend">{keys}</ul><div class="picture">{drawing}</div>'


def _colour(number: int) -> str:
    return f"c{number % 12}"


def _range(curves: Curves) -> tuple[float, float]:
    values = [value for curve in curves.values() for value in curve if value is not None]
    return min(values), max(values)


def _even_ticks(low: float, high: float) -> list[float]:
    """Round numbers equally far apart around the values, at least two and at most seven."""
    steps = (digit * 10.0**power for power in range(-6, 12) for digit in (1, 2, 5))
    step = next(step for step in steps if (high - low) / step <= 5 and step > 0.01 * abs(high))
    first, last = math.floor(low / step), math.ceil(high / step)
    return [i * step for i in range(first, max(last, first + 1) + 1)]


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers (1, 2, 5 times a power of ten) around the values, at least two."""
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    all_ = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    first = max(i for i, tick in enumerate(all_) if tick <= low)
    last = min(i for i, tick in enumerate(all_) if tick >= high)
    return all_[first : max(last, first + 1) + 1]
