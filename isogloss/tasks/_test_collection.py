"""English test collections: queries of one file, divided into dev and test, and the documents of another."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from isogloss.data.trec import Qrels, judged
from isogloss.errors import UserError
from isogloss.records import Document, RankedQuery

PART = 3  # one query in so many is a dev query


def queries_of(
    split: str, task: str, queries: Mapping[str, str], documents: tuple[Document, ...], qrels: Qrels, folder: Path
) -> list[RankedQuery]:
    """The queries of a split: dev is the third of them whose hashes are smallest, test the others.

    Raises:
        UserError: there is no such split, or the files do not belong together.
    """
    if split not in ("dev", "test"):
        raise UserError(f"task {task} has no {split} split; tune on dev, which is a third of the queries")
    order = sorted(queries, key=lambda name: hashlib.sha256(f"{task} {name}".encode()).digest())
    dev = set(order[: len(order) // PART])
    every = judged(queries, "en", documents, qrels, str(folder))
    return [query for query in every if (query.id in dev) == (split == "dev")]
