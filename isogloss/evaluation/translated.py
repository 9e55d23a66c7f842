"""Texts beside what a translator makes of them, in the place of a task's own translations; and how good that is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from isogloss.data.checks import texts
from isogloss.evaluation.counts import count_items, language_values
from isogloss.evaluation.labels import QUALITY, READ_ALONE
from isogloss.metrics import load_metric
from isogloss.records import Bitext, Record, TranslationPrediction
from isogloss.runs import Predictor

if TYPE_CHECKING:
    from isogloss.translation.translator import Translator


@dataclass(frozen=True, slots=True)
class ByTranslator:
    """Who translates the texts of an evaluation: an engine or its `NAME:REST`; its gates and its decoding."""

    engine: "Translator | str"
    gates: str = "all"
    decoding: str = ""  # NAME=VALUE,...

    @property
    def name(self) -> str:
        """What the engine is called in a table, with gates and decoding where they are not the usual ones."""
        engine = self.engine if isinstance(self.engine, str) else str(self.engine.provenance["model"])
        unusual = [self.decoding, "" if self.gates == "all" else f"gates {self.gates}"]
        return ", ".join([engine, *filter(None, unusual)])


def translated(
    predictor: Predictor, records: Sequence[Record], by: ByTranslator
) -> tuple[list[Record], dict[str, Any]]:
    """The records with the translator's translations in the place of their own, and what a result says of these.

    Where a record came with a human translation, the other one is compared with it. Texts whose translation failed, or
    did not pass the gates, are read alone, which is told.

    Raises:
        UserError: the engine cannot be loaded or lacks a direction; there is no such gate.
    """
    live = predictor.live(by.engine, by.gates, by.decoding)
    made = live([replace(record, translations=()) for record in records])
    live.tell()
    into = predictor.task.train_language
    pairs = [(human, other) for human, other in zip(records, made, strict=True) if human.language != into]
    alone = [record.language for _, record in pairs if not record.translations]
    told: dict[str, Any] = {"translation": "machine", "gates": by.gates, QUALITY: quality(pairs)}
    told |= {"decoding": by.decoding} if by.decoding else {}
    told |= {READ_ALONE: {tag: alone.count(tag) for tag in dict.fromkeys(alone)}}
    return made, told | ({"translator": live.engine.provenance} if live.engine is not None else {})


def quality(pairs: Sequence[tuple[Record, Record]]) -> dict[str, float]:
    """chrF by language of the second ones' translations against those of the first ones, where both have one."""
    gold, made = [], []
    for human, other in pairs:
        for reference, side in product(human.translations[:1], other.translations):
            if side.language != reference.language:  # that of a pivot
                continue
            ends: dict[str, Any] = {"id": human.id, "language": human.language, "text": _whole(human)}
            ends["translation_language"] = reference.language
            gold.append(Bitext(**ends, translation=_whole(reference)))
            made.append(TranslationPrediction(**ends, translation=_whole(side)))
    chrf = load_metric("chrF")
    found = language_values(chrf, count_items(chrf, gold, made, ())) if gold else {}
    return {tag: round(value, 2) for tag, value in found.items()}


def _whole(record: Record) -> str:
    """All texts of a record, a line each."""
    return "\n".join(texts(record).values())
