"""The translation job on many machines: Ray Data hands the batches to workers, this process keeps what they make.

Only this process touches the store, so nothing is double and the machines need no drive in common. A worker that dies
is replaced and its batch given out again. The batches, and so the result, are those of a job without Ray.
"""

import json
import logging
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from isogloss.errors import UserError
from isogloss.translation.job import Batch, Job, Row, Watch, blocks
from isogloss.translation.store import State
from isogloss.translation.translator import Decoding, Hypothesis, Stopped, Translation, Translator

RETRIES = 5  # times that a batch is given out again when its worker died
PLANNED = State(attempts=0, of_this_run=True)


def fill(job: Job[Row], rows: Iterable[Row], targets: Sequence[str], watch: Watch) -> None:
    """Nothing; the rows' texts are in the store. The job says how many workers there are and what makes their engines.

    Raises:
        UserError: Ray is not installed or has not as many processors, an engine cannot be loaded or failed, or workers
            died again and again; what was translated is kept.
    """
    workers, load = job.work.ray, job.work.load or (lambda: job.translator)
    with _ray() as ray:
        import pyarrow as pa

        processors, gpus = (int(ray.cluster_resources().get(name, 0)) for name in ("CPU", "GPU"))
        if workers > processors:
            raise UserError(f"--ray {workers}: Ray has {processors} processors, a worker needs one; ask for fewer")
        # the texts wait in Ray's object store, which goes to disk when it is full
        tables = (pa.Table.from_pylist([_row(batch)]) for batch in _plan(job, rows, targets, watch))
        if not (waiting := [ray.put(table) for table in tables]):
            return
        made = ray.data.from_arrow_refs(waiting).map_batches(
            _worker(load, job.decoding),
            batch_size=None,
            compute=ray.data.ActorPoolStrategy(size=workers),
            num_cpus=processors // workers,
            num_gpus=1 if gpus >= workers else 0,
            max_restarts=RETRIES * workers,
            max_task_retries=RETRIES,
        )
        try:
            for row in made.iter_rows():
                if row["error"]:
                    raise Stopped(row["error"])
                batch = Batch(row["source"], row["target"], tuple(row["texts"]), tuple(row["keys"]), row["rows"])
                job.keep(batch, [_translation(each) for each in json.loads(row["made"])])
                watch.worked(batch.target, batch.rows)
        except ray.exceptions.RayError as error:
            raise UserError(
                f"the workers of Ray failed ({_first_line(error)}); the same command goes on where they stopped"
            ) from error


def _plan(job: Job[Row], rows: Iterable[Row], targets: Sequence[str], watch: Watch) -> Iterator[Batch]:
    """The batches of all rows. A text that comes again waits in an earlier batch, which is noted outside the memory."""
    with closing(sqlite3.connect("")) as planned:
        planned.execute("CREATE TABLE planned (key BLOB PRIMARY KEY) WITHOUT ROWID")

        def states(keys: Sequence[bytes]) -> dict[bytes, State]:
            question = "SELECT 1 FROM planned WHERE key = ?"
            waiting = [key for key in keys if planned.execute(question, (key,)).fetchone()]
            return job.store.states(keys) | dict.fromkeys(waiting, PLANNED)

        for block in blocks(job, rows):
            for target in targets:
                batches = job.batches(block, target, states)
                for batch in batches:
                    planned.executemany("INSERT INTO planned VALUES (?)", [(key,) for key in batch.keys])
                    yield batch
                if not batches:
                    watch.found(target, len(block))


def _worker(load: Callable[[], Translator], decoding: Decoding) -> type:
    """The class of an engine in a process of Ray.

    What it is made with is part of the class, so that it can be made anew anywhere. What is wrong with the engine is
    told in the answer, or Ray would try again.
    """

    class Worker:
        def __init__(self) -> None:
            self.error = ""
            try:
                self.translator = load()
            except UserError as error:
                self.error = str(error)

        def __call__(self, table: dict[str, Any]) -> dict[str, Any]:
            made, error = [], self.error
            source, target, texts = (table[name][0] for name in ("source", "target", "texts"))
            try:
                if not error:
                    made = self.translator.translate([str(text) for text in texts], source, target, decoding)
            except UserError as mistake:
                error = str(mistake)
            return table | {"made": [json.dumps([_told(each) for each in made])], "error": [error]}

    return Worker


def _row(batch: Batch) -> dict[str, Any]:
    return {
        "source": batch.source,
        "target": batch.target,
        "texts": list(batch.texts),
        "keys": list(batch.keys),
        "rows": batch.rows,
    }


def _told(translation: Translation) -> list[Any]:
    """A translation as JSON: text, log-probability, tokens and similarity, or the failure alone."""
    if not translation.hypotheses:
        return [translation.failure]
    best = translation.hypotheses[0]
    return [best.text, best.log_probability, best.tokens, best.similarity]


def _translation(told: list[Any]) -> Translation:
    if len(told) == 1:
        return Translation(failure=told[0])
    *best, similarity = told
    return Translation((Hypothesis(*best, similarity=similarity),))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def _ray() -> Iterator[Any]:
    """Ray: the cluster that this process is part of or RAY_ADDRESS names, else one on this machine for the time."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would send figures home
    try:
        import ray
        import ray.data
    except ImportError:
        raise UserError("--ray needs Ray: pip install 'isogloss[scale]'") from None
    there = ray.is_initialized()
    if not there:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # its errors are raised as well
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
        yield ray
    finally:
        if not there:
            ray.shutdown()
