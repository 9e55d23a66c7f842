"""A task's split, read, checked and joined with its English side; and the fingerprint of the files behind it."""

import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from isogloss.data.checks import check_labels, check_records, placeholder_labels, some
from isogloss.data.hub import fingerprint_hub, on_hub
from isogloss.data.layouts import located
from isogloss.data.on_disk import OnDisk
from isogloss.data.parallel import attach_translations, without_labels
from isogloss.errors import MissingFile, UserError, nearest
from isogloss.files import sha256
from isogloss.languages import language
from isogloss.records import Bitext, ComparableSentence, item_of
from isogloss.tasks import SPLITS, Task

NOT_DATA = (".py", ".md", ".png", ".tar", ".pyc")


def read_split(
    task: Task,
    data: Path | None,
    split: str,
    languages: Sequence[str] | None = None,
    *,
    pivots: Sequence[str] = (),
    items: int = 0,
    labelled: bool = True,
) -> dict[str, Sequence[Any]]:
    """The records of a split by BCP-47 tag, in the order the languages were given; all of the task's by default.

    Every record in another language than the labels' (`task.train_language`) carries the record of its id in that
    language, and after it those of the `pivots`. In the training split these sides have their gold labels, elsewhere
    they have none, so that no method can read the answer off them. With `items` there are at most so many per language,
    the same ones in all of them and in every run. With `labelled=False` the records are only to be predicted: they have
    no labels, and whether their files hold true ones, place-holders or none makes no difference.

    Raises:
        UserError: the task lacks the split or a language; files are missing; the split is empty; ids occur twice or
            do not line up; a text is empty; a label is unknown, or all labels are place-holders.
    """
    tags = resolve_languages(task, split, languages)
    found = {tag: _read_language(task, data, split, tag, labelled) for tag in tags}
    where = f"task {task.name}, split {split}"
    paired = dict(found)
    for side in (task.train_language, *pivots) if split in task.parallel else ():
        others = [tag for tag in tags if tag not in (side, task.train_language)]
        if not others or (side == task.train_language and side not in task.languages_of(split)):
            continue
        resolve_languages(task, split, [side])  # a pivot that the split lacks is an error, not a missing side
        translations = found[side] if side in found else _read_language(task, data, split, side, labelled)
        if split != "train":  # there English often has more items
            translations = [without_labels(record) for record in translations]
            tell_missing({tag: paired[tag] for tag in others}, translations, where)
        paired |= {tag: attach_translations(paired[tag], translations, where) for tag in others}
    return {tag: drawn(records, items) for tag, records in paired.items()} if items else paired


def read_there(
    task: Task, data: Path | None, split: str, languages: Sequence[str] = (), items: int = 0
) -> dict[str, Sequence[Any]]:
    """The records of a split by language; where none is named, of those whose files are there, the others told.

    Raises:
        UserError: a named language lacks its files, or all do.
    """
    if languages:
        return read_split(task, data, split, languages, items=items)
    found: dict[str, Sequence[Any]] = {}
    missing: dict[str, MissingFile] = {}
    for tag in resolve_languages(task, split):
        try:
            found |= read_split(task, data, split, [tag], items=items)
        except MissingFile as error:
            missing[tag] = error
    if not found:
        raise next(iter(missing.values()))
    if missing:
        print(f"task {task.name}, split {split}: no files of {', '.join(missing)}, which are left out", file=sys.stderr)
    return found


def read_machine(task: Task, data: Path | None, split: str, languages: Sequence[str]) -> dict[str, list[Any]]:
    """The machine translations of a split into the training language, by the tag of the language they were made from.

    Raises:
        UserError: the task has none, or they are missing for a language.
    """
    if task.read_machine is None:
        raise UserError(f"task {task.name} has no machine translations; choose another pairing")
    root = task.root(data)
    return {tag: list(task.read_machine(root, split, tag)) for tag in languages if tag != task.train_language}


def tell_missing(found: Mapping[str, Sequence[Any]], translations: Sequence[Any], where: str) -> None:
    """Say on standard error which languages lack items that their translations' language has."""
    for tag, records in found.items():
        present = {record.id for record in records}
        lacking = [record.id for record in translations if record.id not in present]
        if lacking:
            print(
                f"{where}: {tag} lacks {len(lacking)} of {len(translations)} items, ids {some(lacking)}",
                file=sys.stderr,
            )


def drawn(records: Sequence[Any], items: int) -> list[Any]:
    """The records of the `items` items whose hashes are smallest: as good as random, and alike in all languages."""
    ranked = sorted({item_of(record) for record in records}, key=lambda name: hashlib.sha256(name.encode()).digest())
    chosen = set(ranked[:items])
    return [record for record in records if item_of(record) in chosen]


def resolve_languages(task: Task, split: str, languages: Sequence[str] | None = None) -> tuple[str, ...]:
    """The tags of languages given in any spelling, each once; all that the task has for the split if none are given.

    Raises:
        UserError: a language or the split is unknown to the task; the message names those it has.
    """
    known = SPLITS if task.dev_split else ("train", "test")
    if split not in known:
        raise UserError(f"task {task.name} has no split {split!r}; {nearest(split, known)}")
    available = task.languages_of(split)
    tags = tuple(dict.fromkeys(language(spelling).tag for spelling in languages)) if languages else available
    for tag in tags:
        if tag not in available:
            raise UserError(
                f"task {task.name} has no {split} items in {language(tag).name} ({tag}); it has {', '.join(available)}"
            )
    return tags


def _read_language(task: Task, data: Path | None, split: str, tag: str, labelled: bool) -> Sequence[Any]:
    file = None if on_hub(data) else located(task.layouts, task.root(data), split, tag)
    where = f"task {task.name}, split {split}, language {tag}" + (f" ({file[1]})" if file else "")
    records = task.records(data, split, tag, labelled)
    if not labelled:
        check_records(records := list(records), where)
        return [each if isinstance(each, Bitext | ComparableSentence) else without_labels(each) for each in records]
    if split != "train" or not isinstance(records, OnDisk):  # only training sets are too large to be read in
        records = list(records)
    check_records(records, where)
    check_labels(records, task.labels, where)
    wrong = placeholder_labels(records) if split != "train" and task.kind != "translation" else None
    if wrong:
        raise UserError(f"{where}: {wrong}; the labels are place-holders, get the labelled file")
    return records


def fingerprint(task: Task, data: Path | None) -> str:
    """A SHA-256 (hex) over the names, sizes and contents of a task's data files: the same files, the same print.

    From the Hub itself it is over the commits, which stand for the files that are or could be read.
    """
    if data is not None and task.folder is not None and on_hub(data):
        return fingerprint_hub(task.hub, data)
    root = task.root(data)
    digest = hashlib.sha256()
    for path in _files(task, root):
        name = path.relative_to(root.parent).as_posix()
        digest.update(f"{name}\0{path.stat().st_size}\0{sha256(path)}\n".encode())
    return digest.hexdigest()


def _files(task: Task, root: Path) -> list[Path]:
    if task.folder is None:
        return sorted(root.glob("sample.jsonl*"))
    folders = [root, *(root.parent / sibling for sibling in task.siblings)]
    files = {file for folder in folders for file in folder.rglob("*") if file.is_file()}
    return sorted(file for file in files if file.suffix not in NOT_DATA and not file.name.startswith("."))
