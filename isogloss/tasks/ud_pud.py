"""UD POS: universal part-of-speech tags, trained on English EWT, tested on the parallel PUD treebanks."""

from pathlib import Path

from isogloss.data.formats import read_conllu
from isogloss.records import TaggedSentence
from isogloss.tasks import Task

FILES = {  # the Chinese of PUD is written in traditional characters
    "ar": "ar",
    "de": "de",
    "en": "en",
    "id": "id",
    "ja": "ja",
    "ru": "ru",
    "tr": "tr",
    "zh-Hant": "zh",
}
EWT = {"train": "en_ewt-ud-train.third.conllu", "dev": "en_ewt-ud-dev.conllu"}


def read(folder: Path, split: str, tag: str) -> list[TaggedSentence]:
    """The sentences of a split in one language, tagged: a third of EWT's training documents, EWT dev, or PUD."""
    if split == "test":
        return read_conllu(folder / f"{FILES[tag]}_pud-ud-test.conllu", tag)
    return read_conllu(folder.parent / "ud_train" / EWT[split], tag)


TASK = Task(
    name="ud_pud",
    kind="tagging",
    title="parts of speech (UD): trained on English EWT, tested on PUD in 8 languages",
    read=read,
    languages=tuple(FILES),
    train_languages=("en",),
    dev_languages=("en",),
    labels=(
        "ADJ",
        "ADP",
        "ADV",
        "AUX",
        "CCONJ",
        "DET",
        "INTJ",
        "NOUN",
        "NUM",
        "PART",
        "PRON",
        "PROPN",
        "PUNCT",
        "SCONJ",
        "SYM",
        "VERB",
        "X",
    ),
    metric="token_accuracy",
    other_metrics=("upos_F1",),
    folder="ud_pud",
    siblings=("ud_train",),
    sizes={"train": 4276, "dev": 2001, "test": 1000},
    paper="Zeman et al. 2017, CoNLL shared task, aclanthology.org/K17-3001",
    licence="CC BY-SA 4.0 (EWT), CC BY-SA 3.0 (PUD)",
)
