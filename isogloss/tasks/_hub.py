"""Repositories of the Hub that several tasks read, each at one commit."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from isogloss.data.hub import Hub
from isogloss.data.text_pairs import pairs_of_rows

xtreme = partial(Hub, repository="google/xtreme", revision="ec5f1f46e9af79639a90684a7a70a956c4998f04")


def xglue(task: str, languages: Sequence[str], columns: tuple[str, ...], labels: Mapping[str, str]) -> tuple[Hub, Hub]:
    """Where the English training pairs of one of XGLUE's own tasks are, and where its dev and test pairs.

    Microsoft's repository needs its script, which datasets runs no more; this copy holds what the script made.
    """
    tested = Hub(
        repository="hgissbkh/xglue",
        revision="de1926389545bc73d13a5b850f2596bdaf463f72",
        files={"dev": f"{task}/validation.{{language}}-*.parquet", "test": f"{task}/test.{{language}}-*.parquet"},
        languages={tag: tag for tag in languages},
        columns=columns,
        labels=labels,
        read=pairs_of_rows,
    )
    return replace(tested, files={"train": f"{task}/train-*.parquet"}, languages={"en": "en"}), tested
