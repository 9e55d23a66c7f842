"""Repositories of the Hub that several tasks read, each at one commit, and the rows of their questions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from isogloss.data.formats import check_answers
from isogloss.data.hub import Hub, Reader, Row
from isogloss.data.text_pairs import pairs_of_rows
from isogloss.records import Answer, Question

STRIPPED = 10  # characters of white space that a copy may have lost before a context; TyDi QA has up to 6

xtreme = partial(Hub, repository="google/xtreme", revision="ec5f1f46e9af79639a90684a7a70a956c4998f04")


def xglue(
    task: str,
    languages: Sequence[str],
    columns: tuple[str, ...],
    labels: Mapping[str, str],
    read: Reader = pairs_of_rows,
) -> tuple[Hub, Hub]:
    """Where the English training items of a task of XGLUE are, and where its dev and test items.

    Microsoft's repository needs its script, which datasets runs no more; this copy holds what the script made.
    """
    tested = Hub(
        repository="hgissbkh/xglue",
        revision="de1926389545bc73d13a5b850f2596bdaf463f72",
        files={"dev": f"{task}/validation.{{language}}-*.parquet", "test": f"{task}/test.{{language}}-*.parquet"},
        languages={tag: tag for tag in languages},
        columns=columns,
        labels=labels,
        read=read,
    )
    return replace(tested, files={"train": f"{task}/train-*.parquet"}, languages={"en": "en"}), tested


def questions_of_rows(rows: Iterable[Row], tag: str) -> list[Question]:
    """The questions of rows with an id, a question, its context and its answers.

    XTREME's copies have lost the white space around their texts, so an answer may begin a little before its place (or
    behind it, if the white space was its own); the nearest place where it does is taken.

    Raises:
        UserError: an answer is not near its place.
    """
    questions = []
    for name, question, context, given in rows:
        places = zip(given["text"], given["answer_start"], strict=True)
        answers = tuple(Answer(text, _nearest(text, context, start)) for text, start in places)
        check_answers(answers, context, f"question {name!r} in {tag}, from the Hub")
        questions.append(Question(id=name, language=tag, question=question, context=context, answers=answers))
    return questions


def _nearest(text: str, context: str, start: int) -> int:
    """The place next to `start` where the text is; `start` if there is none near."""
    places = (place for distance in range(STRIPPED + 1) for place in (start - distance, start + distance))
    return next((place for place in places if place >= 0 and context.startswith(text, place)), start)


QUESTION = ("id", "question", "context", "answers")
SQUAD = Hub(
    repository="rajpurkar/squad",
    revision="7b6d24c440a36b6815f21b70d25016731768db1f",
    files={"train": "plain_text/train-*.parquet"},
    languages={"en": "en"},
    columns=QUESTION,
    read=questions_of_rows,
)
