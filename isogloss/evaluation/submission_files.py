"""The files of XTREME's submission: predictions about the records of one language, as its scorer reads them.

Its scorer and its example files say: a label per line in the order of the test file; a tag per line and a blank line
between sentences; one JSON object of answers by id; two ids with a tab between them (BUCC); a number for each English
sentence (Tatoeba).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from isogloss.data.checks import some
from isogloss.data.formats import open_text
from isogloss.errors import UserError, nearest
from isogloss.languages import language
from isogloss.records import Bitext, MinedPrediction, NearestPrediction
from isogloss.tasks import Task

Lines = Mapping[tuple[str, str], Mapping[str, Any]]  # predictions as `isogloss predict` writes them, by language and id


def read_predictions(path: Path) -> Lines:
    """The predictions in a file of JSON lines, by language and id.

    Raises:
        UserError: a line is no JSON object, or has no id or language.
    """
    found = {}
    with open_text(path) as text:
        for number, row in enumerate(text, 1):
            if not row.strip():
                continue
            try:
                line = json.loads(row)
                found[language(line["language"]).tag, str(line["id"])] = line
            except (json.JSONDecodeError, KeyError, TypeError) as error:
                raise UserError(
                    f"{path}:{number}: not a prediction ({error!r}); `isogloss predict` writes them"
                ) from error
    return found


def task_text(task: Task, records: Sequence[Any], lines: Lines, source: str) -> str:
    """The contents of the file of one language, an answer for every record; `source` is named in errors.

    Raises:
        UserError: a record has no answer, or one that its task does not have.
    """
    where = f"{source}: task {task.name}, language {records[0].language}"
    missing = [record.id for record in records if (record.language, record.id) not in lines]
    if missing:
        raise UserError(f"{where}: {len(missing)} of {len(records)} items have no prediction, ids {some(missing)}")
    try:
        return FORMS[task.kind](task, records, [lines[record.language, record.id] for record in records])
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    except (KeyError, TypeError) as error:
        raise UserError(f"{where}: these are no predictions of {task.kind} ({error!r})") from error


def labels_text(task: Task, records: Sequence[Any], lines: Sequence[Mapping[str, Any]]) -> str:
    """A label per line."""
    return "".join(f"{_known(line['label'], task)}\n" for line in lines)


def tags_text(task: Task, records: Sequence[Any], lines: Sequence[Mapping[str, Any]]) -> str:
    """A tag per line and word, a blank line between sentences."""
    for record, line in zip(records, lines, strict=True):
        if len(line["tags"]) != len(record.words):
            raise UserError(f"item {record.id!r} has {len(record.words)} words but {len(line['tags'])} tags")
    return "\n".join("".join(f"{_known(tag, task)}\n" for tag in line["tags"]) for line in lines)


def answers_text(task: Task, records: Sequence[Any], lines: Sequence[Mapping[str, Any]]) -> str:
    """One JSON object: the text of each answer by the question's id."""
    answers = {record.id: line["answer"]["text"] for record, line in zip(records, lines, strict=True)}
    return json.dumps(answers, indent=2) + "\n"  # ASCII, as in XTREME's examples: whatever encoding reads it


FORMS: dict[str, Callable[[Task, Sequence[Any], Sequence[Mapping[str, Any]]], str]] = {
    "classification": labels_text,
    "tagging": tags_text,
    "question_answering": answers_text,
}


def _known(label: str, task: Task) -> str:
    if label not in task.labels:
        raise UserError(f"unknown label {label!r}; {nearest(str(label), task.labels)}")
    return label


def retrieval_text(records: Sequence[Any], predictions: Sequence[Any]) -> str:
    """The contents of the file of one language: the nearest sentences of a bitext, or mined pairs."""
    return (nearest_text if isinstance(records[0], Bitext) else mined_text)(records, predictions)


def mined_text(records: Sequence[Any], predictions: Sequence[MinedPrediction]) -> str:
    """The ids of a sentence and its translation on a line, without the sentences for which none was found."""
    return "".join(f"{each.id}\t{each.translation}\n" for each in predictions if each.translation is not None)


def nearest_text(records: Sequence[Bitext], predictions: Sequence[NearestPrediction]) -> str:
    """For each English sentence the number, from 0, of the nearest sentence of the other language.

    XTREME's preparation sorts the English side by code points and leaves the other in its order.
    """
    number = {record.id: i for i, record in enumerate(records)}
    order = sorted(range(len(records)), key=lambda i: records[i].translation.strip())  # equals in their order
    return "".join(f"{number[predictions[i].label]}\n" for i in order)
