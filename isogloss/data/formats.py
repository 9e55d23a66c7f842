"""Readers of raw formats: tables, CoNLL blocks, CoNLL-U, SQuAD. Text is UTF-8; .gz and .bz2 are opened unseen.

Every error names the file and, where there is one, the line.
"""

import bz2
import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Any

from isogloss.errors import MissingFile, UserError
from isogloss.records import Answer, Offsets, Question, TaggedSentence

PACKINGS = ("", ".gz", ".bz2")
OPENERS = {".gz": gzip.open, ".bz2": bz2.open}


def packed(path: Path) -> Path | None:
    """The file of that name, or its .gz or .bz2; None if there is none."""
    names = (path.with_name(path.name + packing) for packing in PACKINGS)
    return next((name for name in names if name.is_file()), None)


def find(path: Path) -> Path:
    """The file of that name, or its .gz or .bz2.

    Raises:
        MissingFile: there is none; the message names the nearest files of the folder.
    """
    if (found := packed(path)) is not None:
        return found
    if not path.parent.is_dir():
        raise MissingFile(f"{path}: no such file, and no folder {path.parent}; check --data")
    names = sorted(entry.name for entry in path.parent.iterdir())
    close = get_close_matches(path.name, names, n=3, cutoff=0.5) or names[:5]
    raise MissingFile(f"{path}: no such file; the folder holds {', '.join(close) or 'nothing'}")


@contextmanager
def open_text(path: Path) -> Iterator[IO[str]]:
    """The text of a file, line ends untouched.

    Raises:
        UserError: the file is missing, is not UTF-8, or its packing is damaged.
    """
    found = find(path)
    opener = OPENERS.get(found.suffix, open)
    try:
        with opener(found, "rb") as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
            yield text
    except UnicodeDecodeError as error:
        byte = f"{error.object[error.start]:#x}"
        raise UserError(f"{found}{_undecodable(found)}: byte {byte} is not UTF-8; convert the file first") from error
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{found}: cannot be read ({error}); fetch it again") from error


