"""XNLI: does a premise entail a hypothesis? Human translations to test on, machine-translated MultiNLI to train on."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from isogloss.data.layouts import Layout, read_layout
from isogloss.data.text_pairs import read_five_columns, read_pairs, read_rows_of_language, with_csv_quotes
from isogloss.records import Sentence
from isogloss.tasks import Task
from isogloss.tasks._xglue import in_archive

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
        Layout(
            name="XNLI 1.0", files=tested, read=partial(read_rows_of_language, language="language", columns=columns)
        ),
        Layout(name="XNLI-MT 1.0", files={"train": f"{folder}multinli/multinli.train.{{language}}.tsv"}, read=NAMED),
    )


def xglue(folder: str) -> tuple[Layout, ...]:
    """XNLI in XGLUE's archive, its tested pairs in a table for each language."""
    tested = {split: f"{folder}{{language}}.{split}" for split in ("dev", "test")}
    return (
        Layout(name="XGLUE", files=tested, read=UNNAMED),
        Layout(name="XGLUE, training", files={"train": f"{folder}multinli.train.{{language}}.tsv"}, read=NAMED),
    )


LAYOUTS = (
    Layout(name="XTREME", files={s: f"{s}-{{language}}.tsv" for s in ("train", "dev", "test")}, read=UNNAMED),
    Layout(name="XTREME, translations", files={"train": TRANSLATIONS}, read=five_columns),
    Layout(name="FILTER, training", files={"train": "train.en-{language}.tsv"}, read=NAMED),
    Layout(name="FILTER", files={s: f"xtreme.{{language}}.{s}" for s in ("dev", "test")}, read=UNNAMED),
    *published(""),
    *published("XNLI-1.0/"),
    *published("XNLI-MT-1.0/"),
    *(layout for folder in in_archive("XNLI") for layout in xglue(folder)),
    Layout(name="XNLI-MT, a part", files={"train": "../xnli_train_parallel/multinli.train.{language}.tsv"}, read=NAMED),
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


def read_machine(folder: Path, split: str, tag: str) -> list[Sentence]:
    """Machine translations into English of the pairs of a split in a language."""
    return [replace(pair, language="en") for pair in read_layout(MACHINE, folder, split, tag)]


TASK = Task(
    name="xnli",
    kind="classification",
    title="inference between two sentences (XNLI), 15 languages",
    read=partial(read_layout, LAYOUTS),
    layouts=LAYOUTS,
    read_machine=read_machine,
    as_released=with_csv_quotes,
    languages=("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh"),
    labels=("contradiction", "entailment", "neutral"),
    metric="accuracy",
    folder="xnli",
    siblings=("xnli_train_parallel", "xnli_mt"),
    sizes={"train": 392702, "dev": 2490, "test": 5010},
    paper="Conneau et al. 2018, arXiv 1809.05053",
    licence="CC BY-NC 4.0",
)
