"""Translation on the fly: texts that come without a translation get one just before they are read.

It goes the way of the translation job, but nothing is kept. A text that the engine cannot translate, or whose
translation does not pass the gates, is read without one, and the user is told how many those are and why.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from isogloss.data.parallel import without_labels
from isogloss.data.parallel_set import Row
from isogloss.languages import language
from isogloss.processes import told_by_first
from isogloss.records import Record
from isogloss.translation import job
from isogloss.translation.gates import ALONE, Gates, judge
from isogloss.translation.labels import parts, rebuild
from isogloss.translation.store import Kept, State
from isogloss.translation.translator import USUAL, Decoding, Translator

SHOWN = 12  # reasons that are told; there are fewer gates


class Live:
    """Gives records the translations that an engine makes of them, and counts those that are not to be had.

    engine: only the first process of a command needs it. languages: those of the sides that are read beside a text, in
    their order; a text in the first of them is read alone. gates: what a translation has to pass; of those that judge
    rows by themselves.
    """

    def __init__(
        self, engine: Translator | None, languages: Sequence[str], gates: Gates = ALONE, decoding: Decoding = USUAL
    ):
        self.engine, self.languages, self.gates, self.decoding = engine, languages, gates, decoding
        self.failures: Counter[tuple[str, str]] = Counter()  # by language and reason
        self.asked = 0  # translations

    def __call__(self, records: Sequence[Record]) -> list[Record]:
        """The records, each with its translations; those that came with some keep them.

        Where the command has several processes, all must call this with the same records.

        Raises:
            UserError: the engine does not translate from the language of a record, or cannot be reached.
        """
        found = list(records)
        lacking = [i for i, each in enumerate(found) if not each.translations and each.language != self.languages[0]]
        sides = told_by_first(lambda: self._sides([found[i] for i in lacking]))
        for i, rows in zip(lacking, sides, strict=True):
            made = (row.translation for row in rows if row.reason is None)
            found[i] = replace(found[i], translations=tuple(made))
            self.failures.update((row.language, _why(row)) for row in rows if row.reason is not None)
            self.asked += len(rows)
        return found

    def tell(self) -> None:
        """Say on standard error how many texts were read without a translation, and why; nothing if all have theirs."""
        for tag in dict.fromkeys(tag for tag, _ in self.failures):
            reasons = [(count, why) for (other, why), count in self.failures.most_common() if other == tag]
            told = "; ".join(f"{count}: {why}" for count, why in reasons[:SHOWN])
            told += "; ..." if len(reasons) > SHOWN else ""
            count, name = sum(count for count, _ in reasons), language(tag).name
            print(
                f"{count} of {self.asked} texts were read without a translation into {name} ({told})", file=sys.stderr
            )

    def _sides(self, records: Sequence[Record]) -> list[list[Row]]:
        """The rows of each record, one for each language but its own."""
        if self.engine is None or not records:
            return []
        bare = [without_labels(record) for record in records]
        made = [translated(bare, self.engine, tag, self.decoding) for tag in self.languages]
        return [[judge(row, self.gates) for row in rows if row is not None] for rows in zip(*made, strict=True)]


def _why(row: Row) -> str:
    """Why a row has no translation that is to be read: in the engine's words, or the gate."""
    return row.detail if row.reason == "engine" else f"rejected by the gate {row.reason}"


def translated(records: Sequence[Record], engine: Translator, tag: str, decoding: Decoding) -> list[Row | None]:
    """The rows of records translated into a language; None for a record in that language.

    Raises:
        UserError: the engine does not translate from the language of a record, or cannot be reached.
    """
    for source in dict.fromkeys(record.language for record in records if record.language != tag):
        engine.check(source, tag)
    forgotten: Any = _Memory()
    work = job.Job(engine, forgotten, job.Form(lambda record: record.language, parts, rebuild), decoding)
    return [made for _, (made,) in job.translated(work, records, [tag], _Silent())]


class _Memory:
    """A store of translations that lasts as long as its block."""

    def __init__(self) -> None:
        self.kept: dict[bytes, Kept] = {}

    def states(self, keys: Sequence[bytes]) -> dict[bytes, State]:
        return {key: State(self.kept[key].attempts, True) for key in keys if key in self.kept}

    def read(self, keys: Iterable[bytes]) -> dict[bytes, Kept]:
        return {key: self.kept[key] for key in keys if key in self.kept}

    def add(self, batch: Mapping[bytes, Kept]) -> None:
        self.kept |= batch


class _Silent:
    """Nobody waits long enough for a block to be told how far it is."""

    def worked(self, target: str, rows: float) -> None: ...

    def found(self, target: str, rows: float) -> None: ...
