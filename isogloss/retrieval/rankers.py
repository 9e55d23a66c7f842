"""Rankers by name: `bm25`, `dense:ENCODER`, `index:DIR`, `run:DIR` or a run's folder alone.

The folder is the registry: a file of this wing with a function `load_ranker(rest, settings)` is a ranker, and the
file's name is its name. What stands behind the colon is its rest.
"""

import ast
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from isogloss.errors import UserError, nearest

if TYPE_CHECKING:
    from isogloss.retrieval.ranker import Ranker

HERE = Path(__file__).parent


def load_ranker(spec: str | Path, settings: Sequence[str] = ()) -> "Ranker":
    """The ranker that `NAME` or `NAME:REST` names, or a run's folder; `settings` are `key=value` of its own.

    Raises:
        UserError: there is no such ranker, it cannot be loaded, or a setting is unknown.
    """
    name, rest = _named(spec)
    known = ranker_files()
    if name not in known:
        raise UserError(f"no ranker {str(spec)!r}; {nearest(name, known)}, or give the folder of a run that ranks")
    return import_module(f"isogloss.retrieval.{name}").load_ranker(rest, settings)


def ranker_files() -> dict[str, Path]:
    """The files of all rankers by name."""
    return {path.stem: path for path in sorted(HERE.glob("[!_]*.py")) if path != Path(__file__) and _loads(path)}


def ranks(spec: str | Path) -> bool:
    """Whether it names a ranker: by its name, or as the folder of a run whose method ranks or scores documents."""
    from isogloss import ranking_run  # which imports more than a list of rankers needs

    name, rest = _named(spec)
    return ranking_run.ranks(rest) if name == "run" else name in ranker_files()


def run_of(spec: str | Path) -> Path | None:
    """The folder of the run that is named as a ranker; None if it is another ranker."""
    name, rest = _named(spec)
    return Path(rest) if name == "run" else None


def _named(spec: str | Path) -> tuple[str, str]:
    """The name of a ranker and its rest; the folder of a run stands for `run:FOLDER`."""
    from isogloss.run_folder import MANIFEST

    if (Path(spec) / MANIFEST).is_file():
        return "run", str(spec)
    if Path(spec).is_dir():  # an encoder's folder may be called like a ranker
        return "", str(spec)
    name, _, rest = str(spec).partition(":")
    return name, rest


@cache
def _loads(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef) and node.name == "load_ranker" for node in tree.body)
