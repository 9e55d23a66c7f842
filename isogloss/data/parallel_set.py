"""Parallel data sets: records of one language and what a translator made of them in others."""

from dataclasses import dataclass

from isogloss.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of one record in one language: its translation, or the reason why there is none to be used.

    reason: a word that can be counted (`engine`, `answer_lost`, or the name of a gate); detail: the particulars.
    """

    original: Record  # without translations
    language: str  # BCP-47, of the translation
    translation: Record | None = None  # under the original's id; of a rejected row whatever there is, for people to see
    status: tuple[str, ...] = ()  # how each labelled span of the translation was found: marked, exact, fuzzy ...
    score: float | None = None  # log-probability per token, in nats; None where the engine does not tell
    flags: tuple[str, ...] = ()  # gates that could not judge it
    reason: str | None = None  # why it is rejected; None = accepted
    detail: str = ""
