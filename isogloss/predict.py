"""Predict JSON lines: from a file or standard input to a file or standard output, in order, a block at a time."""

import json
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss import runs
from isogloss.data.jsonl import parse_bitexts, parse_lines, parse_queries
from isogloss.errors import UserError
from isogloss.lines import STANDARD_INPUT, lines_from, write_lines
from isogloss.precision import FLOAT32
from isogloss.processes import is_first, read_by_first
from isogloss.ranking_run import RankingRun, load_ranking, ranks
from isogloss.records import to_json
from isogloss.runs import Predictor
from isogloss.translating_run import TranslatingRun, load_translating, tell_failures, translates

if TYPE_CHECKING:
    from isogloss.translation.live import Live
    from isogloss.translation.translator import Decoding

BLOCK = 1024  # records predicted at a time: memory stays small however long the input is


def load(
    run: str | Path, method: str | None = None, precision: str = FLOAT32
) -> Predictor | TranslatingRun | RankingRun:
    """What answers records by a run directory; of a method that translates or ranks, what does that.

    method: reads the run as another method that is trained in the same way. precision: float32, bfloat16 or int8.

    Raises:
        UserError: it is no finished run, or cannot be read in this way.
    """
    if translates(run):
        return load_translating(run)
    return load_ranking(run) if ranks(run) else runs.load(run, method, precision)


def predict_lines(
    run: Path,
    source: Path | None,
    target: Path | None,
    precision: str = FLOAT32,
    translator: str | None = None,
    gates: str = "all",
    settings: Sequence[str] = (),
) -> None:
    """Write one JSON line of prediction per line of the source.

    The target file appears only when all of it is written. Of several processes the first reads and writes.
    translator: an engine (NAME:REST) that translates the texts without a translation; one that it cannot translate, or
    whose translation does not pass the gates, is read without, and the user is told. A run that translates reads texts
    with the language that they are to be in, and `settings` are `key=value` of its decoding; one that ranks reads
    queries with their documents.

    Raises:
        UserError: a line is no record of the run's task (file and line are named), the target cannot be written, the
            engine cannot be loaded or lacks a language, or a setting is wrong.
    """
    if translates(run):
        from isogloss.translation.decoding import read_decoding

        _refuse(precision, translator)
        decoding = read_decoding(",".join(settings))
        translate_lines(load_translating(run), source, target, decoding)
        return
    if settings:
        told = "a run keeps the settings it was trained with; a translator's decoding alone is set here"
        raise UserError(f"--set {settings[0]}: {told}")
    if ranks(run):
        if translator is not None or precision != FLOAT32:
            raise UserError("--translator, --precision: a run that ranks reads texts alone, in float32; leave them out")
        predictor, live = load_ranking(run), None
    else:
        predictor = runs.load(run, precision=precision)
        live = predictor.live(translator, gates) if translator is not None else None
    with _lines(source) as lines:
        predictions = predicted(predictor, read_by_first(lines), str(source or STANDARD_INPUT), live)
        if not is_first():
            deque(predictions, maxlen=0)  # its share of the work is done on the way
        else:
            write_lines(target, predictions)
    if live is not None:
        live.tell()


def translate_lines(
    run: TranslatingRun, source: Path | None, target: Path | None, decoding: "Decoding | None" = None
) -> None:
    """Write one JSON line of translation per line of the source; those that failed are told.

    Raises:
        UserError: a line is no text to be translated, the run lacks its direction, or the target cannot be written.
    """
    failures: Counter[str] = Counter()
    with _lines(source) as lines:

        def made() -> Iterator[str]:
            texts = parse_bitexts(read_by_first(lines), str(source or STANDARD_INPUT))
            while block := list(islice(texts, BLOCK)):
                for prediction in run.predict(block, decoding):
                    failures[prediction.failure or ""] += 1
                    yield json.dumps(to_json(prediction), ensure_ascii=False) + "\n"

        if not is_first():
            deque(made(), maxlen=0)  # its share of the work is done on the way
        else:
            write_lines(target, made())
    texts = failures.total()
    del failures[""]
    tell_failures(failures, texts)


def _refuse(precision: str, translator: str | None) -> None:
    """Nothing, if a run that translates is asked for nothing that is not its own."""
    if translator is not None:
        raise UserError(f"--translator {translator}: the run translates itself; leave it out")
    if precision != FLOAT32:
        raise UserError(f"--precision {precision}: a translator reads in float32; `isogloss export` makes an int8 one")


def predicted(
    predictor: Predictor | RankingRun, lines: Iterable[str], name: str, live: "Live | None" = None
) -> Iterator[str]:
    """The predictions of JSON lines, as JSON lines; `live` translates them before they are read."""
    ranking = isinstance(predictor, RankingRun)
    records: Iterator[Any] = parse_queries(lines, name) if ranking else parse_lines(lines, name, predictor.task.kind)
    while block := list(islice(records, BLOCK)):
        asked: list[Any] = live(block) if live is not None else block
        for prediction in predictor.predict(asked):
            yield json.dumps(to_json(prediction), ensure_ascii=False) + "\n"


@contextmanager
def _lines(source: Path | None) -> Iterator[Iterable[str]]:
    """The lines of a file, or of standard input, which stays open; none in other processes than the first."""
    if not is_first():
        yield ()
        return
    with lines_from(source) as lines:
        yield lines
