"""The fake engine in a process of its own, and what its job left."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

FAKE = Path(__file__).parent / "fake_engine.py"


@pytest.fixture
def start_job():
    """A function that starts a job with the fake engine: rows, folder, options; all of them end with the test."""
    started = []

    def start(rows, folder, **options):
        words = [sys.executable, str(FAKE), str(rows), str(folder), *(f"{k}={v}" for k, v in options.items())]
        started.append(subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=os.environ))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.fixture
def run_job(start_job):
    """The same, waited for; returns what it told and its exit code."""

    def run(rows, folder, **options):
        process = start_job(rows, folder, **options)
        _, told = process.communicate(timeout=120)
        return told, process.returncode

    return run


@pytest.fixture
def content():
    """A function from a folder to the bytes of all files in it."""
    return lambda folder: {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def keys_in():
    """A function from a store to the number of times that each key is in its shards, whole batches alone."""

    def keys(store):
        found = Counter()
        for path in sorted((store / "shards").iterdir()):
            whole, end, _ = path.read_bytes().rpartition(b"\n\n")
            found.update(json.loads(line)["key"] for line in (whole + end).split(b"\n") if line)
        return found

    return keys


@pytest.fixture
def size_of():
    """A function from a store to the bytes of its shards."""
    return lambda store: sum(path.stat().st_size for path in (store / "shards").glob("*"))
