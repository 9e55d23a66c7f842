"""Predict JSON lines: from a file or standard input to a file or standard output, in order, a block at a time."""

import json
import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from isogloss.data.formats import open_text
from isogloss.data.jsonl import parse_lines
from isogloss.errors import UserError
from isogloss.precision import FLOAT32
from isogloss.processes import is_first, read_by_first
from isogloss.records import to_json
from isogloss.runs import Predictor, load

BLOCK = 1024  # records predicted at a time: memory stays small however long the input is
STANDARD_INPUT = "standard input"


def predict_lines(run: Path, source: Path | None, target: Path | None, precision: str = FLOAT32) -> None:
    """Write one JSON line of prediction per line of the source.

    The target file appears only when all of it is written. Of several processes the first reads and writes.

    Raises:
        UserError: a line is no record of the run's task (file and line are named), or the target cannot be written.
    """
    predictor = load(run, precision=precision)
    with _lines(source) as lines:
        predictions = predicted(predictor, read_by_first(lines), str(source or STANDARD_INPUT))
        if not is_first():
            deque(predictions, maxlen=0)  # its share of the work is done on the way
        elif target is None:
            _print(predictions)
        else:
            _write(target, predictions)


def predicted(predictor: Predictor, lines: Iterable[str], name: str) -> Iterator[str]:
    """The predictions of JSON lines, as JSON lines."""
    records = parse_lines(lines, name, predictor.task.kind)
    while block := list(islice(records, BLOCK)):
        for prediction in predictor.predict(block):
            yield json.dumps(to_json(prediction), ensure_ascii=False) + "\n"


@contextmanager
def _lines(source: Path | None) -> Iterator[Iterable[str]]:
    """The lines of a file, or of standard input, which stays open; none in other processes than the first."""
    if not is_first():
        yield ()
    elif source is not None:
        with open_text(source) as lines:
            yield lines
    else:
        yield _standard_input()


def _standard_input() -> Iterator[str]:
    """The lines of standard input in UTF-8, whatever the locale says, without a byte order mark.

    Raises:
        UserError: a line is not UTF-8.
    """
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            byte = f"{line[error.start]:#x}"
            raise UserError(f"{STANDARD_INPUT}:{number}: byte {byte} is not UTF-8; convert the lines first") from None


def _write(target: Path, lines: Iterable[str]) -> None:
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.writelines(lines)
        os.replace(temporary, target)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror}; choose another --output") from None
    finally:
        temporary.unlink(missing_ok=True)


def _print(lines: Iterable[str]) -> None:
    """Write lines to standard output; a reader that has had enough (`| head`) ends the program quietly."""
    try:
        sys.stdout.writelines(lines)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it ends
