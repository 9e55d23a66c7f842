"""Parallel data sets: records of one language and what a translator made of them in others, as Parquet joined by id.

    DIR/parallel_set.json           kind of task, provenance, languages, how many rows were accepted
    DIR/originals/en.parquet        the records that were translated
    DIR/translations/de.parquet     their translations, with score, flags and how each labelled span was found
    DIR/rejected/de.parquet         those that are not to be used, with the reason

Every original is in exactly one of the two files of each language. The same rows give the same bytes.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.compute import call_function as call

from isogloss.data.checks import record_labels
from isogloss.data.on_disk import OnDisk
from isogloss.errors import UserError
from isogloss.files import new_folder, write_atomic
from isogloss.records import OUTSIDE, Answer, Question, Record, Sentence, TaggedSentence

FORMAT = 1
MANIFEST = "parallel_set.json"
ORIGINALS, TRANSLATIONS, REJECTED = "originals", "translations", "rejected"  # folders
GROUP = 4096  # rows that are written together and read together
GOLD = "gold"  # the status of an original's spans

_OFFSETS = pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32())]))
_SPANS = pa.list_(
    pa.struct([("start", pa.int32()), ("end", pa.int32()), ("label", pa.string()), ("status", pa.string())])
)
_TEXTS = {
    "classification": [
        ("text", pa.string()),
        ("text_pair", pa.string()),
        ("label", pa.string()),
        ("group", pa.string()),
    ],
    "tagging": [("text", pa.string()), ("words", _OFFSETS), ("tags", pa.list_(pa.string())), ("spans", _SPANS)],
    "question_answering": [("question", pa.string()), ("context", pa.string()), ("spans", _SPANS)],
}
_OF_TRANSLATIONS = [("source_language", pa.string()), ("score", pa.float64()), ("flags", pa.list_(pa.string()))]
_OF_REJECTED = [*_OF_TRANSLATIONS, ("reason", pa.string()), ("detail", pa.string())]
_MORE = {ORIGINALS: [], TRANSLATIONS: _OF_TRANSLATIONS, REJECTED: _OF_REJECTED}
KINDS = tuple(_TEXTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of one record in one language: its translation, or the reason why there is none to be used.

    reason: a word that can be counted (`engine`, `answer_lost`, or the name of a gate); detail: the particulars.
    """

    original: Record  # without translations
    language: str  # BCP-47, of the translation
    translation: Record | None = None  # under the original's id; of a rejected row whatever there is, for people to see
    status: tuple[str, ...] = ()  # how each labelled span of the translation was found: marked, exact, fuzzy ...
    score: float | None = None  # log-probability per token, in nats; None where the engine does not tell
    similarity: float | None = None  # of the most similar example that the engine was shown; None where it was none
    flags: tuple[str, ...] = ()  # gates that could not judge it
    reason: str | None = None  # why it is rejected; None = accepted
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ParallelSet:
    """A parallel data set on disk, opened; its rows are read when they are asked for."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The kind of task of its records."""
        return self.manifest["kind"]

    @property
    def sources(self) -> tuple[str, ...]:
        """The languages of the originals."""
        return tuple(self.manifest["originals"])

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of the translations."""
        return tuple(self.manifest["translations"])

    def originals(self, tag: str) -> list[Record]:
        """The records in a language that were translated."""
        lines = lines_of(self.folder / ORIGINALS / f"{tag}.parquet")
        return [record_of(line, self.kind) for line in lines]

    def translations(self, tag: str, source: str) -> list[Record]:
        """The accepted translations into a language of the originals in another, under their ids."""
        lines = lines_of(self.folder / TRANSLATIONS / f"{tag}.parquet")
        return [record_of(line, self.kind) for line in lines if line["source_language"] == source]

    def opened(self, tag: str, source: str) -> OnDisk[Sentence] | None:
        """The translations of `translations` in Arrow's compact form, each made a record when it is asked for.

        None unless every id is a number and no text or label is missing: the rest is for `translations` to read.
        """
        path = self.folder / TRANSLATIONS / f"{tag}.parquet"
        if self.kind != "classification" or not path.is_file():
            return None
        table = pq.read_table(
            path, columns=schema(self.kind, ORIGINALS).names, filters=[("source_language", "=", source)]
        )
        try:
            numbers = table["id"].cast(pa.int32())
        except pa.ArrowInvalid:
            return None
        texts = [table["text"], table["text_pair"]] if table["text_pair"].null_count < len(table) else [table["text"]]
        whole = all(column.null_count == 0 for column in (*texts, table["label"]))
        if not (whole and numbers.cast(pa.string()).equals(table["id"]) and not any(map(_has_blank, texts))):
            return None
        sizes = np.sum([call("binary_length", [column]).to_numpy() for column in texts], axis=0)
        labels = frozenset(table["label"].unique().to_pylist())
        batches = table.combine_chunks().slice  # a row is found at once in a table of one piece

        def read(i: int) -> Sentence:
            (line,) = batches(i, 1).to_pylist()
            return record_of(line, self.kind)  # pyright: ignore[reportReturnType]

        return OnDisk(read, numbers.to_numpy(), sizes, labels)


def _has_blank(column: pa.ChunkedArray) -> bool:
    lengths = call("binary_length", [call("utf8_trim_whitespace", [column])])
    return not lengths.to_numpy().all()


def read_parallel_set(folder: Path) -> ParallelSet:
    """The parallel data set in a folder.

    Raises:
        UserError: there is none, or this version cannot read it.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise UserError(f"{folder} is no parallel data set (no {MANIFEST} in it); `isogloss translate` makes one")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version = manifest.get("format")
    except (ValueError, AttributeError) as error:
        raise UserError(f"{path} is damaged ({error}); make the set again") from None
    if version != FORMAT:
        raise UserError(f"{path} has format {version}, this version reads {FORMAT}; update isogloss or make it again")
    if not _is_whole(manifest):
        raise UserError(
            f"{path} is damaged: kind, originals or translations are not what they should be; make it again"
        )
    return ParallelSet(folder, manifest)


