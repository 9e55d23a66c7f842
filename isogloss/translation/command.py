"""`isogloss translate`: from the words of the command to records or lines, an engine and a place for the result."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isogloss.errors import UserError
from isogloss.languages import language
from isogloss.translation.decoding import read_decoding
from isogloss.translation.gates import parse_gates
from isogloss.translation.inputs import Records, records_of_file, records_of_task
from isogloss.translation.options import Engine, parse_shard, tags_of
from isogloss.translation.terminology import TermCount
from isogloss.translation.translate import translate_lines, translate_records
from isogloss.translation.translator import load_translator

LINES = (".txt", "")  # files of plain lines, by the end of their name


def translate(
    source: Path | None,
    *,
    to: str,
    engine: str,
    from_: str | None,
    output: Path | None,
    store: Path | None,
    task: str | None,
    data: Path | None,
    split: str,
    decoding: str,
    context: Mapping[str, Any],
    gates: str,
    reverse: str | None,
    quality: str | None,
    shard: str | None,
    ray: int,
    batch_tokens: int | None,
    attempts: int,
) -> dict[str, Any] | None:
    """The manifest of the data set that was made; None for lines, for JSON lines and for a share of the work.

    Raises:
        UserError: something of what was asked does not fit together, or the work failed.
    """
    targets, tag = tags_of(to), None if from_ is None else language(from_).tag
    how = {"store": store, "decoding": read_decoding(decoding), "batch_tokens": batch_tokens, "attempts": attempts}
    made = Engine(engine, **context)
    terms = TermCount(made.terms) if made.terms else None
    if task is None and (source is None or source.suffix in LINES):
        if tag is None:
            raise UserError("lines do not say what language they are in; give it with --from")
        if len(targets) > 1 or shard or ray:
            raise UserError("lines go into one language, by one worker; for more give records (.jsonl, .tsv ...)")
        translate_lines(source, output, made.load(), (tag, targets[0]), terms=terms, **how)
        _tell(terms)
        return None
    records = _records(source, task, data, split, tag)
    asked = parse_gates(gates)
    manifest = translate_records(
        records,
        made.load(),
        targets,
        output=output,
        gates=asked,
        reverse=load_translator(reverse) if reverse else None,
        program=shlex.split(quality or ""),
        shard=parse_shard(shard) if shard else None,
        workers=ray,
        load=made.load,
        terms=terms,
        **how,
    )
    _tell(terms)
    return manifest


def _tell(terms: TermCount | None) -> None:
    """Say how many terms of the glossary the translations have."""
    for line in terms.lines() if terms is not None else ():
        print(line, file=sys.stderr)


def _records(source: Path | None, task: str | None, data: Path | None, split: str, tag: str | None) -> Records:
    """The records of a file, or of a task's split."""
    if task is not None and source is not None:
        raise UserError(f"--task {task} and {source}: give the one or the other")
    if task is not None:
        return records_of_task(task, data, split, tag)
    assert source is not None
    return records_of_file(source, tag)
