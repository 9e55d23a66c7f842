"""Translations that are kept in a folder: whatever stops a job, what it has paid for is there when it goes on.

Every process appends to a file of its own, a *shard*: a batch is some lines of JSON and an empty line. A batch that was
cut off in its middle has no empty line and is never read. The index, in SQLite, says in which shard a translation is;
it is written after the shard and made anew from the shards where it lacks something, so it may be deleted.

A translation is found under a key, the hash of all that it depends on: engine, decoding, languages and text. A key has
one line that counts: a translation before any failure, and a failure with more attempts before one with less.

Several processes of one machine may use a store at the same time; on a network drive only where its locks work.
"""

import json
import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from hashlib import blake2b
from pathlib import Path
from typing import Any

from isogloss.errors import UserError
from isogloss.files import write_atomic
from isogloss.translation.translator import Decoding

VERSION = 1
ABOUT, INDEX, SHARDS = "store.json", "index.sqlite", "shards"
PATIENCE = 600  # seconds that another process may write
TOGETHER = 500  # keys in one question to SQLite
SCHEMA = """
CREATE TABLE IF NOT EXISTS kept (
    key BLOB PRIMARY KEY, attempts INTEGER, shard INTEGER, start INTEGER, size INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shards (number INTEGER PRIMARY KEY, read INTEGER);
"""
BETTER = """
INSERT INTO kept VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE
SET attempts = excluded.attempts, shard = excluded.shard, start = excluded.start, size = excluded.size
WHERE kept.attempts > 0 AND (excluded.attempts = 0 OR excluded.attempts > kept.attempts)
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A translation with what the engine tells of it, or why there is none after how many attempts."""

    text: str = ""
    log_probability: float | None = None
    tokens: int | None = None
    failure: str | None = None
    attempts: int = 0  # that failed; 0 for a translation
    similarity: float | None = None


