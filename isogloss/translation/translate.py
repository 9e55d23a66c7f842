"""What `isogloss translate` does with records: a labelled data set in and a parallel one out."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from operator import attrgetter
from typing import Any

from isogloss.data.parallel_set import Row, write_parallel_set
from isogloss.lines import write_lines
from isogloss.processes import is_first, number, this_process
from isogloss.records import Record, to_json
from isogloss.translation.context_report import ContextReport, report_of
from isogloss.translation.gates import Judges, TranslateBack, judged
from isogloss.translation.inputs import Records, records_of
from isogloss.translation.job import ALL, ALONE, Form, Job, Work, fill, put_together, translated
from isogloss.translation.labels import parts, rebuild
from isogloss.translation.place import NOWHERE, Place, kept_so_far
from isogloss.translation.progress import Progress
from isogloss.translation.translator import USUAL, Decoding, Stopped, Translator

RECORDS: Form[Record] = Form(attrgetter("language"), parts, rebuild)
NO_JUDGES = Judges()


def translate_records(
    records: Records | Sequence[Record],
    translator: Translator,
    targets: Sequence[str],
    place: Place = NOWHERE,
    *,
    decoding: Decoding = USUAL,
    judges: Judges = NO_JUDGES,
    work: Work = ALONE,
) -> dict[str, Any] | None:
    """The manifest of the parallel data set that was made of the records; None where it is left to others.

    Without an output the accepted translations are written to standard output, as JSON lines. Who has a share of the
    work only fills the store. Where a command has several processes, each translates a share and the first writes the
    set.

    Raises:
        UserError: the records, languages, engine or places are wrong; a server failed; a disk is full. What was
            translated is kept, and the same call goes on.
    """
    records = records if isinstance(records, Records) else records_of(records)
    place.require_room()
    judges.check(records.languages, targets)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    several = work.share == ALL and processes > 1
    with place.opened() as store:
        mine = replace(work, share=(number(), processes)) if several else work
        job = Job(translator, store, RECORDS, decoding, mine)
        job.require(records.languages, targets)
        if place != NOWHERE:
            print(f"translations are kept in {store.folder}; stopped, the same command goes on", file=sys.stderr)
        _fill(job, records, targets, kept=place != NOWHERE)
        if work.share != ALL:
            told = "when all shards have ended, the same command without --shard writes the data set"
            print(f"shard {work.share[0] + 1} of {work.share[1]} is done; {told}", file=sys.stderr)
            return None
        if several:
            this_process().wait_for_everyone()
            if not is_first():
                return None
        return _written(job, records, targets, place, judges)


def _written(
    job: Job[Record], records: Records, targets: Sequence[str], place: Place, judges: Judges
) -> dict[str, Any] | None:
    """The manifest of the set that was written of what is in the store; None where it was JSON lines."""
    rows, report = _judged(job, records, targets, judges), report_of(job.translator)
    if report is not None:
        rows = _counted(rows, report)
    if place.output is None:
        manifest = None
        _print_records(rows)
    else:
        manifest = write_parallel_set(
            place.output,
            rows,
            kind=records.kind,
            provenance={
                "engine": job.translator.provenance,
                "decoding": asdict(job.decoding),
                "gates": dict(judges.gates),
            },
            more=lambda: {"context": report.to_json()} if report is not None else {},
        )
    if report is not None:
        report.tell()
    return manifest


def _fill(job: Job[Record], records: Records, targets: Sequence[str], kept: bool) -> None:
    """Nothing; this worker's share of the texts is in the store, and it was told how fast that went.

    kept: whether the store outlasts the job.
    """
    progress = Progress(targets, records.total)
    try:
        if job.work.ray:
            from isogloss.translation import on_ray

            on_ray.fill(job, records.rows(), targets, progress)
        else:
            fill(job, records.rows(), targets, progress)
    except Stopped as error:
        raise kept_so_far(error, progress, kept) from None
    finally:
        progress.close()
    print(progress.summary(), file=sys.stderr)


def _judged(job: Job[Record], records: Records, targets: Sequence[str], judges: Judges) -> Iterator[Row]:
    """The rows of all translations, put together from the store, as the gates leave them."""

    def rows() -> Iterator[Row]:
        for _, made in put_together(job, records.rows(), targets):
            yield from (row for row in made if row is not None)

    return judged(rows, judges.gates, back=_back(job, judges.reverse), program=judges.program)


def _counted(rows: Iterable[Row], report: ContextReport) -> Iterator[Row]:
    """The rows; those that are accepted are counted on the way."""
    for row in rows:
        if row.reason is None and row.translation is not None:
            here, there = _text(row.original), _text(row.translation)
            report.add(here, there, row.original.language, row.language, row.similarity)
        yield row


def _text(record: Record) -> str:
    return " ".join(part.text for part in parts(record))


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


def _back(job: Job[Record], reverse: Translator | None) -> TranslateBack | None:
    """Translates records back, for the gate that compares them with their sources; its work is in the store too."""
    if reverse is None:
        return None
    turned = Job(reverse, job.store, RECORDS, job.decoding)

    def back(records: Sequence[Record], target: str) -> list[Record | None]:
        made = translated(turned, records, [target], Progress([target]))
        return [row.translation for _, (row,) in made]

    return back
