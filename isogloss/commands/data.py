"""`isogloss data`: what can be had, getting it, and whether it is whole."""

import json
from pathlib import Path
from typing import Annotated

import typer

from isogloss.commands import DataFolder, Json
from isogloss.errors import UserError

app = typer.Typer(help="See, get and verify data sets.", no_args_is_help=True, rich_markup_mode=None)


@app.command("ls")
def ls(
    name: Annotated[str | None, typer.Argument(metavar="[SET]", help="A set; all by default.")] = None,
    data: Annotated[Path | None, typer.Option(help="Data folder: what of it is there?")] = None,
    as_json: Json = False,
) -> None:
    """List what can be had: size, licence, how, and whether it is in the data folder."""
    from isogloss.data.data_folder import rows, table

    entries = rows(name, data)
    print(json.dumps(entries, ensure_ascii=False, indent=2) if as_json else table(entries))


@app.command("get")
def get(
    name: Annotated[str, typer.Argument(metavar="SET", help="A set (`isogloss data ls`).")],
    data: DataFolder,
    tasks: Annotated[str, typer.Option(help="Tasks of the set, separated by commas; all by default.")] = "",
    accept_licences: Annotated[bool, typer.Option("--accept-licences", help="Accept what `ls` lists.")] = False,
) -> None:
    """Get the files of a set: resumed where a transfer broke off, checked against their SHA-256, unpacked."""
    from isogloss.data.get import get

    for line in get(name, data, tasks, accept_licences=accept_licences):
        print(line, flush=True)


@app.command("verify")
def verify(
    data: DataFolder,
    name: Annotated[str | None, typer.Argument(metavar="[SET]", help="A set; all by default.")] = None,
    tasks: Annotated[str, typer.Option(help="Tasks of the set; by default those that are there.")] = "",
    as_json: Json = False,
) -> None:
    """Check a data folder: which files are missing or altered? Exit code 1 if any is."""
    from dataclasses import asdict

    from isogloss.data.data_folder import report, verify

    checked, findings = verify(name, data, tasks)
    rows = [asdict(finding) for finding in findings]
    print(json.dumps(rows, ensure_ascii=False, indent=2) if as_json else report(checked, findings, data))
    bad = sum(finding.state in ("missing", "altered") for finding in findings)
    if bad:
        raise UserError(f"{data}: {bad} of {len(findings)} files are missing or altered; `isogloss data get` mends it")


@app.command("check")
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A parallel data set.")], as_json: Json = False
) -> None:
    """Check a parallel data set: schema, ids, joins, languages, texts, offsets, counts. Exit code 1 if any is wrong."""
    from isogloss.data.parallel_set_check import defects, report

    found = defects(folder)
    print(json.dumps(found, ensure_ascii=False, indent=2) if as_json else report(folder, found))
    if found:
        raise UserError(f"{folder}: {len(found)} line(s) of defects; make the set again, or leave out what is wrong")
