"""Labelled data to be translated: from files of many forms, or the split of a task; read again for every pass."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from isogloss.data.checks import check_records, some
from isogloss.data.formats import OPENERS, find, read_conllu, read_header, read_table
from isogloss.data.jsonl import parse_lines, parse_record
from isogloss.data.questions import read_questions
from isogloss.data.tagged_text import read_tagged
from isogloss.errors import UserError
from isogloss.lines import lines_from
from isogloss.records import Question, Record, Sentence, TaggedSentence, by_language

KINDS = {Sentence: "classification", TaggedSentence: "tagging", Question: "question_answering"}
COLUMNS = ("id", "language", "text", "text_pair", "label")  # of a table; text is needed


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one kind of task; `rows` gives them from the beginning whenever it is called."""

    kind: str
    languages: tuple[str, ...]
    total: int
    rows: Callable[[], Iterable[Record]]


def records_of(records: Sequence[Record], where: str = "records") -> Records:
    """Records in memory.

    Raises:
        UserError: there are none, they are of several kinds, an id occurs twice in a language, a text is empty.
    """
    for group in by_language(records).values():
        check_records(group, where)
    return _looked_through(lambda: records, where)


def records_of_file(path: Path, source: str | None) -> Records:
    """The records of a file, by its name: .jsonl, .json (SQuAD), .tsv with a header, .conllu, .conll; also packed.

    source: the language of the texts, where the file does not say it.

    Raises:
        UserError: the file cannot be read, a record is wrong, or its language is not known or not the source.
    """
    suffix = (path.with_suffix("") if path.suffix in OPENERS else path).suffix
    readers = {".json": read_questions, ".conllu": read_conllu, ".conll": read_tagged}
    if suffix == ".jsonl":
        return _of_source(_looked_through(lambda: _json_lines(path), str(path)), source, path)
    if suffix == ".tsv":
        return _of_source(records_of(_table(path, source), str(path)), source, path)
    if suffix not in readers:
        known = ", ".join([".jsonl", ".tsv", *readers])
        raise UserError(f"{path}: the name does not say what is in it; records are in {known}, lines come by `< FILE`")
    if source is None:
        raise UserError(f"{path} does not say what language it is in; give it with --from")
    return records_of(readers[suffix](path, source), str(path))


def records_of_task(name: str, data: Path | None, split: str, source: str | None) -> Records:
    """The records of a task's split in its training language, or in another one.

    Raises:
        UserError: there is no such task, split or language, its files are not there, or it has no texts with labels.
    """
    from isogloss.data.task_data import read_split
    from isogloss.tasks import load_task

    task = load_task(name)
    if task.kind not in KINDS.values():
        raise UserError(f"task {name} has pairs of texts and translations; there is nothing to translate")
    tag = source or task.train_language
    records = read_split(task, data, split, [tag])[tag]
    return Records(task.kind, (tag,), len(records), lambda: records)


def _looked_through(rows: Callable[[], Iterable[Record]], where: str) -> Records:
    """The records, all of which were read once: what is wrong with the last is told before the first is paid for."""
    names: dict[str, set[str]] = {}
    kinds: set[str] = set()
    double: list[str] = []
    total = 0
    for record in rows():
        known = names.setdefault(record.language, set())
        if record.id in known:
            double.append(record.id)
        known.add(record.id)
        kinds.add(KINDS[type(record)])
        total += 1
    if not total:
        raise UserError(f"{where}: no items; the file is empty")
    if double:
        raise UserError(f"{where}: duplicate ids {some(double)}; an id must name one item of a language")
    if len(kinds) > 1:
        raise UserError(f"{where} has records for {' and '.join(sorted(kinds))}; put them into files of their own")
    return Records(kinds.pop(), tuple(names), total, rows)


def _of_source(records: Records, source: str | None, path: Path) -> Records:
    """The records, if all are in the source language that was given.

    Raises:
        UserError: some are not.
    """
    others = [tag for tag in records.languages if source not in (None, tag)]
    if others:
        raise UserError(f"{path} has records in {', '.join(others)}, not in {source} as --from says; leave it out")
    return records


def _json_lines(path: Path) -> Iterator[Record]:
    with lines_from(path) as lines:
        yield from parse_lines(lines, str(find(path)))


def _table(path: Path, source: str | None) -> list[Record]:
    """The records of a table whose header names some of COLUMNS; rows without an id are numbered from 1."""
    header = read_header(path)
    columns = [column for column in COLUMNS if column in header]
    records = []
    for number, row in enumerate(read_table(path, columns or ["text"]), 1):
        cells = {column: cell for column, cell in zip(columns, row.values, strict=True) if cell}
        records.append(parse_record({"id": str(number), "language": source, **cells}, row.where, "classification"))
    return records
