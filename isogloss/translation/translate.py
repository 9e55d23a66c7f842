"""What `isogloss translate` does: a labelled data set in and a parallel one out, or lines in a pipe."""

import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

from isogloss.data.parallel_set import Row, write_parallel_set
from isogloss.errors import UserError
from isogloss.lines import lines_from, write_lines
from isogloss.processes import is_first, number, this_process
from isogloss.records import Record, to_json
from isogloss.translation.context_report import ContextReport, report_of
from isogloss.translation.gates import Judges, TranslateBack, judged
from isogloss.translation.inputs import Records, records_of
from isogloss.translation.job import ALL, ALONE, Form, Job, Work, fill, plain, put_together, translated
from isogloss.translation.labels import parts, rebuild
from isogloss.translation.progress import Progress
from isogloss.translation.store import Store
from isogloss.translation.translator import Decoding, Stopped, Translation, Translator

RECORDS: Form[Record] = Form(attrgetter("language"), parts, rebuild)
USUAL, NO_JUDGES = Decoding(), Judges()
SHOWN = 5  # lines that failed of which the reason is told


@dataclass(frozen=True, slots=True)
class Place:
    """Where the result goes, and where translations are kept until then and for later.

    output: a folder for a data set, a file for lines; standard output if not said. store: beside the data set if not
    said; where there is neither, translations are kept for the time of the job alone.
    """

    output: Path | None = None
    store: Path | None = None

    def require_room(self) -> None:
        """Nothing, if a data set can come to be there: that is asked before hours of work, not after them.

        Raises:
            UserError: something is there already.
        """
        if self.output is None or not self.output.exists():
            return
        if not self.output.is_dir() or any(self.output.iterdir()):
            raise UserError(f"{self.output} is there and is not an empty folder; choose another --output, or remove it")

    @contextmanager
    def opened(self) -> Iterator[Store]:
        """The store."""
        folder = self.store
        if folder is None and self.output is not None:
            folder = self.output.with_name(f"{self.output.name}.store")
        if folder is not None:
            with Store(folder) as store:
                yield store
            return
        with tempfile.TemporaryDirectory() as place, Store(Path(place) / "store") as store:
            yield store


NOWHERE = Place()


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
        rows = _judged(job, records, targets, judges)
        report, manifest = report_of(translator), None
        if report is not None:
            rows = _counted(rows, report)
        if place.output is None:
            _print_records(rows)
        else:
            made = {"engine": translator.provenance, "decoding": asdict(decoding), "gates": dict(judges.gates)}
            manifest = write_parallel_set(
                place.output,
                rows,
                kind=records.kind,
                provenance=made,
                more=lambda: {"context": report.to_json()} if report is not None else {},
            )
        _tell(report)
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
        raise _kept_so_far(error, progress, kept) from None
    finally:
        progress.close()
    print(progress.summary(), file=sys.stderr)


def _kept_so_far(error: Stopped, progress: Progress, kept: bool) -> UserError:
    """The mistake with what was done before it, and whether that is lost."""
    told = "are done and kept; the same command goes on" if kept else "were done; with --store DIR they would be kept"
    return UserError(f"{error}; {progress.done()} {told}")


def _judged(job: Job[Record], records: Records, targets: Sequence[str], judges: Judges) -> Iterator[Row]:
    """The rows of all translations, put together from the store, as the gates leave them."""

    def rows() -> Iterator[Row]:
        for _, made in put_together(job, records.rows(), targets):
            yield from (row for row in made if row is not None)

    return judged(rows, judges.gates, back=_back(job, judges.reverse), program=judges.program)


def translate_lines(
    source: Path | None,
    place: Place,
    translator: Translator,
    tags: tuple[str, str],
    *,
    decoding: Decoding = USUAL,
    work: Work = ALONE,
) -> None:
    """Nothing; for every line of a file or of standard input a line was written, in the same order.

    tags: the language of the lines, and that of their translations.

    Raises:
        UserError: as for records; or some lines were not translated, which is said when all were written.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UserError("lines in a pipe are read by one process; start one, or give a file of records and --output")
    failures, report = Failures(), report_of(translator)
    progress = Progress(tags[1:])
    with lines_from(source) as lines, Place(store=place.store).opened() as store:
        job = Job(translator, store, plain(tags[0]), decoding, work)
        job.require(tags[:1], tags[1:])
        rows = (line.removesuffix("\n") for line in lines)
        made = translated(job, rows, tags[1:], progress)
        if report is not None:
            made = _counted_lines(made, report, tags)
        try:
            write_lines(place.output, _lines(made, failures))
        except Stopped as error:
            raise _kept_so_far(error, progress, place.store is not None) from None
        finally:
            progress.close()
    _tell(report)
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


def _counted(rows: Iterable[Row], report: ContextReport) -> Iterator[Row]:
    """The rows; those that are accepted are counted on the way."""
    for row in rows:
        if row.reason is None and row.translation is not None:
            here, there = _text(row.original), _text(row.translation)
            report.add(here, there, row.original.language, row.language, row.similarity)
        yield row


def _text(record: Record) -> str:
    return " ".join(part.text for part in parts(record))


def _counted_lines(
    made: Iterable[tuple[str, list[Translation]]], report: ContextReport, tags: tuple[str, str]
) -> Iterator[tuple[str, list[Translation]]]:
    """The lines and their translations, which are counted on the way."""
    for text, translations in made:
        for best in translations[0].hypotheses[:1]:
            report.add(text, best.text, *tags, best.similarity)
        yield text, translations


def _tell(report: ContextReport | None) -> None:
    for line in report.lines() if report is not None else ():
        print(line, file=sys.stderr)


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
