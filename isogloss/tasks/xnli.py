"""XNLI: does a premise entail a hypothesis? Human translations to test on, machine-translated MultiNLI to train on."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from isogloss.data.hub import Hub
from isogloss.data.layouts import Layout, Numbered, read_layout
from isogloss.data.text_pairs import (
    pairs_of_rows,
    read_five_columns,
    read_machine_pairs,
    read_pairs,
    read_rows_of_language,
    with_csv_quotes,
)
from isogloss.records import Sentence
from isogloss.tasks import Task
from isogloss.tasks._xglue import in_archive

LANGUAGES = ("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")
SPELLINGS = {"contradictory": "contradiction"}  # in the translated training files
TRANSLATIONS = "translate-train/en-{language}-translated.tsv"
NAMED = partial(read_pairs, columns=("premise", "hypo", "label"), labels=SPELLINGS)
UNNAMED = partial(read_pairs, columns=(0, 1, 2), labels=SPELLINGS, quoting=True)  # XTREME writes these as CSV


def five_columns(path: Path, tag: str) -> Sequence[Sentence]:
    """The pairs of XTREME's translations, which lie two folders below the English table."""
    return read_five_columns(path, tag, UNNAMED(path.parents[1] / "train-en.tsv", "en"), SPELLINGS)


def published(folder: str) -> tuple[Layout, ...]:
    """XNLI and its translations as published, unpacked into a folder."""
    tested = {split: f"{folder}xnli.{split}.tsv" for split in ("dev", "test")}
    columns = ("sentence1", "sentence2", "gold_label")
    return (
        Numbered(
            name="XNLI 1.0", files=tested, read=partial(read_rows_of_language, language="language", columns=columns)
        ),
        Numbered(name="XNLI-MT 1.0", files={"train": f"{folder}multinli/multinli.train.{{language}}.tsv"}, read=NAMED),
    )


def xglue(folder: str) -> tuple[Layout, ...]:
    """XNLI in XGLUE's archive, its tested pairs in a table for each language."""
    tested = {split: f"{folder}{{language}}.{split}" for split in ("dev", "test")}
    return (
        Numbered(name="XGLUE", files=tested, read=UNNAMED),
        Numbered(name="XGLUE, training", files={"train": f"{folder}multinli.train.{{language}}.tsv"}, read=NAMED),
    )


LAYOUTS = (
    Numbered(name="XTREME", files={s: f"{s}-{{language}}.tsv" for s in ("train", "dev", "test")}, read=UNNAMED),
    Layout(name="XTREME, translations", files={"train": TRANSLATIONS}, read=five_columns),
    Numbered(name="FILTER, training", files={"train": "train.en-{language}.tsv"}, read=NAMED),
    Numbered(name="FILTER", files={s: f"xtreme.{{language}}.{s}" for s in ("dev", "test")}, read=UNNAMED),
    *published(""),
    *published("XNLI-1.0/"),
    *published("XNLI-MT-1.0/"),
    *(layout for folder in in_archive("XNLI") for layout in xglue(folder)),
    Numbered(
        name="XNLI-MT, a part", files={"train": "../xnli_train_parallel/multinli.train.{language}.tsv"}, read=NAMED
    ),
)
ON_HUB = Hub(
    repository="facebook/xnli",
    revision="b8dd5d7af51114dbda02c0e3f6133f332186418e",
    files={
        "train": "{language}/train-*.parquet",
        "dev": "{language}/validation-*.parquet",
        "test": "{language}/test-*.parquet",
    },
    languages={tag: tag for tag in LANGUAGES},
    columns=("premise", "hypothesis", "label"),
    labels={name: name for name in ("entailment", "neutral", "contradiction")},
    read=pairs_of_rows,
)
MACHINE = (  # translations into English, named by the language they were made from
    Layout(
        name="FILTER",
        files={s: f"xtreme.msft.{{language}}-en.{s}" for s in ("dev", "test")},
        read=partial(read_pairs, columns=(0, 1)),
    ),
    Layout(
        name="myXNLI",
        files={"test": "../xnli_mt/{language}.trans.test.tsv"},
        read=partial(read_pairs, columns=("sentence1_en", "sentence2_en")),
    ),
)


TASK = Task(
    name="xnli",
    kind="classification",
    title="inference between two sentences (XNLI), 15 languages",
    read=partial(read_layout, LAYOUTS),
    layouts=LAYOUTS,
    hub=(ON_HUB,),
    read_machine=partial(read_machine_pairs, MACHINE, LAYOUTS),
    as_released=with_csv_quotes,
    languages=LANGUAGES,
    labels=("contradiction", "entailment", "neutral"),
    metric="accuracy",
    folder="xnli",
    siblings=("xnli_train_parallel", "xnli_mt"),
    sizes={"train": 392702, "dev": 2490, "test": 5010},
    paper="Conneau et al. 2018, arXiv 1809.05053",
    licence="CC BY-NC 4.0",
)
