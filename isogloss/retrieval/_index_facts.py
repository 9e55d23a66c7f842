"""What an index says of itself in its `index.json`: encoder, shape of the vectors, store."""

import json
from dataclasses import dataclass
from pathlib import Path

from isogloss.errors import UserError
from isogloss.files import write_atomic
from isogloss.retrieval.vector_store import Shape

ABOUT, STORE, ENCODED, LOCK = "index.json", "store", "encoded", "lock"
VERSION = 1
BLOCK = 4096  # documents that are encoded and kept together


@dataclass(frozen=True, slots=True)
class Facts:
    """What index.json says: all that decides what a vector of the index means."""

    encoder: str
    checked: tuple[tuple[float, ...], ...]  # its vectors of three texts
    shape: Shape
    store: str  # NAME or NAME:REST
    finished: bool  # whether its first documents are all there
    versions: dict[str, str]
    metric: str = "cosine"


def read_facts(folder: Path) -> Facts:
    """What index.json in a folder says.

    Raises:
        UserError: it is not there, is damaged, or of another version.
    """
    path = folder / ABOUT
    if not path.is_file():
        raise UserError(
            f"{folder} is no index (no {ABOUT} in it); `isogloss index DOCUMENTS --output {folder}` makes one"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if (version := content.pop("index")) != VERSION:
            raise UserError(f"{path} is of version {version}, this isogloss reads {VERSION}; build the index again")
        content["checked"] = tuple(map(tuple, content["checked"]))
        return Facts(**content | {"shape": Shape(**content["shape"])})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path} is damaged ({error}); build the index again from its documents") from None


def write_facts(folder: Path, facts: Facts) -> None:
    """Nothing; index.json says so."""
    content = {name: getattr(facts, name) for name in Facts.__slots__}
    content |= {"shape": facts.shape._asdict()}
    write_atomic(folder / ABOUT, json.dumps({"index": VERSION, **content}, ensure_ascii=False, indent=1))


def check_place(folder: Path) -> None:
    """Nothing, if a new index can be made in a folder, or one that was begun there can go on.

    Raises:
        UserError: it holds an index, or something else.
    """
    if (folder / ABOUT).is_file():
        if read_facts(folder).finished:
            raise UserError(f"{folder} is an index already; `--into {folder}` adds to it, or choose another --output")
    elif folder.exists() and (not folder.is_dir() or any(map(_foreign, folder.iterdir()))):
        raise UserError(f"{folder} is there and is no index; choose an empty or new folder for --output")


def _foreign(path: Path) -> bool:
    """Whether a file is none that a command which was killed at its very start may have left."""
    return path.name not in (LOCK, STORE) and not path.name.startswith(f".{ABOUT}")
