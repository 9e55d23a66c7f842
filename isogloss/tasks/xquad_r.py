"""XQuAD-R: find the sentences that answer a question, in every language at once (LAReQA).

The collection of a split is all sentences of its paragraphs in all languages whose files are there, so scores depend on
these. Relevant is the sentence in which the answer begins, in each of the languages. The paragraphs are those of XQuAD
in the same order and are divided as in `xquad_third`, so that a model trained on the one was never shown the other's
test paragraphs.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from isogloss.data.formats import open_text, packed
from isogloss.data.layouts import Layout
from isogloss.errors import UserError
from isogloss.records import Document, RankedQuery
from isogloss.tasks import Task
from isogloss.tasks.xquad_third import paragraphs_of

LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")
Paragraph = dict[str, Any]


def read(folder: Path, split: str, tag: str) -> list[RankedQuery]:
    """The questions of a split in one language, with the collection that they share with all other languages."""
    documents, gains = collection(folder, split)
    return [
        RankedQuery(
            id=question["id"], language=tag, text=question["question"], documents=documents, gains=gains[question["id"]]
        )
        for _, paragraph in _paragraphs(folder, split, tag)
        for question in paragraph["qas"]
    ]


@lru_cache(maxsize=3)
def collection(folder: Path, split: str) -> tuple[tuple[Document, ...], dict[str, dict[str, int]]]:
    """The sentences of a split in all languages that are there, and the gains of its questions by their ids."""
    documents: list[Document] = []
    gains: dict[str, dict[str, int]] = {}
    for tag in (tag for tag in LANGUAGES if packed(folder / f"{tag}.json")):
        for number, paragraph in _paragraphs(folder, split, tag):
            text, breaks = paragraph["context"], paragraph["sentence_breaks"]
            names = [f"{tag}/{number}/{place}" for place in range(len(breaks))]
            documents += [
                Document(id=name, language=tag, text=text[start:end].strip())
                for name, (start, end) in zip(names, breaks, strict=True)
            ]
            for question in paragraph["qas"]:
                begins = question["answers"][0]["answer_start"]
                found = [name for name, (start, end) in zip(names, breaks, strict=True) if start <= begins < end]
                gains.setdefault(question["id"], {}).update(dict.fromkeys(found, 1))
    return tuple(documents), gains


def _paragraphs(folder: Path, split: str, tag: str) -> list[tuple[int, Paragraph]]:
    """The paragraphs of a split with their numbers, from 0.

    Raises:
        UserError: the file is missing or is not laid out as XQuAD-R.
    """
    path = folder / f"{tag}.json"
    with open_text(path) as text:
        try:
            content = json.load(text)
            paragraphs = [paragraph for article in content["data"] for paragraph in article["paragraphs"]]
            lacking = [each for each in paragraphs if not {"context", "qas", "sentence_breaks"} <= each.keys()]
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path}: not a file of XQuAD-R ({error}); fetch it again") from error
    if lacking:
        raise UserError(f"{path}: {len(lacking)} paragraphs without sentence_breaks; this is XQuAD, get XQuAD-R")
    chosen = paragraphs_of(split, len(paragraphs))
    return [(number, paragraph) for number, paragraph in enumerate(paragraphs) if number in chosen]


TASK = Task(
    name="xquad_r",
    kind="ranking",
    title="sentences that answer a question, in all languages at once (XQuAD-R of LAReQA), up to 11 languages",
    read=read,
    layouts=(
        Layout(
            name="LAReQA",
            files=dict.fromkeys(("train", "dev", "test"), "{language}.json"),
            read=lambda path, tag: read(path.parent, "test", tag),
        ),
    ),
    languages=LANGUAGES,
    metric="nDCG@10",
    other_metrics=("RR@10", "R@100", "AP@20"),
    folder="xquad_r",
    sizes={"train": 308, "dev": 77, "test": 805},
    paper="Roy et al. 2020, arXiv 2004.05484",
    licence="CC BY-SA 4.0",
)
