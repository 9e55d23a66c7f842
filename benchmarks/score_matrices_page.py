"""What the benchmark of score matrices becomes on the page on retrieval: corrections by banks, and ANNCUR."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from benchmarks.pieces import Describe, Heading, Piece, Table

Row = Mapping[str, Any]


def _matrices(content: Mapping[str, Any]) -> Iterator[Piece]:
    if banks := content.get("banks"):
        yield Heading("Hubs corrected by banks")
        yield (
            "Percent of sentences whose translation is the nearest (R@1), by what corrects the cosines and by the "
            "bank; in brackets the difference from raw cosines in points, with * where its 95 % interval, paired over "
            "sentences, leaves zero out. Betas are tuned on dev with the same bank. Hubs: the skewness of N_10, and "
            "how many queries have the most frequent sentence among their ten nearest, with the largest bank of the "
            "same domain. The margin is there to compare with; its bank are the test's own sentences."
        )
        for (task, direction, encoder), rows in groupby(
            banks, lambda row: (row["task"], row["direction"], row["encoder"])
        ):
            yield f"{task} {direction}, vectors of {encoder}"
            yield _corrections(list(rows))
    if content.get("anchors"):
        yield Heading("A scorer's best with few of its calls")
    for anchors in content.get("anchors", []):
        yield from _few_calls(anchors)


def _few_calls(anchors: Mapping[str, Any]) -> Iterator[Piece]:
    found = ", ".join(
        f"{name} {row['1']:.1f} / {row['10']:.1f} / {row['100']:.1f}" for name, row in anchors["alone"].items()
    )
    yield (
        f"{anchors['questions']} questions, {anchors['items']:,} sentences, {anchors['anchor_queries']} anchor "
        f"queries, scorer: {anchors['scorer']}. Recall in percent of the k sentences that the scorer itself puts "
        "first, by the calls of it that a question may take; + and - where the difference from the better of the "
        "two first stages with as many calls has an interval without zero. How often the answer itself is found is "
        "another matter: with all the calls that each wants, the percentage of questions with an answer among the "
        f"first 1 / 10 / 100 is {found}."
    )
    for k in sorted({row["k"] for row in anchors["rows"]}):
        yield f"k = {k}, {anchors['scorer']}"
        yield _by_budget([row for row in anchors["rows"] if row["k"] == k], "recall")
    yield "Questions with an answer among the ten first that were scored, in percent"
    yield _by_budget([row for row in anchors["rows"] if row["k"] == 10], "found", marked=False)
    if anchors["variants"]:
        yield "Other anchors and other languages of the questions, recall of the 10 and the 100 best"
        yield _variants(anchors["variants"])


def _variants(rows: Sequence[Row]) -> Table:
    return Table(
        ["random anchors", "calls", "k", "recall, %"],
        [
            [row["method"], str(row["budget"]), str(row["k"]), f"{row['recall']['value']:.1f}"]
            for row in rows
            if row["k"] > 1
        ],
    )


def _corrections(rows: Sequence[Row]) -> Table:
    """A row for each correction, a column for each bank."""
    names = list(dict.fromkeys(row["bank"] for row in rows if row["betas"] or row["correction"] == "csls"))
    largest = [name for name in names if " of " not in name or len(names) == 1][-1]
    cells = {(row["correction"], row["bank"]): row for row in rows}
    table = []
    for kind in dict.fromkeys(row["correction"] for row in rows):
        whole = next(row for row in rows if row["correction"] == kind)
        if (kind, largest) not in cells:  # raw and the margin have no bank of ours
            hubs = f"{whole['skewness@10']:.2f}, {whole['most@10']:.0f}" if "most@10" in whole else "–"
            table.append([kind, *([_score(whole)] + ["–"] * (len(names) - 1)), hubs])
        else:
            row = cells[kind, largest]
            hubs = f"{row['skewness@10']:.2f}, {row['most@10']:.0f}"
            table.append([kind, *(_score(cells[kind, name]) for name in names), hubs])
    return Table(["correction", *(f"bank of {name}" for name in names), "hubs"], table)


def _score(row: Row) -> str:
    value = f"{row['R@1']['value']:.1f}"
    if "R@1 minus raw" not in row:
        return value
    found = row["R@1 minus raw"]
    low, high = found["ci95"]
    return f"{value} ({found['value']:+.1f}{'*' if low > 0 or high < 0 else ''})"


def _by_budget(rows: Sequence[Row], key: str, *, marked: bool = True) -> Table:
    """A row for each method, a column for each budget."""
    budgets = sorted({row["budget"] for row in rows})
    cells = {(row["method"], row["budget"]): row for row in rows}
    return Table(
        ["method", *(f"{budget} calls" for budget in budgets)],
        [
            [name, *(_marked(cells[name, budget], key, marked) for budget in budgets)]
            for name in dict.fromkeys(row["method"] for row in rows)
        ],
    )


def _marked(row: Row, key: str, marked: bool) -> str:
    low, high = row.get("minus", {"ci95": (0, 0)})["ci95"]
    sign = " +" if low > 0 else " -" if high < 0 else ""
    return f"{row[key]['value']:.1f}{sign if marked else ''}"


PARTS: dict[str, tuple[str, str, Describe]] = {
    "Matrices of scores": ("score_matrices", "score_matrices", _matrices),
}
