"""Questions in the files of SQuAD's form that their authors, XTREME and FILTER ship, and their machine translations.

A machine translation keeps the ids of what it translates. It may lack some of them, and where the answer could not be
found again in the translated text, its place is negative or the answer empty.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from isogloss.data.checks import repeated, some
from isogloss.data.formats import find, read_squad
from isogloss.errors import UserError
from isogloss.records import Answer, Question


def read_questions(path: Path, tag: str) -> list[Question]:
    """The questions of a file in one language."""
    return [question for paragraph in read_squad(path, tag) for question in paragraph]


def read_questions_of_language(path: Path, tag: str, name: str) -> list[Question]:
    """The questions of one language in a file of several, whose ids begin with the language's English name."""
    return [question for question in read_questions(path, tag) if question.id.startswith(f"{name}-")]


def read_translated_questions(path: Path, tag: str) -> list[Question]:
    """The questions of a machine translation; one whose answer was not found again has none."""
    return [question for paragraph in read_squad(path, tag, keep=_was_found) for question in paragraph]


def read_questions_alone(path: Path, tag: str) -> list[Question]:
    """The questions of a file without their answers, which are not looked at."""
    return [question for paragraph in read_squad(path, tag, keep=lambda answer: False) for question in paragraph]


def trainable(questions: Sequence[Question], originals: Sequence[Question], path: Path) -> list[Question]:
    """The translated questions of a file that kept their answer and have an original; the others are told and left out.

    Raises:
        UserError: none has an original, or ids occur twice; but see `named_as`.
    """
    where = f"{find(path)}: {len(questions)} questions"
    questions = named_as(questions, originals, where)
    known = {original.id for original in originals}
    lost = [question.id for question in questions if not question.answers]
    strange = [question.id for question in questions if question.id not in known]
    if questions and len(strange) == len(questions):
        there = some([original.id for original in originals], 2)
        raise UserError(f"{where}, of which none has an English original; ids {some(strange, 2)} here, {there} there")
    for ids, what in ((lost, "have lost their answer"), (strange, "have no English original")):
        if ids:
            print(f"{where}, {len(ids)} {what} and are left out, ids {some(ids)}", file=sys.stderr)
    return [question for question in questions if question.answers and question.id in known]


def named_as(questions: Sequence[Question], originals: Sequence[Question], where: str) -> Sequence[Question]:
    """The translated questions; where ids occur twice, under those of the originals, which they must follow one by one.

    XTREME's files of TyDi QA cut ids down to the last of their numbers, which many questions share.

    Raises:
        UserError: ids occur twice, and the questions are not the originals one by one.
    """
    double = repeated(questions)
    if not double:
        return questions
    if [_last(question) for question in questions] != [_last(original) for original in originals]:
        raise UserError(
            f"{where}, ids {some(double)} occur twice, and they are not the {len(originals)} English ones one by one; "
            "get the translation of a file whose ids name one question each"
        )
    return [replace(question, id=original.id) for question, original in zip(questions, originals, strict=True)]


def _last(question: Question) -> str:
    return question.id.rpartition("-")[2]


def _was_found(answer: Answer) -> bool:
    return answer.start >= 0 and bool(answer.text.strip())
