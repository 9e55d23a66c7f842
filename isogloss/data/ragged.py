"""Teacher logits between two phases, in one safetensors file: arrays of unequal length under names, or rows."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from isogloss.errors import UserError


def save_ragged(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays, each (C,) or (n, C) with one C for all, in half precision; atomic."""
    flat = [np.atleast_2d(array).astype(np.float16) for array in arrays.values()]
    names = json.dumps([[name, array.ndim] for name, array in arrays.items()]).encode()
    tensors = {
        "values": np.concatenate(flat) if flat else np.zeros((0, 0), np.float16),
        "offsets": np.cumsum([0, *(len(array) for array in flat)]).astype(np.int64),
        "names": np.frombuffer(names, dtype=np.uint8),
    }
    _save(path, tensors)


def save_rows(path: Path, rows: np.ndarray) -> None:
    """Write an array (n, C) in half precision; atomic."""
    _save(path, {"values": rows.astype(np.float16)})


def load_rows(path: Path) -> np.ndarray:
    """The array (n, C) of a file, in float32.

    Raises:
        UserError: the file is damaged.
    """
    return _load(path, "values")["values"].astype(np.float32)


def load_ragged(path: Path) -> dict[str, np.ndarray]:
    """The named arrays of a file, in float32.

    Raises:
        UserError: the file is damaged.
    """
    tensors = _load(path, "values", "offsets", "names")
    names = json.loads(tensors["names"].tobytes())
    values, offsets = tensors["values"].astype(np.float32), tensors["offsets"]
    rows = [values[start:end] for start, end in zip(offsets[:-1], offsets[1:], strict=True)]
    return {name: row[0] if ndim == 1 else row for (name, ndim), row in zip(names, rows, strict=True)}


def _save(path: Path, tensors: dict[str, np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    save_file(tensors, temporary)
    os.replace(temporary, path)


def _load(path: Path, *names: str) -> dict[str, np.ndarray]:
    try:
        tensors = load_file(path)
        return {name: tensors[name] for name in names}
    except (SafetensorError, KeyError) as error:
        raise UserError(f"{path} is not a complete file of teacher logits ({error}); delete it and run again") from None