NOTHING = Kept()
NAMES = tuple(field.name for field in fields(Kept))


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a key without reading it: its failed attempts (0 for a translation), and if one is of now."""

    attempts: int
    of_this_run: bool


class Keys:
    """The keys of texts that the same engine translates in the same way from one language to another."""

    def __init__(self, fingerprint: str, decoding: Decoding, source: str, target: str):
        conditions = json.dumps([fingerprint, asdict(decoding), source, target], sort_keys=True)
        self._conditions = blake2b(conditions.encode(), digest_size=16)

    def __call__(self, text: str) -> bytes:
        """The key of a text."""
        digest = self._conditions.copy()
        digest.update(b"\0" + text.encode("utf-8", "surrogatepass"))
        return digest.digest()


class Store:
    """Translations by key, in a folder that is made where it is not there.

    Raises:
        UserError: the folder holds something else, is of another version, cannot be written or read.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._own: int | None = None  # the number of the shard that this process appends to
        self._files: dict[int, int] = {}
        _prepare(folder)
        with self._told():
            self._index = sqlite3.connect(folder / INDEX, timeout=PATIENCE, isolation_level=None)
            self._index.execute("PRAGMA synchronous = OFF")  # if power fails it may be lost: the shards are there
            self._index.executescript(SCHEMA)
            with self._locked():
                self._catch_up()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def close(self) -> None:
        """Nothing; the files are closed."""
        self._index.close()
        for file in self._files.values():
            os.close(file)
        self._files.clear()

    def states(self, keys: Sequence[bytes]) -> dict[bytes, State]:
        """What is known of those keys that are in the store."""
        return {key: State(attempts, shard == self._own) for key, attempts, shard, _, _ in self._rows(keys)}

    def read(self, keys: Sequence[bytes]) -> dict[bytes, Kept]:
        """The translations and failures of those keys that are in the store.

        Raises:
            UserError: a shard has been altered or removed.
        """
        found = {}
        with self._told():
            for key, _, shard, start, size in sorted(self._rows(keys), key=lambda row: row[2:]):
                found[key] = self._kept(key, shard, start, size)
        return found

    def add(self, batch: Mapping[bytes, Kept]) -> None:
        """Nothing; the batch is in the store for good, but for what was there already.

        Raises:
            UserError: the store cannot be written; what it held is untouched.
        """
        with self._told(), self._locked():
            known = {key: attempts for key, attempts, *_ in self._rows(list(batch))}
            new = {key: kept for key, kept in batch.items() if key not in known or _better(kept, known[key])}
            if not new:
                return
            file = self._own_file()
            lines = [_line(key, kept) for key, kept in new.items()]
            number, start = self._own, os.fstat(file).st_size
            try:
                _write_whole(file, b"".join(lines) + b"\n")
            except OSError:
                self._own = None  # what follows goes to another shard, not behind half a batch
                raise
            rows = []
            for (key, kept), line in zip(new.items(), lines, strict=True):
                rows.append((key, kept.attempts, number, start, len(line)))
                start += len(line)
            self._index.executemany(BETTER, rows)
            self._index.execute("INSERT OR REPLACE INTO shards VALUES (?, ?)", (number, start + 1))

    def _rows(self, keys: Sequence[bytes]) -> list[tuple[bytes, int, int, int, int]]:
        rows = []
        with self._told():
            for first in range(0, len(keys), TOGETHER):
                some = keys[first : first + TOGETHER]
                marks = ",".join("?" * len(some))
                rows += self._index.execute(f"SELECT * FROM kept WHERE key IN ({marks})", some)
        return rows

    def _kept(self, key: bytes, shard: int, start: int, size: int) -> Kept:
        if shard not in self._files:
            self._files[shard] = os.open(self._path(shard), os.O_RDONLY)
        try:
            content = json.loads(os.pread(self._files[shard], size, start))
            if content.pop("key") == key.hex():
                return Kept(**content)
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
        raise UserError(f"{self._path(shard)} has been altered; put it back, or remove it and {self.folder / INDEX}")

    def _own_file(self) -> int:
        """The file that this process appends to, which it makes when it first has something to write."""
        if self._own is None:
            number = max((int(path.stem) for path in self._shards()), default=0) + 1
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL
            self._files[number] = os.open(self._path(number), flags, 0o666)
            self._own = number
        return self._files[self._own]

    def _catch_up(self) -> None:
        """Nothing; what a process wrote and could not enter any more, because it was killed, is in the index."""
        read = dict(self._index.execute("SELECT number, read FROM shards"))
        for path in self._shards():
            number = int(path.stem)
            if path.stat().st_size > read.get(number, 0):
                self._enter(number, path, read.get(number, 0))

    def _enter(self, number: int, path: Path, start: int) -> None:
        """Nothing; the whole batches of a shard from `start` on are in the index.

        Who wrote half a batch is not alive or writes elsewhere, as nobody writes while this process has the lock.
        """
        batch: list[tuple[bytes, int, int, int, int]] = []
        position = start
        with path.open("rb") as file:
            file.seek(start)
            for line in file:
                if line == b"\n":
                    self._index.executemany(BETTER, batch)
                    batch = []
                elif content := _parsed(line):
                    batch.append((*content, number, position, len(line)))
                elif line.endswith(b"\n"):
                    print(f"{path}: no translation at byte {position}; the rest is not read", file=sys.stderr)
                    break
                position += len(line)
            size = file.seek(0, os.SEEK_END)
        self._index.execute("INSERT OR REPLACE INTO shards VALUES (?, ?)", (number, size))

    def _shards(self) -> list[Path]:
        return sorted((self.folder / SHARDS).glob("[0-9]*.jsonl"))

    def _path(self, number: int) -> Path:
        return self.folder / SHARDS / f"{number:06d}.jsonl"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """All or nothing is entered inside the block, and no other process writes meanwhile."""
        self._index.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._index.execute("COMMIT")
        except BaseException:
            if self._index.in_transaction:
                self._index.execute("ROLLBACK")
            raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the disk or SQLite complains about inside the block becomes one line."""
        try:
            yield
        except OSError as error:
            raise UserError(
                f"cannot use the store {self.folder}: {error.strerror}; make room, or name another with --store"
            ) from error
        except sqlite3.OperationalError as error:  # a full disk, no rights, a lock
            raise UserError(
                f"cannot use the index of the store {self.folder}: {error}; make room, or name another with --store"
            ) from error
        except sqlite3.DatabaseError as error:
            raise UserError(
                f"{self.folder / INDEX} is damaged ({error}); remove it, and it is made anew from the shards"
            ) from error


def _prepare(folder: Path) -> None:
    """Nothing; the folder is a store.

    Raises:
        UserError: it holds something else, or was written by another version.
    """
    about = folder / ABOUT
    try:
        if not about.exists():
            ours = (".", ABOUT, SHARDS, INDEX)  # another process may be making it at the same time
            if folder.exists() and not all(path.name.startswith(ours) for path in folder.iterdir()):
                raise UserError(f"{folder} is there and is no store of translations; name another with --store")
            (folder / SHARDS).mkdir(parents=True, exist_ok=True)
            write_atomic(about, json.dumps({"store_of_translations": VERSION}) + "\n")
        found = json.loads(about.read_bytes())["store_of_translations"]
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{about} does not say what store this is; name another with --store") from error
    except OSError as error:
        raise UserError(f"cannot use the store {folder}: {error.strerror}; name another with --store") from error
    if found != VERSION:
        raise UserError(
            f"the store {folder} is of version {found}, this isogloss reads {VERSION}; name another with --store"
        )


def _better(kept: Kept, attempts: int) -> bool:
    """Whether something new counts more than what failed so many times (0 = it is a translation)."""
    return attempts > 0 and (kept.attempts == 0 or kept.attempts > attempts)


def _line(key: bytes, kept: Kept) -> bytes:
    content = {name: value for name in NAMES if (value := getattr(kept, name)) != getattr(NOTHING, name)}
    return json.dumps({"key": key.hex(), **content}).encode() + b"\n"


def _parsed(line: bytes) -> tuple[bytes, int] | None:
    """The key and the attempts of a line; None if it was cut off, or is something else."""
    try:
        content = json.loads(line)
        return bytes.fromhex(content["key"]), int(content.get("attempts", 0))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _write_whole(file: int, content: bytes) -> None:
    """Nothing; all of the content is at the end of the file and on the disk."""
    while content:
        content = content[os.write(file, content) :]
    os.fsync(file)
