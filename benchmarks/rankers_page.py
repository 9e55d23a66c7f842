"""What the benchmarks of trained rankers become on the page on retrieval: across languages, rates, masks."""

from collections.abc import Iterator, Mapping
from statistics import mean
from typing import Any

from benchmarks.pieces import Describe, Heading, Piece, Table


def _rankers(content: Mapping[str, Any]) -> Iterator[Piece]:
    yield Heading(content["task"])
    scored = f"the first {content['items']} queries" if content["items"] else "all queries"
    yield (
        f"Trained on {content['trained_on']}; {scored} of each language are scored, and a scorer ranks "
        f"{content['depth']} documents. The scores are in the tables of results.md."
    )
    if rates := content["rates"]:
        yield "Learning rates, and the main measure on dev of a run with the first seed; the best was taken:"
        columns = list(dict.fromkeys(rate for tried in rates.values() for rate in tried))
        yield Table(
            ["method", *columns],
            [
                [name, *(f"{tried[rate]:.1f}" if rate in tried else "–" for rate in columns)]
                for name, tried in rates.items()
            ],
        )
    if matrices := content["query language by document language"]:
        yield (
            "The main measure where only documents of one language are ranked (columns), by the language of the "
            "queries (rows), mean over seeds"
        )
        yield _matrix(matrices)


def _matrix(matrices: Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]) -> Table:
    """A row for each ranker and language of queries, a column for each language of documents."""
    some = next(iter(next(iter(matrices.values())).values()))  # any ranker, any seed
    columns = sorted(next(iter(some.values())))
    return Table(
        ["ranker, queries", *columns],
        [
            [f"{name}, {query}", *(f"{mean(found[query][tag] for found in seeds.values()):.1f}" for tag in columns)]
            for name, seeds in matrices.items()
            for query in sorted(some)
        ],
    )


def _responses(content: Mapping[str, Any]) -> Iterator[Piece]:
    rows = content["rows"]
    first = next(iter(rows.values()))
    yield (
        f"The next turn of a dialogue among ten, {content['dialogues']} dialogues, mean of {len(first['runs'])} seeds, "
        "in percent. A direction is the language of the contexts and that of the replies; trained on English and "
        "German in both places. The last column: points above the first row, on average over the directions, with the "
        "95 % interval, paired over dialogues."
    )
    for run in [row["runs"][0] for row in rows.values() if "mask" in row["runs"][0]["config"]][:1]:
        yield (
            f"Where a mask says who sees whom, the score is {run['config']['score']}, another text counts "
            f"{run['config'].get('cross_weight', 1.0):g}, and there are {run['updates']} updates."
        )
    for measure in ("P@1", "RR"):
        yield Table(
            [f"{measure}, reads by", *first[measure], "against the first"],
            [
                [
                    name,
                    *(f"{score['value']:.1f}" for score in row[measure].values()),
                    _points(next((found for key, found in row.items() if key.startswith(f"{measure} minus ")), None)),
                ]
                for name, row in rows.items()
            ],
        )


def _points(found: Mapping[str, Any] | None) -> str:
    return "–" if found is None else "{:+.1f} [{:+.1f}, {:+.1f}]".format(found["value"], *found["ci95"])


PARTS: dict[str, tuple[str, str, Describe]] = {
    "Rankers across languages": ("rankers_", "rankers xquad_r", _rankers),
    "Who sees whom": ("response_selection", "response_selection", _responses),
}
