"""Writing that leaves either the old file or the whole new one."""

import os
import tempfile
from pathlib import Path

from isogloss.errors import UserError


def write_atomic(path: Path, text: str) -> None:
    """Nothing; `path` holds `text` in UTF-8, its folders made where they lack.

    Raises:
        UserError: the place cannot be written; an old file there is untouched.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # mkstemp gives 0600; a result is for others to read
        temporary.replace(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; choose another place or make room") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
