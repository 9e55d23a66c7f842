"""Translate-train: fine-tune on the labelled language and on its translations, one text at a time.

Conneau et al. 2018, "XNLI: Evaluating Cross-lingual Sentence Representations", arXiv 1809.05053 (section 5), in the
form that trains one model on all languages together (translate-train-all). The translations carry the labels of
their originals: copied for classes, given with the data for spans. Where a translation has no label of its own (tags
without projection) only the labelled records train, and the run says so. Test texts are read alone.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from isogloss.data.collation import Batch, collator, model_inputs
from isogloss.kinds import Example, examples
from isogloss.prediction import Reader, unlabelled
from isogloss.records import Prediction, Record, is_labelled
from isogloss.runs import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Translate-train has no settings of its own."""


class Method:
    """Train on every language, read the text alone."""

    def __init__(self, settings: Settings):
        self.settings = settings

    def build(self, job: Job) -> nn.Module:
        """The encoder with a fresh head."""
        return job.model_class("Encoder").from_encoder(job.load_encoder(), num_labels=job.kind.num_labels)

    def examples(self, job: Job) -> list[Example]:
        """The labelled records of all training languages, English included."""
        records = [record for group in job.records("train").values() for record in group]
        labelled = [record for record in records if is_labelled(record)]
        if len(labelled) < len(records):
            left = len(records) - len(labelled)
            print(f"translate_train: {left} translations without labels are left out", file=sys.stderr)
        return list(examples(job.kind, ((record,) for record in labelled)))

    def collate(self, job: Job) -> Callable[[Sequence[Example]], Batch]:
        """The floor's padding."""
        return collator(job.kind)

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy in nats."""
        return network(**model_inputs(batch)).loss

    def predict(self, reader: Reader, records: Iterable[Record]) -> list[Prediction]:
        """Predictions from the text alone."""
        return reader.read((unlabelled(record),) for record in records)
