"""Cranfield: abstracts of aerodynamics for a question, the first test collection.

Queries are numbered by their order, 1 to 225, as in the judgements; the numbers in the topics' own file skip some. The
judgements of this copy hardly grade: 1 is relevant (one document has 3), 0 is not, and each query has one such line;
the original five classes of relevance are not in it. Two documents without text are left out. The queries have no
published split: a third of them, drawn by a hash, is there to tune on.
"""

from functools import lru_cache
from pathlib import Path

from isogloss.data.trec import Qrels, read_documents, read_elements, read_qrels
from isogloss.records import Document, RankedQuery
from isogloss.tasks import Task
from isogloss.tasks._test_collection import queries_of


def read(folder: Path, split: str, tag: str) -> list[RankedQuery]:
    """The queries of a split with the collection that they share."""
    return queries_of(split, "cranfield", *collection(folder), folder)


@lru_cache(maxsize=1)
def collection(folder: Path) -> tuple[dict[str, str], tuple[Document, ...], Qrels]:
    """All queries by id, all documents (their title begins their text), and the judgements."""
    topics = read_elements(folder / "cran.qry.xml", "top", ("title",))
    documents = tuple(read_documents(folder / "cran.all.1400.xml", "en", ("text",)))
    queries = {str(number): text for number, (text,) in enumerate(topics, 1)}
    return queries, documents, read_qrels(folder / "cranqrel.trec.txt")


TASK = Task(
    name="cranfield",
    kind="ranking",
    title="aerodynamics abstracts for a question (Cranfield), English; no training",
    read=read,
    languages=("en",),
    parallel=(),
    metric="nDCG@10",
    other_metrics=("AP", "RR@10", "R@100"),
    folder="cranfield",
    sizes={"dev": 75, "test": 150},
    paper="Cleverdon 1967, The Cranfield tests on index language devices",
    licence="none stated",
)
