"""One file over HTTP: resumed where it broke off, from the next mirror where the first fails, in place only when whole.

The bytes go to `NAME.part` beside the file's place. A part of an earlier run is continued only if a SHA-256 is known
that the whole can be checked with; otherwise two versions could end up in one file.
"""

import os
import sys
import time
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from isogloss.data.data_folder import megabytes
from isogloss.data.sources import SourceError, SourceFile
from isogloss.errors import UserError
from isogloss.files import sha256

ATTEMPTS = 5  # per address
PAUSE = 1.0  # seconds before the second attempt; doubled before every further one
TIMEOUT = 30.0  # seconds without a byte
CHUNK = 1 << 18
PASSING = (408, 425, 429)  # and all from 500 on: an answer that may be another one soon


class Broken(Exception):
    """The transfer ended early; a further attempt may go on."""


class Refused(Exception):
    """This address does not have the file; the next one may."""


def download(file: SourceFile, target: Path, expected: str | None, says: str) -> tuple[str, str]:
    """The SHA-256 of the file that now lies at `target` and the address it came from.

    `expected` is the SHA-256 it has to have, `says` where that is from; None takes what comes.

    Raises:
        SourceError: no address has the file, or another one than expected.
        UserError: the place cannot be written.
    """
    failures = []
    for url in file.urls:
        try:
            return _from_address(url, file, target, expected, says), url
        except Refused as error:
            failures.append(f"{urlsplit(url).netloc}: {error}")
    told = "; ".join(failures)
    hand = f", or put the right file at {target}" if expected else ""
    raise SourceError(f"{file.path} is not to be had: {told}; give the same command again later{hand}")


def _from_address(url: str, file: SourceFile, target: Path, expected: str | None, says: str) -> str:
    part = target.with_name(f"{target.name}.part")
    reason = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE * 2 ** (attempt - 1))
        start = part.stat().st_size if expected and part.exists() else 0
        try:
            if not (start and file.bytes and start >= file.bytes):  # otherwise only the check was left to do
                _stream(url, part, start, file)
        except Broken as error:
            reason = str(error)
            continue
        digest = sha256(part)
        if expected in (None, digest):
            _move(part, target)
            return digest
        part.unlink()
        reason = f"its SHA-256 is {digest}, {says} is {expected}"
        if not start:  # otherwise the part may have been of another version: once more from the beginning
            raise Refused(reason)
    raise Refused(f"{reason}, {ATTEMPTS} attempts")


def _move(part: Path, target: Path) -> None:
    try:
        part.replace(target)
    except OSError as error:
        raise _unwritable(target, error) from error


def _stream(url: str, part: Path, start: int, file: SourceFile) -> None:
    """Nothing; the part file holds the whole file.

    Raises:
        Broken: the transfer ended early, what came is in the part file.
        Refused: the server does not give the file.
    """
    headers = {"User-Agent": "isogloss", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        response = urlopen(Request(url, headers=headers), timeout=TIMEOUT)
    except HTTPError as error:
        error.close()
        if error.code == 416 and start:  # nothing behind the part: it may be whole, the check will say so
            return
        passing = error.code in PASSING or error.code >= 500
        raise (Broken if passing else Refused)(f"{error.code} {error.reason}") from error
    except (OSError, HTTPException) as error:
        raise Broken(_reason(error)) from error
    with response:
        if url.startswith("https:") and not response.geturl().startswith("https:"):
            raise Refused(f"sends on to {response.geturl()}, which is not https")
        if response.status == 206:
            if not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                part.unlink()
                raise Broken("the server went on at another place than asked")
        else:
            start = 0  # a server that knows no Range sends all of it
        stated = response.headers.get("Content-Length", "")
        total = start + int(stated) if stated.isdigit() else file.bytes
        try:
            with part.open("r+b" if start else "wb") as sink:
                sink.seek(start)
                _copy(response, sink, total, file, url)
        except OSError as error:  # of the disk: those of the network are Broken by then
            raise _unwritable(part, error) from error


def _copy(response: HTTPResponse, sink: BinaryIO, total: int | None, file: SourceFile, url: str) -> None:
    done = sink.tell()
    progress = Progress(f"{file.path} from {urlsplit(url).netloc}", done, file.bytes or total)
    try:
        while True:
            try:
                block = response.read(CHUNK)
            except (OSError, HTTPException) as error:
                raise Broken(_reason(error)) from error
            if not block:
                break
            done += len(block)
            if file.bytes and done > file.bytes:
                raise Refused(f"more than the published {file.bytes} bytes")
            sink.write(block)
            progress.at(done)
        sink.flush()
        os.fsync(sink.fileno())
    finally:
        progress.close()
    missing = max(total or 0, file.bytes or 0) - done
    if missing > 0:
        raise Broken(f"broken off {missing} bytes before the end")


def _unwritable(path: Path, error: OSError) -> UserError:
    return UserError(f"cannot write {path}: {error.strerror}; make room or choose another --data folder")


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", error)
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__


class Progress:
    """One line of progress on standard error: rewritten in place on a terminal, now and then otherwise."""

    def __init__(self, title: str, start: int, total: int | None):
        self.title, self.start, self.total = title, start, total
        self.interactive = sys.stderr.isatty()
        self.first = self.latest = time.monotonic()

    def at(self, done: int) -> None:
        now = time.monotonic()
        if now - self.latest < (0.5 if self.interactive else 15):
            return
        self.latest = now
        rate = (done - self.start) / max(now - self.first, 1e-9)
        line = f"{self.title}: {megabytes(done)}, {megabytes(rate)}/s"
        if self.total:
            left = max(self.total - done, 0) / max(rate, 1e-9)
            line = (
                f"{self.title}: {done / 1e6:.1f} of {megabytes(self.total)}, {megabytes(rate)}/s, "
                f"{int(left // 60)}:{int(left % 60):02d} left"
            )
        print(f"\r\033[K{line}" if self.interactive else line, end="" if self.interactive else "\n", file=sys.stderr)
        sys.stderr.flush()

    def close(self) -> None:
        """End the line that was being rewritten."""
        if self.interactive and self.latest != self.first:
            print(file=sys.stderr)
