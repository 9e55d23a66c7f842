"""The page on speed: what the file of each benchmark becomes, as texts, tables and pictures."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.pieces import Describe, Heading, Picture, Piece, Table, number, ratio, seconds, three
from benchmarks.plots import Ratio, curves_picture, ratios_picture

STAGES = {"training": "A training step", "inference": "Reading a batch"}
FILLS = {"third": "a third", "full": "full"}
PLAIN = {"plain": "ours, target text alone", "library": "transformers, text by text"}
INTRODUCTION = """The released layout pads both sides to the longest text allowed, reads each by itself outside the
fusion, writes its attention scores out and applies the head to every position. The reference that the benchmarks
compare with was written for that purpose and reads the same weights; its outputs are ours, and a benchmark that finds
them different stops. Things that are compared run in one process and take turns. Ratios are taken turn by turn: the
median, and in brackets the smallest and the largest."""


def _name(row: Mapping[str, Any]) -> str:
    m, k = row["fused"]
    return f"{row['shape']} ({m}, {k}), {row['max_length']} tokens, {FILLS[row['fill']]}"


def _goal(row: Mapping[str, Any], name: str) -> str:
    goal = row.get("goals", {}).get(name)
    return "–" if goal is None else f"{goal:g}"


def _speed(content: Mapping[str, Any]) -> Iterator[Piece]:
    size, rows = content["size"], content["measured"]
    yield (
        f"{size['layers']} layers, hidden size {size['hidden']}, {size['heads']} heads, feed-forward "
        f"{size['feed_forward']}, {size['parameters'] / 1e6:.0f} million parameters, {size['precision']}, "
        f"{size['pairs']} pairs in a batch, {content['repeats']} turns. (m, k): local and "
        "fusion layers. Fill: how much of the padded length the texts take."
    )
    for stage, title in STAGES.items():
        yield Heading(title)
        yield from _stage(stage, rows)
    yield Heading("Reading a stream as the commands do")
    yield from _stream(rows)
    yield Heading("FILTER over the plain encoder")
    yield (
        "How many times as long FILTER reads a text with its translation as the plain encoder reads the text alone: by "
        "the same code, and by transformers' own, one text after the other."
    )
    found = [[ratio(row["inference"]["to_plain"].get(name)) for name in PLAIN] for row in rows]
    yield Table(
        ["shape", *PLAIN.values(), "goal"],
        [[_name(row), *ratios, _goal(row, "to_plain")] for row, ratios in zip(rows, found, strict=True)],
    )
    if any("processes" in row for row in rows):
        yield Heading("Memory, and the time to the first batch")
        yield from _processes(rows)
    yield Heading("The outputs are the same")
    yield Table(
        ["largest difference, float32", "target logits of real tokens", "loss"],
        [[_name(row), *(f"{row['differences'][name]:.1e}" for name in ("logits", "loss"))] for row in rows],
    )


Rows = Sequence[Mapping[str, Any]]


def _stage(stage: str, rows: Rows) -> Iterator[Piece]:
    shares = any("share_of_peak" in row[stage] for row in rows)
    header = ["shape", "released, s", "ours, s", "times as fast", "goal", "ours, real tokens/s"]
    yield Table(
        header + ["share of the bf16 peak"] * shares,
        [
            [
                _name(row),
                *(seconds(row[stage]["seconds"][layout]) for layout in ("released", "ours")),
                ratio(row[stage]["ratio"]),
                _goal(row, stage),
                f"{row[stage]['tokens_per_second']:,.0f}",
                *([f"{row[stage]['share_of_peak']:.0%}" if "share_of_peak" in row[stage] else "–"] * shares),
            ]
            for row in rows
        ],
    )
    ratios = [Ratio(_name(row), *three(row[stage]["ratio"]), row.get("goals", {}).get(stage)) for row in rows]
    yield Picture(ratios_picture(ratios), "Times as fast as the released layout; ring: the goal.")


def _stream(rows: Rows) -> Iterator[Piece]:
    yield (
        "The released layout reads batch by batch; ours makes its own batches, of 4,096 tokens. In brackets after a "
        "lower precision: the largest difference of a logit from float32, as a share of the largest logit."
    )
    lower = [name for name in rows[0]["stream"]["ratio"] if name != "ours"]

    def in_precision(found: Mapping[str, Any], name: str) -> str:
        return f"{ratio(found['ratio'][name])} ({found['differences'][name] / found['largest_logit']:.1%})"

    yield Table(
        ["shape", "pairs", "released, s", "ours, s", "times as fast", *(f"{name}, times as fast" for name in lower)],
        [
            [
                _name(row),
                str(row["stream"]["pairs"]),
                *(seconds(row["stream"]["seconds"][layout]) for layout in ("released", "ours")),
                ratio(row["stream"]["ratio"]["ours"]),
                *(in_precision(row["stream"], name) for name in lower),
            ]
            for row in rows
        ],
    )


def _processes(rows: Rows) -> Iterator[Piece]:
    yield (
        "One process for each row. Seconds: from the start of Python to the end of the first step. Memory: the "
        "peak before the first step and after the second."
    )
    yield Table(
        ["shape, stage, layout", "first batch, s", "ready, MB", "peak, MB", "MB per pair"],
        [
            [
                f"{row['shape']}, {stage}, {layout}",
                f"{found['first_seconds']:.1f}",
                f"{found['ready_MB']:.0f}",
                f"{found['peak_MB']:.0f}",
                f"{found['MB_per_pair']:.1f}" if "MB_per_pair" in found else "–",
            ]
            for row in rows
            for stage, layouts in row.get("processes", {}).items()
            for layout, found in layouts.items()
        ],
    )


def _again(content: Mapping[str, Any]) -> Iterator[Piece]:
    rows = content["measured"]
    yield Table(
        ["times as fast as released", *(title.lower() for title in STAGES.values()), "reading a stream"],
        [
            [_name(row), *(ratio(row[stage]["ratio"]) for stage in STAGES), ratio(row["stream"]["ratio"]["ours"])]
            for row in rows
        ],
    )


def _scaling(content: Mapping[str, Any]) -> Iterator[Piece]:
    yield (
        "Examples per second of a classifier of twelve layers, hidden size 256, eight pairs of at most 128 tokens that "
        "are a third full, (1, 1); one thing varies at a time. The released layout knows two sides."
    )
    for curve in content["curves"].values():
        yield Heading(f"Against {curve['axis']}")
        points = curve["points"]
        names = [(stage, layout) for stage in STAGES for layout in ("released", "ours")]
        yield Table(
            [curve["axis"], *(", ".join(name) for name in names)],
            [[str(point["at"]), *(number(point[stage].get(layout)) for stage, layout in names)] for point in points],
        )
        lines = {", ".join((stage, layout)): [p[stage].get(layout) for p in points] for stage, layout in names}
        drawing = curves_picture(curve["axis"], [point["at"] for point in points], lines)
        yield Picture(drawing, "Examples per second, logarithmic.")


def _command(content: Mapping[str, Any]) -> Iterator[Piece]:
    rows = content["measured"]
    yield (
        f"{content['command']} with the encoder {content['encoder']}, from the shell and back: {rows[0]['pairs']:,} "
        f"pairs in {content['languages']} languages, which share their English texts."
    )
    yield Table(
        ["precision", "seconds", "of them reading and scoring", "pairs/s", "peak, MB"],
        [
            [
                row["precision"],
                f"{row['seconds']:.1f}",
                f"{row['seconds_of_scoring']:.1f}",
                f"{row['pairs_per_second']:.0f}",
                f"{row['peak_MB']:.0f}",
            ]
            for row in rows
        ],
    )


def _startup(content: Mapping[str, Any]) -> Iterator[Piece]:
    medians = {name: statistics.median(times) for name, times in content["seconds"].items()}
    bare = next(iter(medians.values()))
    yield Table(
        ["command", "seconds", "times a bare Python"],
        [[name, f"{median:.3f}", f"{median / bare:.1f}"] for name, median in medians.items()],
    )


def _streaming(content: Mapping[str, Any]) -> Iterator[Piece]:
    yield "Machine-translated MultiNLI in shape only, opened as FILTER's training does, until the first batch is made."
    yield Table(
        ["rows", "languages", "examples", "MB on disk", "seconds", "peak, MB"],
        [
            [
                f"{row['rows']:,}",
                str(row["languages"]),
                f"{row['examples']:,}",
                f"{row['MB_on_disk']:,}",
                f"{row['seconds']:.1f}",
                f"{row['peak_MB']:,}",
            ]
            for row in content["measured"]
        ],
    )


def _translation(content: Mapping[str, Any]) -> Iterator[Piece]:
    if "speed" in content:
        yield from _translation_speed(content)
    *marks, sizes = content.get("memory", [None])
    if marks:
        yield (
            "Memory of the job over generated rows, with an engine that answers at once; "
            f"{sizes['before_MB']:,} MB before the first row."
        )
        yield Table(
            ["rows", "peak, MB", "rows/s"],
            [[f"{mark['rows']:,}", f"{mark['peak_MB']:,}", f"{mark['rows_per_second']:,.0f}"] for mark in marks],
        )


def _translation_speed(content: Mapping[str, Any]) -> Iterator[Piece]:
    yield (
        f"{content['rows']:,} rows as long as those of SIB-200 and XNLI through an int8 model of {content['layers']} + "
        f"{content['layers']} layers of 512 on CTranslate2: the naive loop gives the library one row after the other, "
        "the job sorts them, divides them into batches and keeps every translation in its store. Each turn of each "
        f"has a process of its own, {content['repeats']} turns. The naive loop has the threads that were best in a "
        "trial, and reads a part of the rows; words per second are compared. Both search with the same beam, "
        "patience and length rule; with patience 1, the library's own, a search ends sooner."
    )
    yield Table(
        ["beam", "naive loop", "its threads", "its rows/s", "job, rows/s", "job, words/s", "times as fast", "goal"],
        [
            [
                str(row["beam"]),
                name,
                str(row["threads"]),
                f"{row['rows_per_second'][name]:.1f}",
                f"{row['rows_per_second']['job']:.1f}",
                f"{row['words_per_second']['job']:,.0f}",
                ratio(found),
                f"{content['goal']:g}",
            ]
            for row in content["speed"]
            for name, found in row["ratio"].items()
        ],
    )


def _training(content: Mapping[str, Any]) -> Iterator[Piece]:
    yield (
        f"A translator of {content['parameters'] / 1e6:.1f} million parameters on Multi30k, {content['updates']} "
        "updates in each turn: Seq2SeqTrainer with the library's collator and random batches, beside token batches "
        "with the same network and about as many real tokens in an update."
    )
    medians = {name: statistics.median(rates) for name, rates in content["tokens_per_second"].items()}
    yield Table(
        ["batches", "padding", "real tokens/s", "times as fast", "goal"],
        [
            ["usual", f"{content['padding']['usual']:.0%}", f"{medians['usual']:,.0f}", "–", "–"],
            [
                "by tokens",
                f"{content['padding']['ours']:.0%}",
                f"{medians['ours']:,.0f}",
                ratio(content["ratio"]),
                f"{content['goal']:g}",
            ],
        ],
    )


PARTS: dict[str, tuple[str, str, Describe]] = {  # title: its files, the benchmark, and how a file is described
    "Against the released layout": ("speed", "speed", _speed),
    "The same ratios in other runs": ("again", "speed", _again),
    "What it grows with": ("scaling", "scaling", _scaling),
    "A whole command": ("command", "command", _command),
    "Translating": ("translation", "translation", _translation),
    "Training a translator": ("nmt_training", "nmt_training", _training),
    "Start": ("startup", "startup", _startup),
    "A training set of XNLI's full size": ("streaming", "streaming", _streaming),
}
