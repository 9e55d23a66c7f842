"""BUCC 2018: find the few pairs of translations hidden in two corpora, in the files that XTREME made of it.

A record is a sentence of the other language with the whole English corpus beside it. What counts as good enough for a
pair is tuned on dev. XTREME's own figures for XLM-R large take the first token's state of layer 8
(`--set layer=8 --set pooling=first`).
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from isogloss.data.checks import check_records
from isogloss.data.formats import read_table
from isogloss.errors import UserError
from isogloss.records import ComparableSentence, Sentence
from isogloss.tasks import Task


def read(folder: Path, split: str, tag: str, *, labelled: bool = True) -> list[ComparableSentence]:
    """The sentences of a language, each with the English corpus and the ids of its translations in it.

    labelled: whether these are wanted; the test split's may be hidden.
    """
    if split == "train":
        raise UserError("task bucc2018 has no split 'train'; it has dev and test")
    stem = f"{tag}-en.{split}"
    path, english = folder / f"{stem}.{tag}", folder / f"{stem}.en"
    texts, corpus = _sentences(path, tag), tuple(_sentences(english, "en"))
    pairs = _gold(folder / f"{stem}.gold", {path: texts, english: corpus}) if labelled else {}
    return [
        ComparableSentence(
            id=each.id, language=tag, text=each.text, corpus=corpus, translations=tuple(pairs.get(each.id, ()))
        )
        for each in texts
    ]


def _sentences(path: Path, tag: str) -> list[Sentence]:
    rows = read_table(path, (0, 1))
    found = [Sentence(id=row.values[0], language=tag, text=row.values[1].strip()) for row in rows]
    check_records(found, str(path))
    return found


def _gold(path: Path, sides: dict[Path, Sequence[Sentence]]) -> dict[str, list[str]]:
    """The English ids of each sentence's translations.

    Raises:
        UserError: an id that is in no line of its side's file.
    """
    pairs: dict[str, list[str]] = {}
    ids = {side: {each.id for each in sentences} for side, sentences in sides.items()}
    for row in read_table(path, (0, 1)):
        for name, (side, known) in zip(row.values, ids.items(), strict=True):
            if name not in known:
                raise UserError(
                    f"{row.where}: id {name!r} is in no line of {side.name}; the files do not belong together"
                )
        pairs.setdefault(row.values[0], []).append(row.values[1])
    return pairs


TASK = Task(
    name="bucc2018",
    kind="bitext",
    title="mine translations from two corpora (BUCC 2018), English with 4 languages; no training",
    read=read,
    read_unlabelled=partial(read, labelled=False),
    languages=("de", "fr", "ru", "zh"),
    parallel=(),
    metric="bitext_F1",
    other_metrics=("bitext_precision", "bitext_recall"),
    encoder_method="bitext_retrieval",
    encoder_settings={"scoring": "margin"},
    folder="bucc2018",
    sizes={"dev/zh": 8624},
    paper="Zweigenbaum, Sharoff and Rapp 2018, BUCC shared task; files of XTREME, arXiv 2003.11080",
    licence="none stated",
)
