"""`isogloss translate` in a pipe: lines in, as many lines out, in the same order."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from isogloss.errors import UserError
from isogloss.lines import lines_from, write_lines
from isogloss.translation.context_report import ContextReport, report_of
from isogloss.translation.job import ALONE, Job, Work, plain, translated
from isogloss.translation.place import Place, kept_so_far
from isogloss.translation.progress import Progress
from isogloss.translation.translator import USUAL, Decoding, Stopped, Translation, Translator

SHOWN = 5  # lines that failed of which the reason is told


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
            raise kept_so_far(error, progress, place.store is not None) from None
        finally:
            progress.close()
    if report is not None:
        report.tell()
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


def _counted_lines(
    made: Iterable[tuple[str, list[Translation]]], report: ContextReport, tags: tuple[str, str]
) -> Iterator[tuple[str, list[Translation]]]:
    """The lines and their translations, which are counted on the way."""
    for text, translations in made:
        for best in translations[0].hypotheses[:1]:
            report.add(text, best.text, *tags, best.similarity)
        yield text, translations
