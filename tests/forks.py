"""Processes that start at once: forked from one that has imported torch and transformers, which takes seconds."""

import os
import runpy
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from tempfile import TemporaryDirectory

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(["torch", "transformers.trainer", "isogloss.runs", "isogloss.prediction"])
LIMIT = 240  # seconds


def start(
    words: Sequence[object],
    streams: Path,
    script: Path | None = None,
    more: Mapping[str, str] | None = None,
    source: Connection | None = None,
) -> ForkServerProcess:
    """A process of the command line, or of a script, with more in its environment, that reads from `source`.

    It writes to `streams` with the suffixes .out and .err.
    """
    environment = dict(os.environ) | (more or {})
    process = CONTEXT.Process(target=_run, args=([*map(str, words)], script, environment, str(streams), source))
    process.start()
    return process


def two(words: Sequence[object], script: Path | None, text: str) -> tuple[int, str, str]:
    """The exit code, output and complaints of two processes that know of each other, as a launcher starts them.

    They have one standard input, with a text of a few pages. If one fails, the other is ended.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    with TemporaryDirectory() as folder:
        source, sink = CONTEXT.Pipe(duplex=False)
        os.write(sink.fileno(), text.encode())
        streams = [Path(folder) / str(rank) for rank in range(2)]
        processes = [
            start(words, path, script, place | {"RANK": rank, "LOCAL_RANK": rank, "CUDA_VISIBLE_DEVICES": ""}, source)
            for rank, path in zip("01", streams, strict=True)
        ]
        source.close()
        sink.close()
        code = _ended(processes)
        return code, *("".join(path.with_suffix(kind).read_text() for path in streams) for kind in (".out", ".err"))


def _ended(processes: Sequence[ForkServerProcess]) -> int:
    """0 once all have ended well, 1 if one of them did not."""
    end = time.monotonic() + LIMIT
    while any(process.is_alive() for process in processes):
        if time.monotonic() > end or any(process.exitcode for process in processes):
            break
        time.sleep(0.01)
    for process in processes:
        process.kill()  # nothing, if it has ended
        process.join()
    return int(any(process.exitcode for process in processes))


def _run(
    words: list[str], script: Path | None, environment: dict[str, str], streams: str, source: Connection | None
) -> None:
    if source:
        os.dup2(source.fileno(), 0)
        sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    os.environ.clear()
    os.environ.update(environment)
    for number, suffix in ((1, ".out"), (2, ".err")):
        os.dup2(os.open(streams + suffix, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666), number)
    sys.argv = ["isogloss", *words]
    if script:
        runpy.run_path(str(script), run_name="__main__")
        return
    from isogloss.cli import main

    main()
