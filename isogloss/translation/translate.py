"""What `isogloss translate` does: a labelled data set in and a parallel one out, or lines in a pipe."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

from isogloss.data.parallel_set import Row, write_parallel_set
from isogloss.errors import UserError
from isogloss.lines import lines_from, write_lines
from isogloss.processes import is_first, number, this_process
from isogloss.records import Record, to_json
from isogloss.translation.gates import judged, require
from isogloss.translation.inputs import Records, records_of
from isogloss.translation.job import ALL, ATTEMPTS, Form, Job, fill, plain, put_together, translated
from isogloss.translation.labels import parts, rebuild
from isogloss.translation.progress import Progress
from isogloss.translation.store import Store
from isogloss.translation.terminology import TermCount
from isogloss.translation.translator import Decoding, Translation, Translator

RECORDS: Form[Record] = Form(attrgetter("language"), parts, rebuild)
USUAL = Decoding()
SHOWN = 5  # lines that failed of which the reason is told


def translate_records(
    records: Records | Sequence[Record],
    translator: Translator,
    targets: Sequence[str],
    *,
    output: Path | None,
    store: Path | None = None,
    decoding: Decoding = USUAL,
    gates: Mapping[str, float] | None = None,
    reverse: Translator | None = None,
    program: Sequence[str] = (),
    shard: tuple[int, int] | None = None,
    batch_tokens: int | None = None,
    attempts: int = ATTEMPTS,
    workers: int = 0,
    load: Callable[[], Translator] | None = None,
    terms: TermCount | None = None,
) -> dict[str, Any] | None:
    """The manifest of the parallel data set that was made of the records; None where it is left to others.

    Without an output the accepted translations are written to standard output, as JSON lines. Where a command has
    several processes, each translates a share and the first writes the set.

    store: the folder of translations, beside the output if not given. gates: thresholds by name. reverse: translates
    back, for a gate. program: of the user's, for a gate. shard: this worker's number, from 0, and how many there are; a
    worker only fills the store. workers: of Ray, each with an engine of its own that `load` makes. terms: counts the
    terms in the translations that were made.

    Raises:
        UserError: the records, languages, engine or places are wrong; a server failed; a disk is full. What was
            translated is kept, and the same call goes on.
    """
    records = records if isinstance(records, Records) else records_of(records)
    _require_room(output)
    _require_judges(records.languages, targets, gates or {}, reverse, program)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    share = shard or ((number(), processes) if processes > 1 else ALL)
    with _opened(store, output) as kept:
        job = Job(translator, kept, RECORDS, decoding, tokens=batch_tokens, attempts=attempts, share=share)
        job.require(records.languages, targets)
        if store or output:
            print(f"translations are kept in {kept.folder}; stopped, the same command goes on", file=sys.stderr)
        _fill(job, records, targets, workers, load or (lambda: translator))
        if shard:
            told = "when all shards have ended, the same command without --shard writes the data set"
            print(f"shard {shard[0] + 1} of {shard[1]} is done; {told}", file=sys.stderr)
            return None
        if processes > 1:
            this_process().wait_for_everyone()
            if not is_first():
                return None

        def rows() -> Iterator[Row]:
            for _, made in put_together(job, records.rows(), targets):
                yield from (row for row in made if row is not None)

        judge = judged(rows, gates or {}, back=_back(kept, reverse, decoding), program=program)
        if terms is not None:
            judge = _counted(judge, terms)
        if output is None:
            _print_records(judge)
            return None
        provenance = {"engine": translator.provenance, "decoding": asdict(decoding), "gates": dict(gates or {})}
        return write_parallel_set(output, judge, kind=records.kind, provenance=provenance)


def _fill(
    job: Job[Record], records: Records, targets: Sequence[str], workers: int, load: Callable[[], Translator]
) -> None:
    """Nothing; this worker's share of the texts is in the store, and it was told how fast that went."""
    progress = Progress(targets, records.total)
    try:
        if workers:
            from isogloss.translation import on_ray

            on_ray.fill(job, records.rows(), targets, progress, load, workers)
        else:
            fill(job, records.rows(), targets, progress)
    finally:
        progress.close()
    print(progress.summary(), file=sys.stderr)