def _is_whole(manifest: Mapping[str, Any]) -> bool:
    """Whether the entries that are relied on are there and of their types."""
    originals, translations = manifest.get(ORIGINALS), manifest.get(TRANSLATIONS)
    if manifest.get("kind") not in KINDS or not isinstance(originals, dict) or not isinstance(translations, dict):
        return False
    return all(
        isinstance(counts, dict)
        and isinstance(counts.get("accepted"), int)
        and isinstance(counts.get("rejected"), dict)
        for counts in translations.values()
    )


def write_parallel_set(
    folder: Path,
    rows: Iterable[Row],
    *,
    kind: str,
    provenance: Mapping[str, Any],
    more: Callable[[], Mapping[str, Any]] = dict,
) -> dict[str, Any]:
    """The manifest of a new set that holds the rows, which may come in any order but with all languages of a record.

    provenance: what the engine says of itself, and the decoding and gates; nothing that differs from run to run, such
    as a date. more: further entries of the manifest, asked for when the last row has come. The folder appears when all
    of it is written; memory stays small however many rows there are.

    Raises:
        UserError: there are no rows, the folder is there and is not empty, or it cannot be written.
    """
    counts: dict[str, dict[str, Any]] = {}
    originals: Counter[str] = Counter()
    first: dict[str, str] = {}  # an original comes once with every language; it is written when it comes with the first
    with new_folder(folder) as place:
        tables = _Tables(place, kind, provenance)
        try:
            for row in rows:
                source, tag = row.original.language, row.language
                if first.setdefault(source, tag) == tag:
                    tables.table(ORIGINALS, source).add(original_line(row.original))
                    originals[source] += 1
                accepted = tables.table(TRANSLATIONS, tag)  # also where none will be
                (tables.table(REJECTED, tag) if row.reason else accepted).add(line_of(row))
                _count(counts.setdefault(tag, {"accepted": 0, "rejected": {}, "status": {}, "labels": {}}), row)
            tables.finish()
        except OSError as error:
            raise UserError(f"cannot write {folder}: {error}; make room or choose another place") from None
        finally:
            tables.drop()
        if not counts:
            raise UserError(f"{folder}: no rows; there is nothing to make a parallel data set of")
        manifest = {"format": FORMAT, "kind": kind, "provenance": dict(provenance)}
        manifest |= {"originals": dict(originals), "translations": counts, **more()}
        write_atomic(place / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True))
    return manifest


def _count(counts: dict[str, Any], row: Row) -> None:
    """Count a row among those of its language: accepted or why not, by label, and how spans were found."""
    if row.reason is None:
        counts["accepted"] += 1
        for how in row.status:
            counts["status"][how] = counts["status"].get(how, 0) + 1
    else:
        counts["rejected"][row.reason] = counts["rejected"].get(row.reason, 0) + 1
    for label in sorted(_kinds_of_label(row.original)):
        of_label = counts["labels"].setdefault(label, {"accepted": 0, "rejected": 0})
        of_label["accepted" if row.reason is None else "rejected"] += 1


def _kinds_of_label(record: Record) -> set[str]:
    """What a record is counted under: its class, the kinds of its spans, or its tags where they are no spans."""
    if isinstance(record, TaggedSentence):
        return {span.label for span in record.spans} or set(record_labels(record)) - {OUTSIDE}
    return set(record_labels(record))


def original_line(record: Record) -> dict[str, Any]:
    """The row of an original in its table."""
    return {"id": record.id, "language": record.language} | _fields(record, None)


