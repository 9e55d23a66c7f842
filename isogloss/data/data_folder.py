"""The state of a data folder: what is there, what was recorded when it came, what is missing or altered since.

The lock file `isogloss-data.lock` is JSON: for every download its size, SHA-256 and address, and for an archive the
same of the files it was unpacked to. Where no hash was published, the recorded one takes its place from then on.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from isogloss.data.sources import SourceFile, SourceTask, find_set, read_sources
from isogloss.errors import UserError
from isogloss.files import sha256, write_atomic

LOCK = "isogloss-data.lock"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look at one file of a data folder found."""

    path: str  # below the data folder
    state: str  # fine | missing | altered | unknown
    detail: str = ""


def read_lock(folder: Path) -> dict[str, Any]:
    """The recorded downloads by their path below the folder; none if there is no lock file.

    Raises:
        UserError: the lock file is damaged.
    """
    path = folder / LOCK
    if not path.exists():
        return {}
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["files"]
        good = all(_is_record(entry) and all(map(_is_record, entry["unpacked"].values())) for entry in entries.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        good, entries = False, {}
    if not good:
        raise UserError(f"{path}: no lock file of isogloss; delete it, and `isogloss data get` writes a new one")
    return entries


def record(folder: Path, file: SourceFile, digest: str, size: int, url: str, unpacked: dict[str, Any]) -> None:
    """Nothing; the lock file holds this download too, the others as they stand in it now."""
    entry = {"sha256": digest, "bytes": size, "url": url, "unpacked": unpacked}
    content = {"version": 1, "files": dict(sorted((read_lock(folder) | {file.path: entry}).items()))}
    write_atomic(folder / LOCK, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def expected_hash(file: SourceFile, lock: dict[str, Any]) -> tuple[str | None, str]:
    """The SHA-256 that a download has to have, and who says so: published before recorded."""
    if file.sha256:
        return file.sha256, "published"
    return (lock[file.path]["sha256"], f"recorded in {LOCK}") if file.path in lock else (None, "")


def examine(folder: Path, file: SourceFile, lock: dict[str, Any], *, hashes: bool = True) -> list[Finding]:
    """A finding for every file that a download leaves in the folder; without `hashes` only sizes are compared.

    Raises:
        UserError: a file cannot be read.
    """
    entry = lock.get(file.path)
    if file.unpack is not None:
        if entry is None:
            return [Finding(file.path, "missing", "not unpacked here by `isogloss data get`")]
        if file.sha256 not in (None, entry["sha256"]):
            return [Finding(file.path, "altered", f"unpacked from {entry['sha256']}, published is {file.sha256}")]
        return [
            _compare(folder, name, each["bytes"], each["sha256"] if hashes else None, "recorded")
            for name, each in entry["unpacked"].items()
        ]
    digest, says = expected_hash(file, lock)
    if digest is None and (folder / file.path).is_file():
        return [Finding(file.path, "unknown", "no hash is published, and none was recorded")]
    size = file.bytes or (entry and entry["bytes"])
    return [_compare(folder, file.path, size, digest if hashes else None, says)]


def examine_task(folder: Path, task: SourceTask, lock: dict[str, Any], *, hashes: bool = True) -> list[Finding]:
    """The findings about all files of a task."""
    return [finding for file in task.files for finding in examine(folder, file, lock, hashes=hashes)]


def presence(folder: Path, task: SourceTask, lock: dict[str, Any]) -> str:
    """yes, no, or how much of a task is in the folder, going by names and sizes."""
    if task.manual:
        place = folder / task.name
        return "yes" if place.is_dir() and any(not each.name.startswith(".") for each in place.iterdir()) else "no"
    states = [finding.state for finding in examine_task(folder, task, lock, hashes=False)]
    there = sum(state in ("fine", "unknown") for state in states)
    return "yes" if there == len(states) else f"{there} of {len(states)} files" if there else "no"


def rows(name: str | None, data: Path | None) -> list[dict[str, Any]]:
    """What can be had, a row per task: of the set of that name, or of all sets.

    Raises:
        UserError: there is no such set or no such folder.
    """
    sets = [find_set(name)] if name else list(read_sources().values())
    lock = read_lock(existing(data)) if data else {}
    return [
        {
            "set": one.name,
            "task": task.name,
            "title": task.title,
            "licence": task.licence,
            "bytes": task.bytes,
            "how": task.way,
            "present": presence(data, task, lock) if data else None,
            "note": task.manual or task.accept,
        }
        for one in sets
        for task in one.tasks.values()
    ]


def verify(name: str | None, data: Path, tasks: str = "") -> tuple[list[str], list[Finding]]:
    """The tasks that were checked and a finding per file: the tasks named, or those that the folder has something of.

    Raises:
        UserError: there is no such set, task or folder; or nothing in it can be checked.
    """
    if tasks and not name:
        raise UserError("--tasks needs the set they belong to: isogloss data verify SET --tasks ...")
    lock = read_lock(existing(data))
    sets = [find_set(name)] if name else list(read_sources().values())
    automatic = [task for one in sets for task in one.choose(tasks) if task.files]
    chosen = [task for task in automatic if tasks or _begun(data, task, lock)]
    if tasks and not chosen:
        raise UserError(f"{tasks}: got by hand, so there is nothing to verify it against")
    if not chosen:
        what = f"set {name}" if name else "any set"
        raise UserError(f"{data}: nothing of {what} to verify; `isogloss data get` brings it here")
    return [task.name for task in chosen], [
        finding for task in chosen for finding in examine_task(data, task, lock, hashes=True)
    ]


def _begun(folder: Path, task: SourceTask, lock: dict[str, Any]) -> bool:
    """Whether anything of the task came here once, be it recorded or lying in its place."""
    return any(file.path in lock or (folder / file.path).exists() for file in task.files)


def report(checked: Sequence[str], findings: Sequence[Finding], data: Path) -> str:
    """The lines of `verify` for people: one per file that is not fine, or the one that says all is."""
    lines = [
        f"{finding.state}: {finding.path}{f' ({finding.detail})' if finding.detail else ''}"
        for finding in findings
        if finding.state != "fine"
    ]
    return "\n".join(lines) or f"{data}: all {len(findings)} files of {', '.join(checked)} are fine"


def existing(folder: Path) -> Path:
    """The folder itself.

    Raises:
        UserError: there is none.
    """
    if not folder.is_dir():
        raise UserError(f"--data {folder}: no such folder")
    return folder


def table(entries: Sequence[dict[str, Any]]) -> str:
    """The rows as lines for people."""
    head = ("set", "task", "size", "how", "present", "licence", "what")
    cells = [
        (
            row["set"],
            row["task"],
            "?" if row["bytes"] is None else megabytes(row["bytes"]),
            row["how"],
            row["present"] or "-",
            row["licence"],
            row["title"],
        )
        for row in entries
    ]
    widths = [max(len(line[column]) for line in (head, *cells)) for column in range(len(head))]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)) for line in (head, *cells)]
    notes = [f"{row['task']}, {row['how']}: {row['note']}" for row in entries if row["note"]]
    return "\n".join([*(line.rstrip() for line in lines), *([""] if notes else []), *notes])


def megabytes(size: float) -> str:
    """A size in bytes as megabytes of a million bytes."""
    return f"{size / 1e6:.1f} MB"


def _is_record(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("sha256"), str) and isinstance(entry.get("bytes"), int)


def _compare(folder: Path, name: str, size: int | None, digest: str | None, says: str) -> Finding:
    path = folder / name
    try:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise UserError(f"{folder / LOCK}: {name!r} leads out of the folder; delete the lock file")
        if not path.is_file():
            return Finding(name, "missing")
        found = path.stat().st_size
        if size is not None and found != size:
            return Finding(name, "altered", f"{found} bytes, {size} expected")
        got = sha256(path) if digest else None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    if got != digest:
        return Finding(name, "altered", f"SHA-256 is {got}, {says} is {digest}")
    return Finding(name, "fine")
