"""AfriQA: find the English passage that answers a question asked in an African language.

The collection is the gold passages of all languages whose files are there, equal texts once; relevant is the question's
own. Every question carries its human translation into English, beside which or instead of which it can be read. Only
the test files have passages, so there is no dev split. It is a small collection: the real task looks in all of
Wikipedia.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from isogloss.data.formats import find, open_text, packed
from isogloss.data.layouts import Layout
from isogloss.errors import UserError
from isogloss.records import Document, RankedQuery
from isogloss.tasks import Task

FILES = {"ha": "hau", "ig": "ibo", "sw": "swa", "yo": "yor", "zu": "zul"}
PASSAGES = "gold_span_passages.{code}.en.test.json"


def read(folder: Path, split: str, tag: str) -> list[RankedQuery]:
    """The questions in one language, each with its English translation, and the collection that all share."""
    if split != "test":
        raise UserError(f"task afriqa has no {split} split; only its test files have passages")
    documents = collection(folder)
    names = {document.text: document.id for document in documents}
    queries = []
    for row in _rows(folder, tag):
        name, gains = f"{tag}-{row['id']}", {names[_passage(row)]: 1}
        english = RankedQuery(id=name, language="en", text=row["question_translated"].strip(), documents=documents)
        text = row["question_lang"].strip()
        queries.append(
            RankedQuery(id=name, language=tag, text=text, documents=documents, gains=gains, translations=(english,))
        )
    return queries


@lru_cache(maxsize=1)
def collection(folder: Path) -> tuple[Document, ...]:
    """The passages of all languages that are there."""
    there = [tag for tag in FILES if packed(folder / PASSAGES.format(code=FILES[tag]))]
    texts = dict.fromkeys(_passage(row) for tag in there for row in _rows(folder, tag))
    return tuple(Document(id=f"en/{number}", language="en", text=text) for number, text in enumerate(texts))


def _rows(folder: Path, tag: str) -> list[dict[str, Any]]:
    path = folder / PASSAGES.format(code=FILES[tag])
    rows = []
    with open_text(path) as text:
        for number, line in enumerate(text, 1):
            try:
                row = json.loads(line)
                if not all(isinstance(row[key], str) for key in ("context", "question_lang", "question_translated")):
                    raise TypeError("a text is none")
            except (json.JSONDecodeError, KeyError, TypeError) as error:
                raise UserError(f"{find(path)}:{number}: not a question with its passage ({error})") from error
            rows.append(row)
    return rows


def _passage(row: dict[str, Any]) -> str:
    return " ".join(row["context"].split())


TASK = Task(
    name="afriqa",
    kind="ranking",
    title="English passages for questions in 5 African languages (AfriQA, gold passages); no training",
    read=read,
    layouts=tuple(
        Layout(
            name="AfriQA",
            files={"test": PASSAGES.format(code=code)},
            read=lambda path, tag: _rows(path.parent, tag),
            languages=(tag,),
        )
        for tag, code in FILES.items()
    ),
    languages=tuple(FILES),
    dev_split=None,
    parallel=(),
    metric="nDCG@10",
    other_metrics=("RR@10", "R@100"),
    folder="afriqa",
    sizes={"test/ha": 300, "test/ig": 409, "test/sw": 295, "test/yo": 254, "test/zu": 325},
    paper="Ogundepo et al. 2023, arXiv 2305.06897",
    licence="CC BY 4.0",
)
