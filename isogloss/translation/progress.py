"""How far a translation job is, on standard error: rows, rows per second and the time that is left, by language."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class _Language:
    """Rows that are done, and of these the ones that took work, with the seconds it took."""

    done: float = 0.0
    worked: float = 0.0
    seconds: float = 0.0

    @property
    def rate(self) -> float | None:
        """Rows per second of work; None before any."""
        return self.worked / max(self.seconds, 1e-9) if self.worked else None


class Progress:
    """A line that is rewritten in place on a terminal and written now and then elsewhere; `total`: rows, if known.

    Rows that need no work, as their texts are in the store, count as done but tell nothing of the speed.
    """

    def __init__(self, targets: Sequence[str], total: int | None = None):
        self.total, self.interactive = total, sys.stderr.isatty()
        self.languages = {target: _Language() for target in targets}
        self.latest = self.told = time.monotonic()
        self.open = False  # whether a line is there to be rewritten

    def worked(self, target: str, rows: float) -> None:
        """Count rows that were translated into a language since it was last told anything."""
        now = time.monotonic()
        state = self.languages[target]
        state.done, state.worked, state.seconds = (
            state.done + rows,
            state.worked + rows,
            state.seconds + now - self.latest,
        )
        self.latest = now
        self._tell(target)

    def found(self, target: str, rows: float) -> None:
        """Count rows that needed no work."""
        self.languages[target].done += rows
        self.latest = time.monotonic()
        self._tell(target)

    def close(self) -> None:
        """Take away the line that was being rewritten."""
        if self.open:
            print("\r\033[K", end="", file=sys.stderr)

    def summary(self) -> str:
        """For each language how many rows were done, how fast, and how many needed no work."""
        lines = []
        for target, state in self.languages.items():
            speed = f" at {state.rate:.1f} rows/s" if state.rate else ""
            known = round(state.done - state.worked)
            lines.append(f"{target}: {round(state.done)} rows{speed}" + (f", {known} were known" if known else ""))
        return "\n".join(lines)

    def done(self) -> str:
        """The rows whose work is done, by language; of a row of several texts some may be."""
        of = "" if self.total is None else f" of {self.total}"
        return ", ".join(f"{int(state.done + 1e-6)}{of} rows into {tag}" for tag, state in self.languages.items())

    def _tell(self, target: str) -> None:
        if self.latest - self.told < (0.5 if self.interactive else 15):
            return
        self.told, state = self.latest, self.languages[target]
        of = "" if self.total is None else f"/{self.total}"
        speed = "" if state.rate is None else f", {state.rate:.1f} rows/s"
        line = f"{target}: {round(state.done)}{of} rows{speed}{self._left()}"
        print(f"\r\033[K{line}" if self.interactive else line, end="" if self.interactive else "\n", file=sys.stderr)
        self.open = self.interactive
        sys.stderr.flush()

    def _left(self) -> str:
        """The time that is left for all languages, each at its own speed, or at the others' where it has none yet."""
        rates = [state.rate for state in self.languages.values() if state.rate]
        if self.total is None or not rates:
            return ""
        usual = sum(rates) / len(rates)
        left = sum(max(0.0, self.total - state.done) / (state.rate or usual) for state in self.languages.values())
        minutes, seconds = divmod(round(left), 60)
        where = "" if len(self.languages) == 1 else f" for all {len(self.languages)} languages"
        return f", {minutes}:{seconds:02d} left{where}"
