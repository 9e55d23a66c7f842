"""Translate-train: fine-tune on the labelled language and on its translations, one text at a time.

Conneau et al. 2018, "XNLI: Evaluating Cross-lingual Sentence Representations", arXiv 1809.05053 (section 5), in the
form that trains one model on all languages together (translate-train-all). The translations carry the labels of
their originals: copied for classes, given with the data for spans. Where a translation has no label of its own (tags
without projection) only the labelled records train, and the run says so. Test texts are read alone.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from isogloss.data.checks import unlabelled
from isogloss.kinds import Example
from isogloss.records import is_labelled
from isogloss.runs import Job
from isogloss.understanding import zero_shot


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Translate-train has no settings of its own."""


class Method:
    """Train on every language, read the text alone."""

    def __init__(self, settings: Settings):
        self.settings = settings
        alone = zero_shot.Method(zero_shot.Settings())  # all but the texts it trains on
        self.build, self.collate, self.loss, self.predict = alone.build, alone.collate, alone.loss, alone.predict

    def examples(self, job: Job) -> Sequence[Example]:
        """The labelled records of all training languages, English included."""
        groups = job.records("train").values()
        if left := sum(map(unlabelled, groups)):
            print(f"translate_train: {left} translations without labels are left out", file=sys.stderr)
        return job.examples(groups, lambda record: (record,) if is_labelled(record) else ())
