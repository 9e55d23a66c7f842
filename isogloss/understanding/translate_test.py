"""Translate-test: fine-tune on the labelled language, translate each test text into it, answer from the translation.

Conneau et al. 2018, arXiv 1809.05053 (section 5). For classes the translation's label is the answer. Tags and answer
spans are found in the translation and carried back to the text by a projector (word alignment), which is passed in by
name; without a translation the text itself is read, which is zero-shot transfer.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from isogloss.methods import load_method
from isogloss.prediction import Reader, unlabelled
from isogloss.records import LabelPrediction, Prediction, Record
from isogloss.understanding import zero_shot

TRAINED_AS = "zero_shot"  # the same training, bit for bit; a run of it can be read as translate-test


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What translate-test needs beside the encoder."""

    projector: str = "similarity_alignment"  # a method of isogloss.projection; unused for classes


class Method:
    """Train on the training language, read the translation."""

    def __init__(self, settings: Settings):
        self.settings = settings
        training = zero_shot.Method(zero_shot.Settings())
        self.build, self.examples = training.build, training.examples
        self.collate, self.loss = training.collate, training.loss

    def predict(self, reader: Reader, records: Iterable[Record]) -> list[Prediction]:
        """Predictions from the translation, as predictions about the text."""
        records = list(records)
        read = [unlabelled(record.translations[0] if record.translations else record) for record in records]
        answers = reader.read((record,) for record in read)
        if all(isinstance(answer, LabelPrediction) for answer in answers):
            pairs = zip(records, answers, strict=True)
            return [replace(answer, id=record.id, language=record.language) for record, answer in pairs]
        module = load_method(self.settings.projector)
        projector = module.Method(module.Settings())
        moved = [i for i, record in enumerate(records) if record.translations]
        projected = projector.project(
            reader, [read[i] for i in moved], [answers[i] for i in moved], [records[i] for i in moved]
        )
        for i, answer in zip(moved, projected, strict=True):
            answers[i] = answer
        return answers
