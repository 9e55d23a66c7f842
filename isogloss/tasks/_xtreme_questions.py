"""What XTREME's question answering tasks share: SQuAD with its machine translations, and how a split is read."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from isogloss.data.layouts import Layout, find_layout, read_layout
from isogloss.data.questions import read_questions, read_questions_alone, read_translated_questions, trainable
from isogloss.records import Question


def translations(files: Mapping[str, str]) -> tuple[Layout, ...]:
    """The layouts of machine-translated training questions, from their files by whose they are."""
    return tuple(
        Layout(name=name, files={"train": file}, read=read_translated_questions) for name, file in files.items()
    )


def machine(files: Mapping[str, str]) -> tuple[Layout, ...]:
    """The layouts of test questions in machine translation into English, from their files by whose they are."""
    return tuple(Layout(name=name, files={"test": file}, read=read_questions_alone) for name, file in files.items())


def read(layouts: Sequence[Layout], folder: Path, split: str, tag: str) -> Sequence[Question]:
    """The questions of a split in one language; of training translations those with an answer and an original."""
    layout, file = find_layout(layouts, folder, split, tag)
    questions = layout.read(file, tag)
    if split != "train" or tag == "en":
        return questions
    return trainable(questions, read_layout(layouts, folder, split, "en"), file)


def read_machine(layouts: Sequence[Layout], folder: Path, split: str, tag: str) -> list[Question]:
    """The machine translations into English of the questions of a split in a language."""
    return [replace(question, language="en") for question in read_layout(layouts, folder, split, tag)]


ENGLISH = {
    "FILTER": "../translate_train/squad.translate.train.en.json",
    "SQuAD 1.1": "../squad/train-v1.1.json",
}
TRANSLATED = "squad.translate.train.en-{language}.json"
SQUAD = (
    *(
        Layout(name=name, files={"train": file}, read=read_questions, languages=("en",))
        for name, file in ENGLISH.items()
    ),
    *translations(
        {
            "FILTER": f"../translate_train/{TRANSLATED}",
            "XTREME": f"../squad/translate-train/{TRANSLATED}",
            "XTREME, the bucket": f"../xtreme_translations/SQuAD/translate-train/{TRANSLATED}",
        }
    ),
)
SQUAD_FOLDERS = ("squad", "translate_train", "xtreme_translations/SQuAD")
SQUAD_SIZE = 87599
