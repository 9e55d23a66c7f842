"""What a glossary and a memory were worth: required terms that are kept, and how similar the nearest examples were."""

import sys
from collections import Counter
from typing import Any

from isogloss.translation.few_shot_prompts import BY_SIMILARITY
from isogloss.translation.terminology import TermCount, told
from isogloss.translation.translator import Translator

BANDS = (0.9, 0.8, 0.7, 0.6, 0.5)  # of similarity, each from this value on
LOWER, NONE = "lower", "none"  # the bands below: a less similar example, and no example at all


class ContextReport:
    """Counts, as translations come by, the terms they keep, and rows by how similar their nearest example was.

    A row counts in the band of its least well-matched text.
    """

    def __init__(self, terms: TermCount | None, by_similarity: bool):
        self.terms, self.by_similarity = terms, by_similarity
        self.bands: dict[str, Counter[str]] = {}  # rows, by the language of the translations

    def add(self, text: str, translation: str, source: str, target: str, similarity: float | None) -> None:
        """Nothing; the row is counted."""
        if self.terms is not None:
            self.terms.add(text, translation, source, target)
        if self.by_similarity:
            self.bands.setdefault(target, Counter())[band(similarity)] += 1

    def tell(self) -> None:
        """Say on standard error, for each language, how many terms were kept and how near the examples were."""
        for tag, found in (self.terms.found if self.terms else {}).items():
            print(f"{tag}: {told(found)}", file=sys.stderr)
        for tag, rows in self.bands.items():
            print(f"{tag}: nearest example: {_told(rows)}", file=sys.stderr)

    def to_json(self) -> dict[str, dict[str, Any]]:
        """The counts by language: `terms`, and `nearest_example` with the rows in each band."""
        found: dict[str, dict[str, Any]] = {}
        for tag, kept in (self.terms.found if self.terms else {}).items():
            found.setdefault(tag, {})["terms"] = kept._asdict()
        for tag, rows in self.bands.items():
            found.setdefault(tag, {})["nearest_example"] = {
                name: rows[name] for name in (*map(str, BANDS), LOWER, NONE)
            }
        return found


def report_of(translator: Translator) -> ContextReport | None:
    """The empty report of an engine that reads terms or examples; None for any other."""
    prompts = getattr(translator, "prompts", None)
    if prompts is None:
        return None
    terms = TermCount(prompts.terms) if prompts.terms is not None else None
    shots = prompts.shots
    by_similarity = prompts.memory is not None and shots.count > 0 and shots.selection in BY_SIMILARITY
    return ContextReport(terms, by_similarity) if terms or by_similarity else None


def band(similarity: float | None) -> str:
    """The name of the band of a similarity; None stands for no example."""
    if similarity is None:
        return NONE
    return next((str(least) for least in BANDS if round(similarity, 6) >= least), LOWER)


def _told(rows: Counter[str]) -> str:
    shares = ", ".join(f"{rows[str(least)]} from {least}" for least in BANDS)
    return f"{rows.total()} rows, {shares}, {rows[LOWER]} {LOWER}, {rows[NONE]} {NONE}"
