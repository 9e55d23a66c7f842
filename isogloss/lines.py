"""Lines from a file or standard input, and to a file or standard output, as a command in a pipe reads and writes."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from isogloss.data.formats import open_text
from isogloss.errors import UserError

STANDARD_INPUT = "standard input"


@contextmanager
def lines_from(source: Path | None) -> Iterator[Iterable[str]]:
    """The lines of a file, or of standard input, which stays open; with their ends.

    Raises:
        UserError: the file cannot be read, or a line is not UTF-8.
    """
    if source is None:
        yield _standard_input()
        return
    with open_text(source) as lines:
        yield lines


def write_lines(target: Path | None, lines: Iterable[str]) -> None:
    """Nothing; the lines are written to standard output, or to a file that appears when all of it is there.

    Raises:
        UserError: the file cannot be written.
    """
    if target is None:
        _print(lines)
        return
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
        os.replace(temporary, target)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror}; choose another --output") from None
    finally:
        temporary.unlink(missing_ok=True)


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


def _print(lines: Iterable[str]) -> None:
    """Write lines to standard output; a reader that has had enough (`| head`) ends the program quietly."""
    try:
        sys.stdout.writelines(lines)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it ends
