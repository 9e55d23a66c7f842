"""What is wrong with a parallel data set on disk: schema, ids, joins, languages, texts, offsets, counts."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from isogloss.data.parallel_set import MANIFEST, ORIGINALS, REJECTED, TRANSLATIONS, lines_of, read_parallel_set, schema
from isogloss.errors import UserError
from isogloss.languages import language
from isogloss.records import tags_to_spans

ALIKE = 5  # defects of one sort in one file that are told; more are counted
PARTS = (ORIGINALS, TRANSLATIONS, REJECTED)
Id = tuple[str, str]  # language and id of an original
Defect = tuple[str, str]  # what it is, alike for all of a sort, and the particulars


@dataclass
class _Found:
    """What the tables of a set hold, for the checks that look at several of them."""

    labels: dict[Id, str | None] = field(default_factory=dict)  # of the originals
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)  # rows by part and language
    unread: set[tuple[str, str]] = field(default_factory=set)  # tables of which nothing more can be said
    answered: dict[str, dict[Id, str]] = field(default_factory=dict)  # by language, in which part a translation is


def report(folder: Path, found: Iterable[str]) -> str:
    """The lines of the defects for people, or the one that says that all is well and what there is."""
    manifest = read_parallel_set(folder).manifest
    originals = ", ".join(f"{count} {tag}" for tag, count in manifest[ORIGINALS].items())
    accepted = ", ".join(f"{counts['accepted']} {tag}" for tag, counts in manifest[TRANSLATIONS].items())
    return "\n".join(found) or f"{folder}: {manifest['kind']}, fine; originals: {originals}; translations: {accepted}"


def defects(folder: Path) -> list[str]:
    """One line for each defect of a set; few of a sort in a file, then how many more there are.

    Raises:
        UserError: the folder holds no parallel data set at all, or one of another version.
    """
    parallel, found = read_parallel_set(folder), _Found()
    told: list[str] = []
    known = {ORIGINALS: parallel.sources, TRANSLATIONS: parallel.languages, REJECTED: parallel.languages}
    for part in PARTS:
        for tag in known[part]:
            path = folder / part / f"{tag}.parquet"
            if path.is_file() or _expected(parallel.manifest, part, tag):
                told += _in_short(f"{part}/{tag}.parquet", _of_table(path, parallel.kind, part, tag, found))
    told += _in_short(MANIFEST, _of_manifest(parallel.manifest, found))
    for tag in parallel.languages:
        told += _in_short(tag, _of_join(found, tag))
    named = {folder / part / f"{tag}.parquet" for part in PARTS for tag in known[part]}
    strange = sorted(path for path in folder.rglob("*.parquet") if path not in named)
    return told + [f"{path.relative_to(folder)}: {MANIFEST} does not name it" for path in strange]


def _expected(manifest: Mapping[str, Any], part: str, tag: str) -> bool:
    return part != REJECTED or bool(manifest[TRANSLATIONS][tag].get("rejected"))


def _in_short(where: str, found: Iterable[Defect]) -> Iterator[str]:
    """The lines of the defects of a file: a few of each sort, then their number."""
    seen: Counter[str] = Counter()
    for sort, detail in found:
        seen[sort] += 1
        if seen[sort] <= ALIKE:
            yield f"{where}: {detail}: {sort}" if detail else f"{where}: {sort}"
    for sort, count in seen.items():
        if count > ALIKE:
            yield f"{where}: {count - ALIKE} more: {sort}"


def _of_table(path: Path, kind: str, part: str, tag: str, found: _Found) -> Iterator[Defect]:
    """The defects of a table; its ids and labels go to `found`."""
    found.unread.add((part, tag))
    if not path.is_file():
        yield "the file is missing", ""
        return
    try:
        columns = pq.read_schema(path)
    except (OSError, pa.ArrowException):
        yield "this is no Parquet file, or it is damaged", ""
        return
    if wrong := list(_of_schema(columns, schema(kind, part))):
        yield from wrong
        return
    try:
        for number, line in enumerate(lines_of(path), 1):
            found.counts[part, tag] += 1
            for sort in _of_line(line, kind, part, tag, found):
                yield sort, f"row {number}, id {line['id']!r}"
    except UserError:
        yield "the file is damaged, its rows cannot be read", ""
        return
    found.unread.discard((part, tag))


def _of_schema(columns: pa.Schema, wanted: pa.Schema) -> Iterator[Defect]:
    for column in wanted:
        if column.name not in columns.names:
            yield "a column is missing", f"column {column.name!r}"
        elif columns.field(column.name).type != column.type:
            yield f"a column of type {column.type} is expected", f"column {column.name!r}"


def _of_line(line: Mapping[str, Any], kind: str, part: str, tag: str, found: _Found) -> Iterator[str]:
    """What is wrong with a row."""
    source = tag if part == ORIGINALS else line["source_language"]
    name: Id = (source, line["id"])
    if not line["id"]:
        yield "the id is empty"
    if line["language"] != tag:
        yield f"the language is not {tag}"
    if part == ORIGINALS:
        if name in found.labels:
            yield "the id occurs twice"
        found.labels[name] = line.get("label")
    else:
        answered = found.answered.setdefault(tag, {})
        if name in answered:
            also = "twice" if answered[name] == part else f"here and in {answered[name]}"
            yield f"the id occurs {also}"
        answered[name] = part
        if name not in found.labels:
            yield f"there is no original of that id in {source}"
        elif part == TRANSLATIONS and line.get("label") != found.labels[name]:
            yield "the label is not that of the original"
    if part != REJECTED:
        yield from _of_texts(line, kind)
    elif not line["reason"]:
        yield "it is rejected without a reason"


def _of_texts(line: Mapping[str, Any], kind: str) -> Iterator[str]:
    """What is wrong with the texts, words and spans of a row."""
    fields = ("question", "context") if kind == "question_answering" else ("text",)
    for name in fields:
        if not (line[name] or "").strip():
            yield f"the {name} is empty"
    if line.get("text_pair") is not None and not line["text_pair"].strip():
        yield "the text_pair is empty"
    text = line[fields[-1]] or ""
    for span in line.get("spans") or ():
        if not _within(span, text) and not (kind == "question_answering" and span["start"] == span["end"] == 0):
            yield "a span is not within its text"
        if not span["status"]:
            yield "a span has no status"
    if kind == "tagging":
        yield from _of_words(line, text)


def _of_words(line: Mapping[str, Any], text: str) -> Iterator[str]:
    words = line["words"] or []
    if not words or not all(_within(word, text) for word in words):
        yield "words are missing or not within their text"
    elif any(after["start"] < before["end"] for before, after in zip(words, words[1:], strict=False)):
        yield "words overlap or are not in order"
    if line["tags"] is not None and len(line["tags"]) != len(words):
        yield "there are not as many tags as words"
    elif line["tags"] is not None and words:
        spans = tags_to_spans([(word["start"], word["end"]) for word in words], line["tags"])
        if [(span.start, span.end, span.label) for span in spans] != [_place(span) for span in line["spans"] or ()]:
            yield "the spans are not those of the tags"


def _place(span: Mapping[str, Any]) -> tuple[int, int, str]:
    return span["start"], span["end"], span["label"]


def _within(span: Mapping[str, Any], text: str) -> bool:
    start, end = span["start"], span["end"]
    return start is not None and end is not None and 0 <= start < end <= len(text)


def _of_manifest(manifest: Mapping[str, Any], found: _Found) -> Iterator[Defect]:
    """Where the counts of the manifest are not those of the tables, and languages are not written as tags."""
    for part, tags in ((ORIGINALS, manifest[ORIGINALS]), (TRANSLATIONS, manifest[TRANSLATIONS])):
        for tag in tags:
            try:
                right = language(tag).tag == tag
            except UserError:
                right = False
            if not right:
                yield "it is no language tag", f"{part}, {tag!r}"
    for tag, count in manifest[ORIGINALS].items():
        yield from _of_count(ORIGINALS, tag, count, found)
    for tag, counts in manifest[TRANSLATIONS].items():
        yield from _of_count(TRANSLATIONS, tag, counts.get("accepted"), found)
        yield from _of_count(REJECTED, tag, sum(counts.get("rejected", {}).values()), found)


def _of_count(part: str, tag: str, count: Any, found: _Found) -> Iterator[Defect]:
    there = found.counts[part, tag]
    if count != there and (part, tag) not in found.unread:
        yield "the file has another number of rows", f"{part}/{tag}.parquet, {count} here and {there} there"


def _of_join(found: _Found, tag: str) -> Iterator[Defect]:
    """Originals that are neither among the translations into a language nor among the rejected ones."""
    if found.unread & {(TRANSLATIONS, tag), (REJECTED, tag)}:
        return
    for source, name in found.labels:
        if source != tag and (source, name) not in found.answered.get(tag, {}):
            yield "neither translated nor rejected", f"original {name!r} in {source}"
