"""Translations of a task's split from a parallel data set, in the place of those that the task has itself.

In training they are made from the labelled language into the others; later into that language, from the others.
"""

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from isogloss.data.checks import check_labels, check_records, some, texts
from isogloss.data.on_disk import OnDisk
from isogloss.data.parallel import attach_translations, pair, without_labels
from isogloss.data.parallel_set import MANIFEST, ORIGINALS, TRANSLATIONS, ParallelSet, read_parallel_set
from isogloss.data.task_data import read_split
from isogloss.errors import UserError
from isogloss.files import sha256
from isogloss.tasks import Task


def translations_for(task: Task, folder: Path) -> ParallelSet:
    """The parallel data set in a folder, which translates records of the task's kind and training language.

    Raises:
        UserError: it does not, or there is none.
    """
    found = _of_kind(task, folder)
    if task.train_language not in found.sources:
        made_of = ", ".join(found.sources)
        raise UserError(
            f"{folder} holds translations of {made_of}, the labels of task {task.name!r} are in {task.train_language}; "
            f"translate from {task.train_language}"
        )
    return found


def _of_kind(task: Task, folder: Path) -> ParallelSet:
    found = read_parallel_set(folder)
    if found.kind != task.kind:
        raise UserError(f"{folder} is a set for {found.kind}, task {task.name!r} is {task.kind}; give one of its kind")
    return found


def read_translations(
    given: ParallelSet,
    task: Task,
    data: Path | None,
    labelled: Sequence[Any],
    tags: Sequence[str],
    pivots: Sequence[str] = (),
) -> dict[str, Sequence[Any]]:
    """The translations by language tag, each beside the labelled record that it was made of and the pivots'.

    A pivot comes from the set, or from the task where the set has none. A record that lacks one is left out and told.

    Where the labelled records are on disk, being many, the translations are opened instead of read.

    Raises:
        UserError: the set was made of other texts than the task's, or something is wrong with its records.
    """
    require_same(given, task, labelled)
    found: dict[str, Sequence[Any]] = {}
    for tag in tags:
        where = f"{given.folder}, language {tag}"
        large = given.opened(tag, task.train_language) if isinstance(labelled, OnDisk) else None
        records = large or given.translations(tag, task.train_language)
        if not records:
            raise UserError(f"{where}: none of the translations was accepted; see {given.folder / MANIFEST}")
        check_labels(check_records(records, where), task.labels, where)
        found[tag] = attach_translations(records, labelled, where)
    for pivot in dict.fromkeys(pivots):
        if others := [tag for tag in tags if tag != pivot]:
            _attach_pivot(given, task, data, found, others, pivot)
    return found


def beside_translations(task: Task, folder: Path, found: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """The records by language tag, each beside its translation into the training language, without its label.

    A record whose translation was rejected is read alone, and so are those of the training language itself.

    Raises:
        UserError: there is no such set, or it translates other texts or languages.
    """
    given, into = _of_kind(task, folder), task.train_language
    if into not in given.languages:
        made = ", ".join(given.languages)
        raise UserError(f"{folder} holds translations into {made}; records are read beside those into {into}")
    beside: dict[str, list[Any]] = {}
    for tag, records in found.items():
        beside[tag] = [replace(record, translations=()) for record in records]
        if tag == into:
            continue
        originals = {record.id: texts(record) for record in given.originals(tag)}
        if other := [each.id for each in records if originals.get(each.id, texts(each)) != texts(each)]:
            raise UserError(f"{folder} was made of other texts in {tag} than task {task.name} has, ids {some(other)}")
        sides = {record.id: without_labels(record) for record in given.translations(into, tag)}
        beside[tag] = [
            replace(each, translations=(sides[each.id],)) if each.id in sides else each for each in beside[tag]
        ]
        if lacking := [each.id for each in beside[tag] if not each.translations]:
            told = f"{len(lacking)} of {len(records)} texts in {tag} have no translation, ids {some(lacking)}"
            print(f"{folder}: {told}; they are read alone", file=sys.stderr)
    return beside


def require_same(given: ParallelSet, task: Task, labelled: Sequence[Any]) -> None:
    """Nothing, if the originals of the set are records of the task's training split; what it lacks is told.

    Raises:
        UserError: an id is not there, or has another text.
    """
    known = {record.id: texts(record) for record in labelled}
    originals = given.originals(task.train_language)
    other = [record.id for record in originals if known.get(record.id) != texts(record)]
    if other:
        raise UserError(
            f"{given.folder} was not made of the training split of task {task.name!r}: {len(other)} of "
            f"{len(originals)} originals have another text there, or are not there, ids {some(other)}; translate that "
            "split"
        )
    if len(originals) < len(known):
        print(f"{given.folder} has {len(originals)} of {len(known)} training items of {task.name}", file=sys.stderr)


def fingerprint_of(folder: Path) -> str:
    """A SHA-256 (hex) over what a training reads of a parallel data set."""
    files = [path for part in (ORIGINALS, TRANSLATIONS) for path in sorted((folder / part).glob("*.parquet"))]
    lines = [f"{path.relative_to(folder).as_posix()}\0{sha256(path)}\n" for path in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _attach_pivot(
    given: ParallelSet, task: Task, data: Path | None, found: dict[str, Sequence[Any]], tags: Sequence[str], pivot: str
) -> None:
    """Append the records of a pivot to the translations of those of the other languages that have one."""
    if pivot in given.languages:
        sides: Sequence[Any] = given.translations(pivot, task.train_language)
    else:
        sides = pair(read_split(task, data, "train", [pivot])[pivot], "none")
    there: Mapping[str, Any] = {record.id: record for record in sides}
    for tag in tags:
        kept = [record for record in found[tag] if record.id in there]
        if len(kept) < len(found[tag]):
            lost = len(found[tag]) - len(kept)
            print(f"{given.folder}: {lost} of {len(found[tag])} texts in {tag} have no {pivot}", file=sys.stderr)
        found[tag] = list(attach_translations(kept, sides, f"{given.folder}, pivot {pivot}"))
