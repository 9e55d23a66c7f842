"""Scores of translations by a program of the user's, say COMET in an environment of its own.

It reads JSON lines with `source_language`, `language`, `source` and `translation` on standard input, and writes a
number on a line for each of them, higher for better, on standard output.
"""

import json
import math
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from threading import Thread
from typing import IO

from isogloss.data.checks import texts
from isogloss.data.parallel_set import Row
from isogloss.errors import UserError


def program_scores(command: Sequence[str], rows: Iterable[Row], count: int) -> list[float]:
    """The scores that a program of the user's gives the rows; it is fed while it answers.

    Raises:
        UserError: it cannot be started, failed, or did not write a number on a line for every row.
    """
    name = command[0]
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
    except OSError as error:
        raise UserError(f"gate quality: cannot start {name!r}: {error.strerror}; check the command") from None
    assert process.stdin is not None and process.stdout is not None
    feeder = Thread(target=_feed, args=(process.stdin, rows), daemon=True)
    feeder.start()
    try:
        with process.stdout as answers:
            scores = [_number(line, name) for line in answers]
        feeder.join()
        process.wait()
    except BaseException:
        process.kill()  # the feeder finds nobody who reads then; it alone closes what it writes to
        process.wait()
        raise
    if process.returncode:
        raise UserError(f"gate quality: {name!r} ended with exit code {process.returncode}; its own words are above")
    if len(scores) != count:
        raise UserError(f"gate quality: {name!r} wrote {len(scores)} numbers for {count} rows; one a line is expected")
    return scores


def _feed(stdin: IO[str], rows: Iterable[Row]) -> None:
    with suppress(BrokenPipeError), stdin:  # a program that ended says so by its exit code
        for row in rows:
            line = {"source_language": row.original.language, "language": row.language}
            line |= {"source": "\n".join(texts(row.original).values())}
            line |= {"translation": "\n".join(texts(row.translation).values()) if row.translation else ""}
            stdin.write(json.dumps(line, ensure_ascii=False) + "\n")


def _number(line: str, name: str) -> float:
    try:
        found = float(line)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise UserError(f"gate quality: {name!r} wrote {line.strip()[:60]!r} where a number is expected")
    return found
