"""TyDi QA, gold passages: questions that speakers of nine languages asked in their own; trained on English.

The test split is what its authors call dev, as in XTREME; a labelled test set was not published. There is no other dev
split: tune on the task `mlqa`, or on `tydiqa_sw`, whose Swahili questions train nothing here. Training questions in
other languages are machine translations of the English ones. Test questions are not translations of each other, so the
English beside them is machine-made (`--pairing machine`).

XTREME's script divides the training file by language and cuts the ids down to numbers that occur many times. Such
questions are counted through; the undivided file, which the script leaves beside them, is read first.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from isogloss.data.hub import Row
from isogloss.data.layouts import Layout
from isogloss.data.questions import read_questions, read_questions_of_language
from isogloss.records import Question
from isogloss.tasks import Task, _hub
from isogloss.tasks._xtreme_questions import machine, read, read_machine, translations

LANGUAGES = {  # the English name, as TyDi QA's files and ids have it, and the number of test questions
    "ar": ("arabic", 921),
    "bn": ("bengali", 113),
    "en": ("english", 440),
    "fi": ("finnish", 782),
    "id": ("indonesian", 565),
    "ko": ("korean", 276),
    "ru": ("russian", 812),
    "sw": ("swahili", 499),
    "te": ("telugu", 669),
}


def numbered(path: Path, tag: str) -> list[Question]:
    """The questions of a file whose ids occur many times, with their number in the file before the id."""
    return [replace(question, id=f"{i}-{question.id}") for i, question in enumerate(read_questions(path, tag), 1)]


def of_language(path: Path, tag: str) -> list[Question]:
    """The questions of one language in a file of all."""
    return read_questions_of_language(path, tag, LANGUAGES[tag][0])


WHOLE, DIVIDED, TESTED = "tydiqa-goldp-v1.1-train.json", "tydiqa-goldp-v1.1-train/", "tydiqa-goldp-v1.1-dev"
ENGLISH = (
    ("FILTER", "../translate_train/tydiqa.translate.train.en.json", read_questions),
    ("TyDi QA", WHOLE, of_language),
    ("XTREME", DIVIDED + WHOLE, of_language),
    ("XTREME, divided", DIVIDED + "tydiqa.goldp.{language}.train.json", numbered),
    ("XTREME, divided at first", DIVIDED + "tydiqa.{language}.train.json", numbered),
    ("XTREME, a part", "tydiqa.goldp.{language}.train.json", numbered),
)
TRANSLATED = "tydiqa.translate.train.en-{language}.json"
TRANSLATED_TEST = "tydiqa.translate.test.{language}-en.json"
LAYOUTS = (
    *(Layout(name=name, files={"train": file}, read=reader, languages=("en",)) for name, file, reader in ENGLISH),
    *translations(
        {
            "FILTER": f"../translate_train/{TRANSLATED}",
            "XTREME": f"translate-train/{TRANSLATED}",
            "XTREME, the bucket": f"../xtreme_translations/TyDiQA-GoldP/translate-train/{TRANSLATED}",
        }
    ),
    *(  # before XTREME's, which have no answers any more
        Layout(
            name="TyDi QA",
            files={"test": f"{place}tydiqa-goldp-dev-{name}.json"},
            read=read_questions,
            languages=(tag,),
        )
        for place in ("", f"{TESTED}/")
        for tag, (name, _) in LANGUAGES.items()
    ),
    Layout(name="TyDi QA, one file", files={"test": f"{TESTED}.json"}, read=of_language),
    *(
        Layout(name=name, files={"test": f"{TESTED}/{file}"}, read=read_questions)
        for name, file in (
            ("XTREME", "tydiqa.goldp.{language}.dev.json"),
            ("FILTER", "tydiqa.{language}.dev.json"),
        )
    ),
)
MACHINE = machine(
    {
        "FILTER": f"{TESTED}/{TRANSLATED_TEST}",
        "XTREME": f"translate-test/{TRANSLATED_TEST}",
        "XTREME, the bucket": f"../xtreme_translations/TyDiQA-GoldP/translate-test/{TRANSLATED_TEST}",
    }
)


def rows_of_language(rows: Iterable[Row], tag: str) -> list[Question]:
    """The questions of one language in the Hub's rows of all."""
    return _hub.questions_of_rows((row for row in rows if row[0].startswith(f"{LANGUAGES[tag][0]}-")), tag)


TESTED_ON_HUB = _hub.xtreme(
    files={"test": "tydiqa/validation-*.parquet"},
    languages={tag: name for tag, (name, _) in LANGUAGES.items()},
    columns=_hub.QUESTION,
    read=rows_of_language,
)
TRAINED_ON_HUB = replace(TESTED_ON_HUB, files={"train": "tydiqa/train-*.parquet"}, languages={"en": "english"})
TASK = Task(
    name="tydiqa",
    kind="question_answering",
    title="answers in a passage (TyDi QA), asked in the language itself, trained on English, 9 languages",
    read=partial(read, LAYOUTS),
    layouts=LAYOUTS,
    hub=(TRAINED_ON_HUB, TESTED_ON_HUB),
    read_machine=partial(read_machine, MACHINE),
    languages=tuple(LANGUAGES),
    dev_split=None,
    parallel=("train",),
    metric="squad_F1",
    other_metrics=("squad_exact_match", "answer_F1"),
    folder="tydiqa",
    siblings=("translate_train", "xtreme_translations/TyDiQA-GoldP"),
    translation_source="machine",
    sizes={"train/en": 3696} | {f"test/{tag}": size for tag, (_, size) in LANGUAGES.items()},
    paper="Clark et al. 2020, arXiv 2003.05002",
    licence="Apache-2.0",
)