def line_of(row: Row) -> dict[str, Any]:
    """The row of a translation, or of a rejected one, in its table."""
    line = {"id": row.original.id, "language": row.language, "source_language": row.original.language}
    line |= {"score": row.score, "flags": list(row.flags), "reason": row.reason, "detail": row.detail}
    return line | (_fields(row.translation, row.status) if row.translation is not None else {})


def record_of(line: Mapping[str, Any], kind: str) -> Record:
    """The record that a row of a table holds."""
    name, tag = line["id"], line["language"]
    match kind:
        case "classification":
            fields = {field: line[field] for field in ("text", "text_pair", "label", "group")}
            return Sentence(id=name, language=tag, **fields)
        case "tagging":
            words = tuple((word["start"], word["end"]) for word in line["words"])
            tags = None if line["tags"] is None else tuple(line["tags"])
            return TaggedSentence(id=name, language=tag, text=line["text"], words=words, tags=tags)
        case "question_answering":
            context = line["context"]
            answers = tuple(Answer(context[each["start"] : each["end"]], each["start"]) for each in line["spans"] or ())
            return Question(id=name, language=tag, question=line["question"], context=context, answers=answers)
    raise ValueError(f"no record form for kind {kind!r}")


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a table as they come, a few thousand in memory at a time; none if the file is not there.

    Raises:
        UserError: it is no Parquet file, or is damaged.
    """
    if not path.is_file():
        return
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(GROUP):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise UserError(
            f"{path} cannot be read as Parquet ({' '.join(str(error).split())}); make the set again"
        ) from None


def schema(kind: str, part: str) -> pa.Schema:
    """The columns of the tables of a part (originals, translations, rejected) in a set of that kind."""
    return pa.schema([("id", pa.string()), ("language", pa.string()), *_TEXTS[kind], *_MORE[part]])


def _fields(record: Record, status: Sequence[str] | None) -> dict[str, Any]:
    """The texts and labels of a record, by column; the spans of an original are gold."""
    match record:
        case Sentence():
            return {"text": record.text, "text_pair": record.text_pair, "label": record.label, "group": record.group}
        case TaggedSentence():
            words = [{"start": start, "end": end} for start, end in record.words]
            spans = [(span.start, span.end, span.label) for span in record.spans]
            tags = None if record.tags is None else list(record.tags)
            return {"text": record.text, "words": words, "tags": tags, "spans": _spans(spans, status)}
        case Question():
            spans = [(answer.start, answer.start + len(answer.text), None) for answer in record.answers]
            return {"question": record.question, "context": record.context, "spans": _spans(spans, status)}


def _spans(spans: Sequence[tuple[int, int, str | None]], status: Sequence[str] | None) -> list[dict[str, Any]]:
    status = [GOLD] * len(spans) if status is None else status
    pairs = zip(spans, status, strict=True)
    return [{"start": start, "end": end, "label": label, "status": how} for (start, end, label), how in pairs]


class _Tables:
    """The tables of a set that is being written, each made when its first row comes."""

    def __init__(self, folder: Path, kind: str, provenance: Mapping[str, Any]):
        self.folder, self.kind, self.provenance = folder, kind, provenance
        self.tables: dict[tuple[str, str], _Table] = {}

    def table(self, part: str, tag: str) -> "_Table":
        """The table of a part in a language."""
        if (part, tag) not in self.tables:
            about = {"format": FORMAT, "kind": self.kind, "part": part, "language": tag, "provenance": self.provenance}
            columns = schema(self.kind, part).with_metadata({"isogloss": json.dumps(about, ensure_ascii=False)})
            self.tables[part, tag] = _Table(self.folder / part / f"{tag}.parquet", columns)
        return self.tables[part, tag]

    def finish(self) -> None:
        """Write what is left of every table."""
        for table in self.tables.values():
            table.write()
            table.writer.close()

    def drop(self) -> None:
        """Let go of the files, whatever their state; nothing happens to those that are finished."""
        for table in self.tables.values():
            with suppress(OSError):
                table.writer.close()


class _Table:
    """A Parquet file that is being written, in groups of as many rows each."""

    def __init__(self, path: Path, columns: pa.Schema):
        path.parent.mkdir(exist_ok=True)
        self.columns, self.lines = columns, []
        self.writer = pq.ParquetWriter(path, columns, compression="zstd")

    def add(self, line: Mapping[str, Any]) -> None:
        """Write a row, with the others of its group."""
        self.lines.append(line)
        if len(self.lines) == GROUP:
            self.write()

    def write(self) -> None:
        """Write the rows of a group."""
        if self.lines:
            self.writer.write_table(pa.Table.from_pylist(self.lines, self.columns), GROUP)
            self.lines = []
