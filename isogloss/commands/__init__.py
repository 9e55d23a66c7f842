"""The commands of the command line that are not of the main job, by what they are about; the options that many have."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Data = Annotated[
    Path | None,
    typer.Option(help="Folder with the task's files, or the folder that holds it; hub, or hub:DIR for a mirror of it."),
]
DataFolder = Annotated[Path, typer.Option("--data", help="Folder that holds the tasks' folders.")]
