"""PAWS-X: do two sentences of almost the same words say the same? Machine-translated PAWS to train on.

A text `NS` was not translated, in some 20 of the 2,000 test pairs of a language. They stay: official scores count them.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from isogloss.data.hub import Hub
from isogloss.data.layouts import Layout, Numbered, read_layout
from isogloss.data.text_pairs import pairs_of_rows, read_five_columns, read_machine_pairs, read_pairs
from isogloss.records import Sentence
from isogloss.tasks import Task
from isogloss.tasks._xglue import in_archive

LANGUAGES = ("de", "en", "es", "fr", "ja", "ko", "zh")
TRANSLATIONS = "translate-train/en-{language}-translated.tsv"
NAMED = partial(read_pairs, columns=("sentence1", "sentence2", "label"))
UNNAMED = partial(read_pairs, columns=(0, 1, 2))


def five_columns(path: Path, tag: str) -> Sequence[Sentence]:
    """The pairs of XTREME's translations, which lie two folders below the English table."""
    return read_five_columns(path, tag, UNNAMED(path.parents[1] / "train-en.tsv", "en"))


def published(folder: str) -> tuple[Layout, ...]:
    """PAWS-X as published, unpacked into a folder; English has the training pairs that were translated."""
    names = {"train": "translated_train", "dev": "dev_2k", "test": "test_2k"}
    return (
        Numbered(name="PAWS-X 1.0", files={"train": f"{folder}en/train.tsv"}, read=NAMED, languages=("en",)),
        Numbered(
            name="PAWS-X 1.0",
            files={split: f"{folder}{{language}}/{name}.tsv" for split, name in names.items()},
            read=NAMED,
        ),
    )


LAYOUTS = (
    Numbered(name="XTREME", files={s: f"{s}-{{language}}.tsv" for s in ("train", "dev", "test")}, read=UNNAMED),
    Layout(name="XTREME, translations", files={"train": TRANSLATIONS}, read=five_columns),
    Numbered(name="FILTER, training", files={"train": "train.en-{language}.tsv"}, read=NAMED),
    Numbered(name="FILTER", files={s: f"xtreme.{{language}}.{s}" for s in ("dev", "test")}, read=NAMED),
    *(layout for folder in ("x-final/", *in_archive("PAWSX")) for layout in published(folder)),
)
MACHINE = (
    Layout(
        name="FILTER",
        files={s: f"xtreme.msft.{{language}}-en.{s}" for s in ("dev", "test")},
        read=partial(read_pairs, columns=("sentence1", "sentence2")),
    ),
)


ON_HUB = Hub(
    repository="google-research-datasets/paws-x",
    revision="4cd8187c404bda33cb1f62b49b001115862acf37",
    files={
        "train": "{language}/train-*.parquet",
        "dev": "{language}/validation-*.parquet",
        "test": "{language}/test-*.parquet",
    },
    languages={tag: tag for tag in LANGUAGES},
    columns=("sentence1", "sentence2", "label"),
    labels={"0": "0", "1": "1"},
    read=pairs_of_rows,
)
TASK = Task(
    name="pawsx",
    kind="classification",
    title="paraphrase or not (PAWS-X), 7 languages",
    read=partial(read_layout, LAYOUTS),
    layouts=LAYOUTS,
    hub=(ON_HUB,),
    read_machine=partial(read_machine_pairs, MACHINE, LAYOUTS),
    languages=LANGUAGES,
    labels=("0", "1"),
    metric="accuracy",
    folder="pawsx",
    paper="Yang et al. 2019, arXiv 1908.11828",
    licence="free with acknowledgement of Google",
)
