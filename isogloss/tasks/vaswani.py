"""Vaswani (NPL): abstracts of physics for a short request, one of the oldest test collections.

The 93 queries have no published split: a third of them, drawn by a hash, is there to tune on. Published figures are
mostly over all of them.
"""

from functools import lru_cache
from pathlib import Path

from isogloss.data.trec import Qrels, check_ids, read_documents, read_elements, read_qrels
from isogloss.records import Document, RankedQuery
from isogloss.tasks import Task
from isogloss.tasks._test_collection import queries_of

TOPICS = "query-text.trec"


def read(folder: Path, split: str, tag: str) -> list[RankedQuery]:
    """The queries of a split with the collection that they share."""
    return queries_of(split, "vaswani", *collection(folder), folder)


@lru_cache(maxsize=1)
def collection(folder: Path) -> tuple[dict[str, str], tuple[Document, ...], Qrels]:
    """All queries by id, all documents, and the judgements."""
    topics = read_elements(folder / TOPICS, "top", ("num", "title"))
    check_ids([name for name, _ in topics], f"{folder / TOPICS}: queries")
    documents = tuple(read_documents(folder / "doc-text.trec", "en"))
    return {topic[0]: topic[1] for topic in topics}, documents, read_qrels(folder / "qrels")


TASK = Task(
    name="vaswani",
    kind="ranking",
    title="physics abstracts for a request (Vaswani, NPL), English; no training",
    read=read,
    languages=("en",),
    parallel=(),
    metric="nDCG@10",
    other_metrics=("AP", "RR@10", "R@100"),
    folder="vaswani",
    sizes={"dev": 31, "test": 62},
    paper="Vaswani and Cameron 1970, The National Physical Laboratory experiments in statistical word associations",
    licence="none stated for the collection",
)
