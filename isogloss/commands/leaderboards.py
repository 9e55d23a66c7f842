"""`isogloss leaderboard` and `isogloss submit`."""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from isogloss.commands import DataFolder, Json


def leaderboard(
    results: Annotated[
        list[str], typer.Argument(help="Runs, folders of results or result files; NAME=PATH makes one row of a path.")
    ],
    benchmark: Annotated[str, typer.Option(help="xtreme or xglue.")] = "xtreme",
    output: Annotated[Path | None, typer.Option(help="The table as .html, .md or .json.")] = None,
    as_json: Json = False,
) -> None:
    """Score results as a benchmark does, beside published rows: tasks, groups, overall, then language by language."""
    from isogloss.evaluation.leaderboard import leaderboard as scored

    board = scored(results, benchmark)
    if output is not None:
        from isogloss.evaluation.leaderboard_page import write_leaderboard

        write_leaderboard(board, output, command=shlex.join(["isogloss", *sys.argv[1:]]))
    if as_json:
        print(json.dumps(board.to_json(), ensure_ascii=False, indent=2))
    else:
        from isogloss.evaluation.leaderboard_tables import leaderboard_text

        print(leaderboard_text(board))


def submit(
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="Runs; TASK=RUN for a run of another task, TASK=FILE for predictions as `predict` writes."),
    ] = None,
    *,
    data: DataFolder,
    output: Annotated[Path, typer.Option(help="New folder for the submission.")],
    encoder: Annotated[str | None, typer.Option(help="Answers bucc2018 and tatoeba: tiny, a run, a Hub name.")] = None,
    tasks: Annotated[str, typer.Option(help="Tasks to write, separated by commas; all nine by default.")] = "",
    pairing: Annotated[list[str] | None, typer.Option(help="As in evaluate; TASK=PAIRING for one task.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Retrieval: key=value or TASK.key=value.")] = None,
) -> None:
    """Predict XTREME's test splits into a submission folder; test labels are not needed."""
    from isogloss.evaluation.submit import submit as write

    print(
        write(
            sources or (),
            data=data,
            output=output,
            encoder=encoder,
            tasks=tasks,
            pairing=pairing or (),
            settings=set_ or (),
        )
    )
