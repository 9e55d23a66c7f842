"""Zero-shot transfer: fine-tune on the labelled language alone and read every other language directly.

Hu et al. 2020, "XTREME: A Massively Multilingual Multi-task Benchmark for Evaluating Cross-lingual Generalization",
arXiv 2003.11080. The encoder is trained on the English examples; at test time it reads the target text, and no
translation is used anywhere. This is the floor that every method with translations has to beat.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from isogloss.data.collation import Batch, collator, model_inputs
from isogloss.kinds import Example
from isogloss.prediction import Reader, unlabelled
from isogloss.records import Prediction, Record
from isogloss.runs import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Zero-shot transfer has no settings of its own."""


class Method:
    """Train on the training language, read the text alone."""

    def __init__(self, settings: Settings):
        self.settings = settings

    def build(self, job: Job) -> nn.Module:
        """The encoder with a fresh head."""
        return job.model_class("Encoder").from_encoder(job.load_encoder(), num_labels=job.kind.num_labels)

    def examples(self, job: Job) -> Sequence[Example]:
        """The labelled records of the training language."""
        return job.examples([job.labelled], lambda record: (record,))

    def collate(self, job: Job) -> Callable[[Sequence[Example]], Batch]:
        """The floor's padding."""
        return collator(job.kind)

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy in nats."""
        return network(**model_inputs(batch)).loss

    def predict(self, reader: Reader, records: Iterable[Record]) -> list[Prediction]:
        """Predictions from the text alone."""
        return reader.read((unlabelled(record),) for record in records)
