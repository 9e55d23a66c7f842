"""What a page of results is made of, and how numbers are written on it."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """A table: the first column names the row."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Picture:
    """A drawing, which only the HTML page shows."""

    drawing: str
    caption: str


@dataclass(frozen=True)
class Heading:
    """A heading within a part."""

    text: str


Piece = str | Table | Picture | Heading  # a text is a paragraph
Describe = Callable[[Mapping[str, Any]], Iterator[Piece]]


def three(found: Mapping[str, float]) -> tuple[float, float, float]:
    """Median, lowest and highest of a ratio."""
    return found["median"], found["low"], found["high"]


def ratio(found: Mapping[str, float] | None) -> str:
    """A ratio with its range over the turns; a dash where there is none."""
    return "–" if found is None else "{:.2f} [{:.2f}, {:.2f}]".format(*three(found))


def seconds(times: Sequence[float]) -> str:
    """The median of some times."""
    return f"{statistics.median(times):.3g}"


def number(value: float | None) -> str:
    """A number with one decimal; a dash where there is none."""
    return "–" if value is None else f"{value:,.1f}"