def translate_lines(
    source: Path | None,
    target: Path | None,
    translator: Translator,
    tags: tuple[str, str],
    *,
    store: Path | None = None,
    decoding: Decoding = USUAL,
    batch_tokens: int | None = None,
    attempts: int = ATTEMPTS,
    terms: TermCount | None = None,
) -> None:
    """Nothing; for every line of a file or of standard input a line was written, in the same order.

    tags: the language of the lines, and that of their translations. terms: counts the terms in these.

    Raises:
        UserError: as for records; or some lines were not translated, which is said when all were written.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UserError("lines in a pipe are read by one process; start one, or give a file of records and --output")
    failures = Failures()
    progress = Progress(tags[1:])
    with lines_from(source) as lines, _opened(store, None) as kept:
        job = Job(translator, kept, plain(tags[0]), decoding, tokens=batch_tokens, attempts=attempts)
        job.require(tags[:1], tags[1:])
        rows = (line.removesuffix("\n") for line in lines)
        made = translated(job, rows, tags[1:], progress)
        if terms is not None:
            made = _counted_lines(made, terms, tags)
        try:
            write_lines(target, _lines(made, failures))
        finally:
            progress.close()
    if failures.count:
        more = f" and {failures.count - SHOWN} more" if failures.count > SHOWN else ""
        raise UserError(f"{failures.count} lines were not translated and are empty: {'; '.join(failures.first)}{more}")


@dataclass
class Failures:
    """How many lines were not translated, and what the first of them were."""

    count: int = 0
    first: list[str] = field(default_factory=list)


def _lines(made: Iterable[tuple[str, list[Translation]]], failures: Failures) -> Iterator[str]:
    """A line for each translation; those that failed are empty and added to the failures."""
    for line, (_, (translation,)) in enumerate(made, 1):
        if translation.text is None:
            failures.count += 1
            if failures.count <= SHOWN:
                failures.first.append(f"line {line}: {translation.failure or 'no translation'}")
        yield " ".join((translation.text or "").split("\n")) + "\n"


def _counted(rows: Iterable[Row], terms: TermCount) -> Iterator[Row]:
    """The rows; the terms in those that are accepted are counted on the way."""
    for row in rows:
        if row.reason is None and row.translation is not None:
            terms.add(_text(row.original), _text(row.translation), row.original.language, row.language)
        yield row


def _text(record: Record) -> str:
    return " ".join(part.text for part in parts(record))


def _counted_lines(
    made: Iterable[tuple[str, list[Translation]]], terms: TermCount, tags: tuple[str, str]
) -> Iterator[tuple[str, list[Translation]]]:
    """The lines and their translations; the terms in these are counted on the way."""
    for text, translations in made:
        if translations[0].text is not None:
            terms.add(text, translations[0].text, *tags)
        yield text, translations


def _print_records(rows: Iterable[Row]) -> None:
    """Write the accepted translations to standard output; how many were rejected is told."""
    reasons: dict[str, int] = {}

    def lines() -> Iterator[str]:
        for row in rows:
            if row.reason is None and row.translation is not None:
                yield json.dumps(to_json(row.translation), ensure_ascii=False) + "\n"
            else:
                why = f"{row.reason} ({row.detail})" if row.reason == "engine" else str(row.reason)
                reasons[why] = reasons.get(why, 0) + 1

    write_lines(None, lines())
    if reasons:
        told = ", ".join(f"{count} {why}" for why, count in reasons.items())
        print(f"left out: {told}; --output DIR keeps them with their reasons", file=sys.stderr)


def _back(
    store: Store, reverse: Translator | None, decoding: Decoding
) -> Callable[[Sequence[Record], str], list[Record | None]] | None:
    """Translates records back, for the gate that compares them with their sources; its work is in the store too."""
    if reverse is None:
        return None
    job = Job(reverse, store, RECORDS, decoding)

    def back(records: Sequence[Record], target: str) -> list[Record | None]:
        made = translated(job, records, [target], Progress([target]))
        return [row.translation for _, (row,) in made]

    return back


def _require_judges(
    sources: Sequence[str],
    targets: Sequence[str],
    gates: Mapping[str, float],
    reverse: Translator | None,
    program: Sequence[str],
) -> None:
    """Nothing, if the gates will have what they need when everything is translated.

    Raises:
        UserError: they will not.
    """
    require(gates, reverse is not None, bool(program))
    if program and shutil.which(program[0]) is None:
        raise UserError(f"--quality: there is no program {program[0]!r} to be run; check the path")
    for source, target in ((source, target) for source in sources for target in targets if source != target):
        if reverse is not None:
            reverse.check(target, source)


def _require_room(output: Path | None) -> None:
    """Nothing, if a data set can come to be there: that is asked before hours of work, not after them."""
    if output is not None and output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UserError(f"{output} is there and is not an empty folder; choose another --output, or remove it")


@contextmanager
def _opened(folder: Path | None, output: Path | None) -> Iterator[Store]:
    """The store: in its folder, beside the output, or where there is neither for the time of the job alone."""
    if folder is not None or output is not None:
        with Store(folder or output.with_name(f"{output.name}.store")) as store:  # pyright: ignore
            yield store
        return
    with tempfile.TemporaryDirectory() as place, Store(Path(place) / "store") as store:
        yield store