def _undecodable(found: Path) -> str:
    """`:line` of the first line of a file that is not UTF-8."""
    with OPENERS.get(found.suffix, open)(found, "rb") as raw:
        for number, line in enumerate(raw, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return f":{number}"
    return ""


def read_lines(path: Path) -> list[str]:
    """The lines of a file, without line ends; only line feeds end a line."""
    with open_text(path) as text:
        lines = text.read().split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


@dataclass(frozen=True, slots=True)
class Row:
    """The chosen columns of one line of a table, and where it stood."""

    where: str  # file:line
    values: tuple[str, ...]


def read_table(path: Path, columns: Sequence[str | int], *, delimiter: str = "\t", quoting: bool = False) -> list[Row]:
    """The rows of a table; columns are names of its header line, or numbers from 0 if it has none.

    Quotes are ordinary characters unless `quoting` is set; then fields follow the CSV rules and may hold line feeds.

    Raises:
        UserError: a column is missing, a row has not as many columns as the first one, or there is no row.
    """
    named = [column for column in columns if isinstance(column, str)]
    with open_text(path) as text:
        found = find(path)
        lines = _csv_lines(text, delimiter, found) if quoting else _plain_lines(text, delimiter)
        header = next(lines, (1, []))[1] if named else []
        for column in named:
            if column not in header:
                raise UserError(f"{found}:1: no column {column!r}; the columns are {', '.join(header) or 'none'}")
        places = [header.index(column) if isinstance(column, str) else column for column in columns]
        expected, rows = len(header), []
        for number, cells in lines:
            if cells != [""]:
                expected = expected or max(len(cells), *(place + 1 for place in places))
                rows.append(_row(f"{found}:{number}", cells, places, expected))
    if not rows:
        raise UserError(f"{found}: no rows; the file is empty")
    return rows


def read_header(path: Path) -> list[str]:
    """The cells of a table's first line."""
    with open_text(path) as text:
        return text.readline().rstrip("\r\n").split("\t")


def width(path: Path) -> int:
    """The number of columns of a table's first row; 1 if there is none."""
    return _first_row(path)[1]


def labelled_width(path: Path, columns: int) -> int:
    """The number of columns of a table whose last one, the label, may have been taken out.

    Raises:
        UserError: it has another number.
    """
    number, count = _first_row(path)
    if count not in (columns, columns - 1):
        told = f"{count} columns where {columns} were expected, or {columns - 1} without the label"
        raise UserError(f"{find(path)}:{number}: {told}")
    return count


def _first_row(path: Path) -> tuple[int, int]:
    """The number of the first line that is not blank, and of its columns; 1 and 1 if there is none."""
    with open_text(path) as text:
        rows = ((number, line.count("\t") + 1) for number, line in enumerate(text, 1) if line.strip())
        return next(rows, (1, 1))


def _plain_lines(text: IO[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.read().split("\n"), 1):
        yield number, line.removesuffix("\r").split(delimiter)


def _csv_lines(text: IO[str], delimiter: str, found: Path) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text, delimiter=delimiter)
    try:
        for cells in reader:
            yield reader.line_num, cells or [""]
    except csv.Error as error:
        raise UserError(f"{found}:{reader.line_num}: not CSV ({error}); look for an unclosed quote above it") from error


def _row(where: str, cells: list[str], places: Sequence[int], expected: int) -> Row:
    if len(cells) != expected:
        raise UserError(
            f"{where}: {len(cells)} columns where {expected} were expected; look for a missing or stray tab"
        )
    return Row(where, tuple(cells[place] for place in places))


@dataclass(frozen=True, slots=True)
class Block:
    """One sentence of a CoNLL file: its comments (`# key = value` or `# key: value`), its rows, and where it began."""

    where: str  # file:line of the first row
    comments: Mapping[str, str]
    rows: tuple[tuple[str, ...], ...]


def read_conll(path: Path, *, columns: int, commented: bool = True) -> list[Block]:
    """The blocks of a CoNLL file with that many tab-separated columns, separated by blank lines.

    commented: whether a line above a block that begins with `#` is one, and not a word.

    Raises:
        UserError: a row has another number of columns, or the file holds no block.
    """
    found, blocks = find(path), []
    comments: dict[str, str] = {}
    rows: list[tuple[str, ...]] = []
    start = 0
    for number, line in enumerate([*read_lines(path), ""], 1):
        if not line.strip():
            if rows:
                blocks.append(Block(f"{found}:{start}", comments, tuple(rows)))
            comments, rows = {}, []
        elif commented and line.startswith("#") and not rows:
            key, value = _comment(line)
            comments[key] = value
        else:
            cells = tuple(line.split("\t"))
            if len(cells) != columns:
                raise UserError(f"{found}:{number}: {len(cells)} columns where {columns} were expected")
            start = start if rows else number
            rows.append(cells)
    if not blocks:
        raise UserError(f"{found}: no sentences; the file is empty")
    return blocks


def _comment(line: str) -> tuple[str, str]:
    body = line[1:].strip()
    marks = [mark for mark in ("=", ":") if mark in body]
    mark = min(marks, key=body.index) if marks else "="
    key, _, value = body.partition(mark)
    return key.strip(), value.strip()


def align_words(words: Sequence[str], text: str, where: str) -> tuple[Offsets, ...]:
    """Offsets of the words in their text, between which there is nothing but white space.

    Raises:
        UserError: the words do not spell the text; the message names the first that does not fit.
    """
    offsets, position = [], 0
    for word in words:
        start = text.find(word, position)
        if not word or start < 0 or text[position:start].strip():
            raise UserError(
                f"{where}: word {word!r} does not follow in the text at character {position}: {text[:60]!r}"
            )
        position = start + len(word)
        offsets.append((start, position))
    if text[position:].strip():
        raise UserError(f"{where}: the words end before the text does, at character {position}: {text[:60]!r}")
    return tuple(offsets)


def read_conllu(path: Path, language: str) -> list[TaggedSentence]:
    """The sentences of a CoNLL-U file with their universal POS tags, over the untouched text.

    A token that stands for several syntactic words (`don't`, `am`) is split where the words spell it (`do` `n't`).
    Where they do not (`an` `dem`), it is one word with the tag of the first. Empty nodes are left out.
    """
    return [_conllu_sentence(block, language) for block in read_conll(path, columns=10)]


def _conllu_sentence(block: Block, language: str) -> TaggedSentence:
    for key in ("sent_id", "text"):
        if key not in block.comments:
            raise UserError(f"{block.where}: the sentence has no `# {key} =` line above it")
    words: list[str] = []
    tags: list[str] = []
    rows = [row for row in block.rows if "." not in row[0]]
    i = 0
    while i < len(rows):
        first, _, last = rows[i][0].partition("-")
        parts = rows[i + 1 : i + 2 + int(last) - int(first)] if last else rows[i : i + 1]
        if last and "".join(row[1] for row in parts) != rows[i][1]:
            words.append(rows[i][1])
            tags.append(parts[0][3])
        else:
            words += [row[1] for row in parts]
            tags += [row[3] for row in parts]
        i += len(parts) + bool(last)
    text, name = block.comments["text"], block.comments["sent_id"]
    offsets = align_words(words, text, block.where)
    return TaggedSentence(id=name, language=language, text=text, words=offsets, tags=tuple(tags))


def read_squad(
    path: Path, language: str, *, keep: Callable[[Answer], bool] = lambda answer: True
) -> list[list[Question]]:
    """The questions of each paragraph of a SQuAD file, in their order, with those of their answers that `keep` takes.

    Raises:
        UserError: the file is not SQuAD, or an answer that is kept is not where it says.
    """
    found = find(path)
    with open_text(path) as text:
        try:
            content = json.load(text)
        except json.JSONDecodeError as error:
            raise UserError(f"{found}:{error.lineno}: not JSON ({error.msg}); fetch it again") from error
    try:
        paragraphs = [paragraph for article in content["data"] for paragraph in article["paragraphs"]]
        return [
            [_squad_question(item, each["context"], language, found, keep) for item in each["qas"]]
            for each in paragraphs
        ]
    except (KeyError, TypeError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise UserError(
            f"{found}: not in SQuAD form (data > paragraphs > context, qas > id, question, answers); {what}"
        ) from error


def _squad_question(
    item: Mapping[str, Any], context: Any, language: str, found: Path, keep: Callable[[Answer], bool]
) -> Question:
    name = str(item["id"])
    given = (Answer(_typed(each["text"], str), _typed(each["answer_start"], int)) for each in item["answers"])
    answers = tuple(filter(keep, given))
    check_answers(answers, _typed(context, str), f"{found}: question {name!r}")
    question = _typed(item["question"], str)
    return Question(id=name, language=language, question=question, context=context, answers=answers)


def _typed(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{str(value)[:40]!r} stands where {'a text' if kind is str else 'a whole number'} should")
    return value


def check_answers(answers: Sequence[Answer], context: str, where: str) -> None:
    """Nothing; `context[start:]` begins with every answer.

    Raises:
        UserError: one does not; the message says where the text really is.
    """
    for answer in answers:
        if answer.start < 0 or not context.startswith(answer.text, answer.start):
            place = context.find(answer.text)
            real = f"the text is at {place}" if place >= 0 else "the text is not in the context"
            raise UserError(
                f"{where}: answer_start {answer.start} is not where answer {answer.text!r} begins; {real} "
                "(offsets count characters)"
            )
