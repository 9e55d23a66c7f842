"""The folder of a run: whose it is, whether it is finished, and its manifest."""

import json
from pathlib import Path
from typing import Any

from isogloss.errors import UserError
from isogloss.files import write_atomic
from isogloss.recipe import Recipe

MANIFEST = "isogloss.json"
WEIGHTS, WEIGHTS_SHA256 = "model.safetensors", "weights_sha256"  # a file of it, and what its manifest may state of it
STARTED = "recipe.json"  # what an unfinished run is a run of
FORMAT = 1


def claim(recipe: Recipe, data: dict[str, Any]) -> None:
    """Mark the output folder as this recipe's; resuming needs the mark to be equal.

    Raises:
        UserError: the folder holds a finished run, another run, or files that are not a run's.
    """
    folder = recipe.output
    this = {"recipe": json.loads(json.dumps(recipe.resolved())), "data": data}
    if (folder / MANIFEST).is_file():
        raise UserError(f"{folder} holds a finished run; evaluate it, or choose another --output")
    if (folder / STARTED).is_file():
        other = json.loads((folder / STARTED).read_text(encoding="utf-8"))
        if other == this:
            return
        if not untouched(folder):
            difference = ", ".join(_differences(other, this)) or "its data"
            raise UserError(f"{folder} holds another unfinished run (different: {difference}); choose another --output")
    elif folder.exists() and (not folder.is_dir() or made_in(folder)):
        raise UserError(f"{folder} exists and is not an isogloss run; choose an empty or new folder for --output")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / STARTED, json.dumps(this, indent=1, ensure_ascii=False))
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}; choose another --output") from None


def untouched(folder: Path) -> bool:
    """Whether an unfinished run has made nothing yet, so that a command with a mistake corrected may take its place."""
    return all(path.name == "checkpoints" and not any(path.iterdir()) for path in made_in(folder))


def made_in(folder: Path) -> list[Path]:
    """What a folder holds beside the mark, which another process of the same run may be writing just now."""
    return [path for path in folder.iterdir() if path.name != STARTED and not path.name.startswith(f".{STARTED}.")]


def read_manifest(folder: Path) -> dict[str, Any]:
    """The contents of a run's isogloss.json.

    Raises:
        UserError: there is none, or this version cannot read it.
    """
    path = folder / MANIFEST
    if not path.is_file():
        state = "an unfinished run; give its train command again" if (folder / STARTED).is_file() else "not a run"
        raise UserError(f"{folder} is {state} (no {MANIFEST} in it)")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is damaged: {error}") from None
    if manifest.get("format") != FORMAT:
        raise UserError(f"{path} has format {manifest.get('format')}, this version reads {FORMAT}; update isogloss")
    return manifest


def _differences(a: Any, b: Any, path: str = "") -> list[str]:
    """Dotted paths at which two JSON values differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        keys = sorted(a.keys() | b.keys())
        return [p for key in keys for p in _differences(a.get(key), b.get(key), f"{path}.{key}".lstrip("."))]
    return [] if a == b else [path.removeprefix("recipe.")]
