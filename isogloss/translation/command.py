"""`isogloss translate`: texts, languages and an engine become a parallel data set, or lines in a pipe."""

from dataclasses import replace
from typing import Any

from isogloss.errors import UserError
from isogloss.translation.gates import Judges
from isogloss.translation.job import ALL, Work
from isogloss.translation.options import Engine, Texts
from isogloss.translation.pipe import translate_lines
from isogloss.translation.place import Place
from isogloss.translation.translate import translate_records
from isogloss.translation.translator import Decoding


def translate(
    texts: Texts, targets: list[str], engine: Engine, place: Place, decoding: Decoding, judges: Judges, work: Work
) -> dict[str, Any] | None:
    """The manifest of the data set that was made; None for lines, for JSON lines and for a share of the work.

    Raises:
        UserError: something of what was asked does not fit together, or the work failed.
    """
    if not texts.are_lines:
        records, work = texts.records(), replace(work, load=engine.load)
        return translate_records(records, engine.load(), targets, place, decoding=decoding, judges=judges, work=work)
    tag = texts.tag
    if tag is None:
        raise UserError("lines do not say what language they are in; give it with --from")
    if len(targets) > 1 or work.share != ALL or work.ray:
        raise UserError("lines go into one language, by one worker; for more give records (.jsonl, .tsv ...)")
    translate_lines(texts.file, place, engine.load(), (tag, targets[0]), decoding=decoding, work=work)
    return None
