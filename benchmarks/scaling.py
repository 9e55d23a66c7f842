"""How speed grows and falls: examples per second against length, sides, languages, batch size and depth.

    python -m benchmarks.scaling [--curves length,sides,languages,batch,depth] [--output results/bench/scaling.json]

One thing varies at a time; everything else stays at a classifier of twelve layers, hidden size 256, eight pairs of at
most 128 tokens that are a third full, one local and one fusion layer. Ours and, where there are two sides, the released
layout take turns. The languages of an item share one English text and are read in one call. About ten minutes on two
cores.
"""

import argparse
import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import workload
from benchmarks.speed import chosen
from benchmarks.turns import circumstances, in_turns, rounded
from benchmarks.workload import LAYOUTS, SHAPES, STAGES, Shape, Size, Workload
from isogloss.cli import run_guarded
from isogloss.files import write_atomic
from isogloss.kinds import Example

SHAPE, SIZE, PAIRS = replace(SHAPES["classification"], max_length=128), Size(layers=12), 8
AXES = {
    "length": "tokens that a text may have",
    "sides": "texts read together",
    "languages": "languages that share an English text",
    "batch": "pairs in a batch",
    "depth": "layers",
}


class Point(NamedTuple):
    """A place on a curve, and what is read there."""

    at: int
    shape: Shape
    size: Size
    lengths: Sequence[Sequence[int]]
    shared: bool = False  # whether all pairs have the first one's English text


def points(curve: str, shape: Shape, size: Size, pairs: int) -> Iterator[Point]:
    """The places of a curve."""
    longest, deepest = shape.max_length, size.layers
    lengths = workload.third_full(longest, pairs)
    if curve == "length":
        for length in (longest // 4, longest // 2, longest, 2 * longest, 4 * longest):
            yield Point(length, replace(shape, max_length=length), size, workload.third_full(length, pairs))
    elif curve == "sides":
        for sides in (2, 3, 4):
            yield Point(sides, shape, size, [(each * 2)[:sides] for each in lengths])
    elif curve == "languages":
        for languages in (1, 2, 4, 8, 16):
            yield Point(languages, shape, size, workload.third_full(longest, languages), shared=True)
    elif curve == "batch":
        for batch in (1, 2, 4, 8, 16, 32):
            yield Point(batch, shape, size, workload.third_full(longest, batch))
    else:
        for depth in (deepest // 4, deepest // 2, deepest, 2 * deepest):
            yield Point(depth, shape, replace(size, layers=depth), lengths)


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", default=",".join(AXES), help="separated by commas")
    parser.add_argument("--repeats", type=int, default=3, help="turns")
    parser.add_argument("--quick", action="store_true", help="a tiny encoder, to see that it runs")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    run_guarded(lambda: scaling(given))


def scaling(given: argparse.Namespace) -> None:
    """Measure every curve, print a line for each of its points, and write them to the output."""
    shape, size = (SHAPE.tiny(), replace(workload.TINY, layers=8)) if given.quick else (SHAPE, SIZE)
    curves: dict[str, Any] = {}
    for curve in chosen(given.curves, list(AXES)):
        curves[curve] = {"axis": AXES[curve], "points": []}
        for point in points(curve, shape, size, PAIRS):
            found = rounded({"at": point.at} | measure(point, given.repeats))
            curves[curve]["points"].append(found)
            told = (
                f"{stage} " + ", ".join(f"{layout} {value:g}" for layout, value in found[stage].items())
                for stage in STAGES
            )
            print(f"{point.at} {AXES[curve]}: examples/s in {'; '.join(told)}", flush=True)
    if given.output:
        content = {"curves": curves, "repeats": given.repeats} | circumstances()
        write_atomic(given.output, json.dumps(content, indent=1) + "\n")


def measure(point: Point, repeats: int) -> dict[str, dict[str, float]]:
    """Examples per second of every layout in training and inference, the median of the turns."""
    network, kind = workload.build(point.shape, point.size)
    given = workload.examples(kind, point.lengths, point.size.vocabulary)
    if point.shared:
        given = [replace(example, sides=(example.sides[0], given[0].sides[1])) for example in given]
    work = Workload(network, kind, point.shape, given)
    layouts = LAYOUTS if work.pairs else ("ours",)
    return {stage: _per_second(given, work, layouts, stage, repeats) for stage in STAGES}


def _per_second(
    given: Sequence[Example], work: Workload, layouts: Sequence[str], stage: str, repeats: int
) -> dict[str, float]:
    seconds = in_turns({layout: work.action(layout, stage) for layout in layouts}, repeats)
    return {layout: len(given) / statistics.median(times) for layout, times in seconds.items()}


if __name__ == "__main__":
    main()
