"""Checks on records that no format can make: ids, empty texts, labels, place-holders."""

from collections import Counter
from collections.abc import Iterable, Sequence

from isogloss.data.on_disk import OnDisk
from isogloss.errors import UserError, nearest
from isogloss.records import (
    AnyRecord,
    Bitext,
    ComparableSentence,
    Question,
    RankedQuery,
    Record,
    Sentence,
    TaggedSentence,
    is_labelled,
)


def texts(record: Record | RankedQuery | Bitext | ComparableSentence) -> dict[str, str]:
    """The texts of a record by field name, its translations left out."""
    if isinstance(record, Question):
        return {"question": record.question, "context": record.context}
    if isinstance(record, Bitext):
        return {"text": record.text, "translation": record.translation}
    pair = (
        {}
        if isinstance(record, TaggedSentence | ComparableSentence | RankedQuery) or record.text_pair is None
        else {"text_pair": record.text_pair}
    )
    return {"text": record.text} | pair


def record_labels(record: Record | RankedQuery) -> tuple[str, ...]:
    """The labels a record carries: its class, or one tag per word; empty if it is unlabelled, a question or a query."""
    if isinstance(record, Sentence):
        return () if record.label is None else (record.label,)
    return (record.tags or ()) if isinstance(record, TaggedSentence) else ()


def labels_of(records: Sequence[AnyRecord]) -> frozenset[str]:
    """The labels that occur."""
    if isinstance(records, OnDisk):
        return records.labels
    return frozenset(label for record in records for label in record_labels(record))


def unlabelled(records: Sequence[AnyRecord]) -> int:
    """How many of the records have no label."""
    return 0 if isinstance(records, OnDisk) else sum(not is_labelled(record) for record in records)


def check_records(records: Sequence[AnyRecord], where: str) -> Sequence[AnyRecord]:
    """The records themselves; `where` names the file or the task, split and language.

    Raises:
        UserError: there are none, an id occurs twice, or a text is empty.
    """
    if not records:
        raise UserError(f"{where}: no items; the split is empty")
    double = repeated(records)
    if double:
        raise UserError(f"{where}: duplicate ids {some(double)}; an id must name one item of a split")
    if isinstance(records, OnDisk):  # its texts were looked at when it was opened
        return records
    for record in records:
        for field, text in texts(record).items():
            if not text.strip():
                raise UserError(f"{where}: item {record.id!r} has an empty {field}; fill it in or take the item out")
        if isinstance(record, TaggedSentence) and record.tags is not None and len(record.tags) != len(record.words):
            raise UserError(f"{where}: item {record.id!r} has {len(record.words)} words but {len(record.tags)} tags")
    return records


def repeated(records: Sequence[AnyRecord]) -> list[str]:
    """The ids that occur more than once."""
    if isinstance(records, OnDisk):
        return records.repeated()
    return [name for name, count in Counter(record.id for record in records).items() if count > 1]


def check_labels(records: Sequence[AnyRecord], labels: Sequence[str], where: str) -> Sequence[AnyRecord]:
    """The records themselves; every label they carry is one of `labels`. Without `labels` anything goes.

    Raises:
        UserError: a label is unknown; the message names the item and the nearest label.
    """
    known = set(labels)
    if isinstance(records, OnDisk) and records.labels <= known:
        return records
    for record in records:
        for label in record_labels(record):
            if known and label not in known:
                raise UserError(f"{where}: item {record.id!r} has the unknown label {label!r}; {nearest(label, known)}")
    return records


def unseen_labels(trained: Iterable[str], records: Sequence[Record]) -> list[str]:
    """The labels of the records that are not among those a model was trained on, sorted; it can never give them."""
    return sorted(labels_of(records) - set(trained))


def placeholder_labels(records: Sequence[Record | RankedQuery | Bitext | ComparableSentence]) -> str | None:
    """What is wrong with the gold labels, or None: all the same, none at all, or the same empty answer everywhere.

    Benchmarks with hidden test labels ship files filled with one label; scoring against them means nothing.
    """
    if len(records) < 2 or isinstance(records[0], Bitext | ComparableSentence):  # they carry no labels
        return None
    if isinstance(records[0], Question):
        answers = [
            tuple(answer.text for answer in record.answers) for record in records if isinstance(record, Question)
        ]
        empty = all(not any(text.strip() for text in each) for each in answers)
        return f"all {len(answers)} questions have no answer or an empty one" if empty else None
    if isinstance(records[0], RankedQuery):
        lost = all(not is_labelled(record) for record in records)  # pyright: ignore[reportArgumentType]
        return f"none of the {len(records)} queries has a relevant document" if lost else None
    labels = Counter(label for record in records for label in record_labels(record))  # pyright: ignore[reportArgumentType]
    if not labels:
        return f"none of the {len(records)} items has a label"
    if len(labels) == 1:
        return f"all {len(records)} items have the same label {next(iter(labels))!r}"
    return None


def some(names: Sequence[str], limit: int = 5) -> str:
    """A list in words, at most `limit` of it, for a message of one line."""
    shown = ", ".join(repr(name) for name in names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown
