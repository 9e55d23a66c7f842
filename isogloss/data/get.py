"""`isogloss data get`: bring the files of a set into a data folder, each checked, unpacked and recorded."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from isogloss.data.data_folder import LOCK, examine, expected_hash, presence, read_lock, record
from isogloss.data.download import download
from isogloss.data.sources import SourceError, SourceFile, SourceTask, find_set
from isogloss.data.unpack import unpack
from isogloss.errors import UserError
from isogloss.files import sha256

OFFLINE = ("1", "ON", "YES", "TRUE")  # what huggingface_hub takes for yes


def get(name: str, data: Path, tasks: str = "", *, accept_licences: bool = False) -> Iterator[str]:
    """A line per task of the set as soon as it is in the folder; what needs the user is told on standard error.

    A file that cannot be had stops its own task and no other. The command given again fetches what is missing or
    altered.

    Raises:
        UserError: there is no such set or task, the command is offline, the folder cannot be written, or at the end:
            some of the tasks could not be had.
    """
    chosen = find_set(name).choose(tasks)
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in OFFLINE:
        raise UserError("data get needs the network, and it is off (--offline or HF_HUB_OFFLINE)")
    _make(data)
    read_lock(data)  # a damaged one is told before anything is fetched
    ready = [task for task in chosen if not task.manual and (accept_licences or not task.accept)]
    waiting = [task for task in chosen if task not in ready and presence(data, task, read_lock(data)) != "yes"]
    if waiting and not ready:
        raise UserError("; ".join(map(_request, waiting)))
    for task in waiting:
        _say(_request(task))
    failures = []
    for task in ready:
        try:
            yield _get_task(data, task)
        except SourceError as error:
            failures.append(str(error))
    for failure in failures[:-1]:
        _say(failure)
    if failures:
        others = f" (and {len(failures) - 1} more of {len(ready)} tasks, see above)" if failures[1:] else ""
        raise UserError(f"{failures[-1]}{others}")


def _request(task: SourceTask) -> str:
    if task.manual:
        return f"{task.name} has to be got by hand: {task.manual}"
    return f"{task.name} waits for --accept-licences: {task.accept}"


def _get_task(data: Path, task: SourceTask) -> str:
    _make(data / task.name)
    fetched = sum(_get_file(data, file) for file in task.files)
    lock = read_lock(data)
    held = [len(lock[file.path]["unpacked"]) or 1 if file.path in lock else 1 for file in task.files]
    came = f"{fetched} of {len(task.files)} downloads fetched" if fetched else "nothing to fetch"
    return f"{task.name}: {sum(held)} files in {data / task.name}, {came}"


def _get_file(data: Path, file: SourceFile) -> bool:
    """Whether the file had to be fetched."""
    lock = read_lock(data)
    found = examine(data, file, lock)
    if all(finding.state == "fine" for finding in found):
        return False
    for finding in found:
        if finding.state == "altered":
            _say(f"{finding.path} is altered ({finding.detail}): fetched again")
    expected, says = expected_hash(file, lock)
    target = data / file.path
    if file.unpack and expected and target.is_file() and sha256(target) == expected:
        digest, url = expected, file.urls[0]  # a run was stopped between the download and the unpacking
    else:
        digest, url = download(file, target, expected, says)
    size = target.stat().st_size
    unpacked = _unpack(data, file, target, checked=expected is not None) if file.unpack else {}
    record(data, file, digest, size, url, unpacked)
    if expected is None:
        _say(f"{file.path}: no published hash: recorded {digest} in {data / LOCK}")
    return True


def _unpack(data: Path, file: SourceFile, archive: Path, *, checked: bool) -> dict:
    try:
        found = unpack(archive, data / file.task, file.unpack or ())
    except SourceError:
        if not checked:  # a broken file of unknown hash: nothing would ever replace it
            archive.unlink()
        raise
    archive.unlink()
    return {f"{file.task}/{name}": entry for name, entry in found.items()}


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}; choose another --data folder") from error


def _say(line: str) -> None:
    print(line, file=sys.stderr)
