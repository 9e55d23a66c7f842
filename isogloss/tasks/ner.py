"""NER: names of persons, places, organisations and others in the news of CoNLL 2002 and 2003, as XGLUE has them.

XGLUE's files have IOB tags, with a B- only between two names of a kind that touch. They are read as IOB2. XGLUE's
script scores by seqeval's default, in which an I- after nothing opens a name.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from isogloss.data.hub import Row
from isogloss.data.layouts import read_layout
from isogloss.data.tagged_text import as_iob2, read_spaced, sentences_of_rows
from isogloss.records import TaggedSentence
from isogloss.tasks import Task, bio_tags
from isogloss.tasks._hub import xglue
from isogloss.tasks._xglue import in_archive, named_layouts

LAYOUTS = named_layouts(in_archive("NER"), read_spaced)


def read(folder: Path, split: str, tag: str) -> list[TaggedSentence]:
    """The sentences of a split in one language, tags in IOB2."""
    return in_iob2(read_layout(LAYOUTS, folder, split, tag))


def read_rows(rows: Iterable[Row], tag: str) -> list[TaggedSentence]:
    """The sentences of the Hub's rows, tags in IOB2."""
    return in_iob2(sentences_of_rows(rows, tag))


def in_iob2(sentences: Sequence[TaggedSentence]) -> list[TaggedSentence]:
    """The sentences with their IOB tags as IOB2."""
    return [replace(each, tags=as_iob2(each.tags or ())) for each in sentences]


LANGUAGES = ("de", "en", "es", "nl")
CLASSES = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC")
TASK = Task(
    name="ner",
    kind="tagging",
    title="names in news (XGLUE NER: CoNLL 2002 and 2003), 4 languages",
    read=read,
    layouts=LAYOUTS,
    hub=xglue("ner", LANGUAGES, ("words", "ner"), {name: name for name in CLASSES}, read_rows),
    languages=LANGUAGES,
    train_languages=("en",),
    parallel=(),
    labels=bio_tags(("LOC", "MISC", "ORG", "PER")),
    metric="span_F1_lenient",
    other_metrics=("span_F1",),
    folder="xglue",
    paper="Tjong Kim Sang and De Meulder 2003, arXiv cs/0306050; XGLUE, arXiv 2004.01401",
    licence="Reuters and the other papers' own terms, research only",
)
