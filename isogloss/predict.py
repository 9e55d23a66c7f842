"""Predict JSON lines: from a file or standard input to a file or standard output, in order, a block at a time."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TextIO

from isogloss.data.formats import open_text
from isogloss.data.jsonl import parse_lines
from isogloss.errors import UserError
from isogloss.records import to_json
from isogloss.runs import Predictor, load

BLOCK = 1024  # records predicted at a time: memory stays small however long the input is


def predict_lines(run: Path, source: Path | None, target: Path | None) -> None:
    """Write one JSON line of prediction per line of the source.

    The target file appears only when all of it is written.

    Raises:
        UserError: a line is no record of the run's task (file and line are named), or the target cannot be written.
    """
    predictor = load(run)
    with open_text(source) if source else _standard_input() as lines:
        name = str(source) if source else "standard input"
        predictions = predicted(predictor, lines, name)
        if target is None:
            _print(predictions)
            return
        temporary = target.with_name(f".{target.name}.tmp")
        try:
            with temporary.open("w", encoding="utf-8") as file:
                file.writelines(predictions)
            os.replace(temporary, target)
        except OSError as error:
            raise UserError(f"cannot write {target}: {error.strerror}; choose another --output") from None
        finally:
            temporary.unlink(missing_ok=True)


def predicted(predictor: Predictor, lines: Iterable[str], name: str) -> Iterator[str]:
    """The predictions of JSON lines, as JSON lines."""
    records = parse_lines(lines, name, predictor.task.kind)
    while block := list(islice(records, BLOCK)):
        for prediction in predictor.predict(block):
            yield json.dumps(to_json(prediction), ensure_ascii=False) + "\n"


def _print(lines: Iterable[str]) -> None:
    """Write lines to standard output; a reader that has had enough (`| head`) ends the program quietly."""
    try:
        sys.stdout.writelines(lines)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it ends


class _standard_input:
    """Standard input as a context that stays open."""

    def __enter__(self) -> TextIO:
        return sys.stdin

    def __exit__(self, *_: object) -> None:
        return None
