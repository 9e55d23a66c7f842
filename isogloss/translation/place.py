"""Where a translation job writes to and keeps what it has done, and what is said of that when it is stopped."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from isogloss.errors import UserError
from isogloss.translation.progress import Progress
from isogloss.translation.store import Store
from isogloss.translation.translator import Stopped


@dataclass(frozen=True, slots=True)
class Place:
    """Where the result goes, and where translations are kept until then and for later.

    output: a folder for a data set, a file for lines; standard output if not said. store: beside the data set if not
    said; where there is neither, translations are kept for the time of the job alone.
    """

    output: Path | None = None
    store: Path | None = None

    def require_room(self) -> None:
        """Nothing, if a data set can come to be there: that is asked before hours of work, not after them.

        Raises:
            UserError: something is there already.
        """
        if self.output is None or not self.output.exists():
            return
        if not self.output.is_dir() or any(self.output.iterdir()):
            raise UserError(f"{self.output} is there and is not an empty folder; choose another --output, or remove it")

    @contextmanager
    def opened(self) -> Iterator[Store]:
        """The store."""
        folder = self.store
        if folder is None and self.output is not None:
            folder = self.output.with_name(f"{self.output.name}.store")
        if folder is not None:
            with Store(folder) as store:
                yield store
            return
        with tempfile.TemporaryDirectory() as place, Store(Path(place) / "store") as store:
            yield store


NOWHERE = Place()


def kept_so_far(error: Stopped, progress: Progress, kept: bool) -> UserError:
    """The mistake with what was done before it, and whether that is lost."""
    told = "are done and kept; the same command goes on" if kept else "were done; with --store DIR they would be kept"
    return UserError(f"{error}; {progress.done()} {told}")
