"""The page on retrieval: what the files of its benchmarks become, as texts, tables and pictures."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks import rankers_page, score_matrices_page
from benchmarks.pieces import Describe, Heading, Piece, Table

INTRODUCTION = """Search across languages: how fast an index answers and how much it finds. What was measured on
generated vectors says nothing about how good an encoder is."""


def _vectors(content: Mapping[str, Any]) -> Iterator[Piece]:
    made, k = content["build"], content["K"]
    yield (
        f"{content['vectors']:,} unit vectors of {content['dimension']} dimensions ({content['precision']}), generated "
        "around centres, with a document each. Memory is the peak of a process, mapped pages included. Recall: the "
        f"share of the {k} nearest by exact search that is found; when built {100 * made['recall_at_build']:.1f} %, "
        f"with documents as queries. {made['lists']:,} lists, {made['probes']} of them looked at. On disk "
        f"{made['disk_MB']:,.0f} MB."
    )
    yield Table(
        ["step", "seconds", "a second", "MB"],
        [
            ["add vectors and documents", f"{made['seconds_adding']:.1f}", "", ""],
            ["build the lists, measure recall", f"{made['seconds_lists']:.1f}", "", ""],
            [
                "both",
                f"{made['seconds_adding'] + made['seconds_lists']:.1f}",
                f"{made['vectors_per_second']:,.0f} vectors",
                f"{made['peak_MB']:,.0f}",
            ],
        ],
    )
    yield Table(
        ["search", f"recall@{k}, %", "queries/s, one by one", "queries/s, together", "opened in, ms", "MB"],
        [
            [
                name,
                f"{100 * content[name].get('recall', 1):.1f}",
                f"{content[name]['queries_per_second_one_by_one']:,.1f}",
                f"{content[name]['queries_per_second_together']:,.0f}",
                f"{1000 * content[name]['seconds_to_open']:,.0f}",
                f"{content[name]['peak_MB']:,.0f}",
            ]
            for name in ("exact", "approximate")
        ],
    )
    other = content["alternatives"]
    yield Heading("Lists or a graph")
    yield (
        f"{other['vectors']:,} vectors in memory, all queries at once, without our documents and exact scores. "
        "Where few are around a centre the nearest are hardly nearer than others, and harder to find."
    )
    yield Table(
        ["around a centre, index", "built in, s", "ms a query", f"recall@{k}, %"],
        [
            [
                f"{row['around']}, {row['index']}, {knob} {row[knob]}",
                f"{row['seconds_to_build']:.1f}",
                f"{row['ms_per_query']:.3f}",
                f"{100 * row['recall']:.1f}",
            ]
            for row in other["tried"]
            for knob in ("probes", "ef")
            if knob in row
        ],
    )


def _candidates(content: Mapping[str, Any]) -> Iterator[Piece]:
    yield (
        f"A context and {content['candidates']} candidates of {content['tokens']} tokens, by networks of the size of "
        f"`{content['encoder']}`, one pool after another: the Uni-Encoder reads the context once and all candidates "
        "with it, a cross-encoder reads the context with each candidate, a bi-encoder each text alone. Weighed: the "
        "context counts less than the candidate that reads it, and the score is a cosine. Times as fast as our "
        "cross-encoder: median of the turns, in brackets the lowest and the highest."
    )
    yield Table(
        ["tokens of the context, ranker", "ms a pool", "times as fast as the cross-encoder"],
        [
            [f"{length}, {name}", f"{row['milliseconds']:.1f}", _ratio(measured["times as fast"].get(name))]
            for length, measured in content["contexts"].items()
            for name, row in measured["rankers"].items()
        ],
    )


def _ratio(found: Mapping[str, float] | None) -> str:
    return f"{found['median']:.2f} [{found['low']:.2f}, {found['high']:.2f}]" if found else "1"


PARTS: dict[str, tuple[str, str, Describe]] = {
    "A million vectors": ("vector_index", "vector_index", _vectors),
    "All candidates in one reading": ("candidates", "candidates", _candidates),
    **rankers_page.PARTS,
    **score_matrices_page.PARTS,
}
