"""FILTER: read a text and its translation together in the middle of one encoder, then teach it with its own labels.

Fang, Wang, Gan, Sun, Liu 2020, "FILTER: An Enhanced Fusion Method for Cross-lingual Language Understanding",
arXiv 2009.05166. Layers [0, m) read each side alone, layers [m, m + k) read both sides as one sequence, the rest read
each alone again; one head reads every side, predictions come from the target side. Where labels do not survive
translation, a second training adds KL(teacher || student) on the target side, the teacher being a first FILTER.

There are no new encoder weights: FILTER is the encoder under a visibility schedule, and on one side alone it is
the plain encoder. Letters: B pairs, S target tokens, T translation tokens, C classes, N layers.

Where we differ from the released code, on purpose (`released_losses=True` goes back to its losses):
- its "English" classification loss reads joint position 1, the second *target* token; ours reads the English `<s>`;
- its classification KL also divides by C, its answer KL makes one distribution of the whole batch, and padding takes
  part in its answer softmax; ours are per example and masked;
- translated words are all labelled O there, which teaches O when alpha < 1; unlabelled words cost nothing here;
- N is the encoder's, m = 0 and k = 0 are allowed, further sides (a pivot) may join, positions of every side restart.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from torch import Tensor
from transformers import PreTrainedModel

from isogloss.data.collation import Batch, collator, model_inputs
from isogloss.data.on_disk import OnDisk
from isogloss.data.ragged import load_ragged, load_rows, save_ragged, save_rows
from isogloss.encoders.models import (
    EncoderForQuestionAnswering,
    EncoderForSequenceClassification,
    EncoderForTokenClassification,
    EncoderWithHead,
)
from isogloss.errors import UserError
from isogloss.kinds import Example
from isogloss.prediction import Reader, unlabelled
from isogloss.processes import done_by_first
from isogloss.records import Prediction, Record, is_labelled
from isogloss.runs import Job
from isogloss.training import reachable
from isogloss.understanding.released_losses import released_loss

AT_ONCE = 1 << 16  # examples on disk that a teacher is given together


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The paper's hyper-parameters; (1, 1) for classes and tags, (1, 20) for answers at 24 layers."""

    local_layers: int = 1  # m, layers that read each side alone before fusion
    fusion_layers: int = 1  # k, layers that read all sides together
    self_teaching: float = 0.0  # alpha, weight of the KL term against the target side's hard loss; 0 = phase 1
    temperature: float = 1.0  # tau, divides teacher's and student's logits
    released_losses: bool = False  # the released code's losses, defects included


def fused_layers(layers: int, local: int, fusion: int) -> list[int]:
    """The layers in which the sides see each other, m .. m + k - 1.

    Raises:
        UserError: m + k is more than the encoder has.
    """
    if min(local, fusion) < 0 or local + fusion > layers:
        if 0 <= local < layers:
            advice = f"set fusion_layers to {layers - local} or less, but not below 0"
        else:
            advice = (
                f"set local_layers to {layers - 1} or less, but not below 0, and then fusion_layers to what is left"
            )
        raise UserError(
            f"local_layers ({local}) + fusion_layers ({fusion}) = {local + fusion}, but this encoder has {layers} "
            f"layers; {advice}"
        )
    return list(range(local, local + fusion))


class _Fused:
    """The constructor of the three models: FILTER's names for the layers that are fused."""

    @classmethod
    def from_encoder(
        cls, encoder: PreTrainedModel | str, *, local_layers: int = 1, fusion_layers: int = 1, num_labels: int = 2
    ) -> Self:
        """The model with a fresh head on a pretrained encoder, given as a model or a name."""
        from isogloss.encoders import load_encoder

        encoder = load_encoder(encoder) if isinstance(encoder, str) else encoder
        layers = fused_layers(encoder.config.num_hidden_layers, local_layers, fusion_layers)
        return cls(encoder, num_labels, layers)  # pyright: ignore[reportCallIssue]


class FilterForSequenceClassification(_Fused, EncoderForSequenceClassification):
    """FILTER with a class read from the first token of the target side."""


class FilterForTokenClassification(_Fused, EncoderForTokenClassification):
    """FILTER with a tag for every token of the target side."""


class FilterForQuestionAnswering(_Fused, EncoderForQuestionAnswering):
    """FILTER with start and end scores for every token of the target side."""


def pair_loss(network: EncoderWithHead, batch: Batch, *, self_teaching: float, temperature: float) -> Tensor:
    """CE(translation side) + (1 - alpha) CE(target side) + alpha tau^2 KL(teacher || student) on the target side.

    Without teacher logits in the batch alpha is 0: the loss of phase 1 (equations of section 2 of the specification).
    """
    output = network(**{name: value for name, value in model_inputs(batch).items() if not name.endswith("labels")})
    labels = [batch["labels"], *batch["translation_labels"]]
    masks = [batch["attention_mask"], *batch["translation_attention_mask"]]
    hard = [network.hard_loss(*side) for side in zip(output.side_logits, labels, masks, strict=True)]
    if "teacher_logits" not in batch:
        return sum(hard[1:], hard[0])
    soft = network.soft_loss(output.logits, batch["teacher_logits"], batch["attention_mask"], temperature)
    return (1 - self_teaching) * hard[0] + self_teaching * soft + sum(hard[1:])


class Method:
    """FILTER on pairs of a target text and its translation; with `self_teaching` a teacher is trained first."""

    def __init__(self, settings: Settings):
        if not 0 <= settings.self_teaching <= 1:
            raise UserError(f"self_teaching = {settings.self_teaching} is a weight; choose it between 0 and 1")
        if settings.temperature <= 0:
            raise UserError(f"temperature = {settings.temperature} must be positive")
        self.settings = settings

    def build(self, job: Job) -> EncoderWithHead:
        """The encoder under FILTER's schedule, with a fresh head; phase 2 starts from the encoder again."""
        return job.model_class("Filter").from_encoder(
            job.load_encoder(),
            num_labels=job.kind.num_labels,
            local_layers=self.settings.local_layers,
            fusion_layers=self.settings.fusion_layers,
        )

    def examples(self, job: Job) -> Sequence[Example]:
        """Every training text beside its translation, with the teacher's logits in phase 2."""
        found = job.examples(job.paired_records().values(), training_sides)
        if not self.settings.self_teaching:
            return found
        found = reachable(found, job.recipe.train, job.recipe.seed)
        path = job.folder / "teacher" / "logits.safetensors"
        teacher = job.stage("teacher", replace(self.settings, self_teaching=0.0))
        if isinstance(found, OnDisk) and job.kind.one_window:
            rows = teacher_rows(teacher, found, path)
            return found.map(lambda i, example: replace(example, teacher=rows[i]))
        logits = teacher_logits(teacher, found, path)
        return [replace(example, teacher=logits[example.key]) for example in found]

    def collate(self, job: Job) -> Callable[[Sequence[Example]], Batch]:
        """The floor's padding, side by side."""
        return collator(job.kind)

    def loss(self, network: EncoderWithHead, batch: Batch) -> Tensor:
        """`pair_loss`, or the released code's."""
        alpha, tau = self.settings.self_teaching, self.settings.temperature
        if self.settings.released_losses:
            return released_loss(network, batch, alpha=alpha, temperature=tau)
        return pair_loss(network, batch, self_teaching=alpha, temperature=tau)

    def predict(self, reader: Reader, records: Iterable[Record]) -> list[Prediction]:
        """Predictions for the text, read together with its translations; alone where it has none."""
        return reader.read(
            (unlabelled(record), *(unlabelled(side) for side in record.translations)) for record in records
        )


def teacher_logits(teacher: Reader, found: Sequence[Example], path: Path) -> dict[str, np.ndarray]:
    """The teacher's target-side logits by example, computed once and kept in the file."""
    logits = load_ragged(path) if path.is_file() else {}
    if {example.key for example in found} - logits.keys():
        rows = {example.key: row for example, row in zip(found, teacher.logits(found), strict=True)}
        done_by_first(lambda: save_ragged(path, rows))
    return load_ragged(path)  # half precision in every run, whether it was resumed or not


def teacher_rows(teacher: Reader, found: OnDisk[Example], path: Path) -> np.ndarray:
    """The teacher's target-side logits (examples, C) of examples on disk, computed once and kept in the file."""
    if not path.is_file():
        starts = range(0, len(found), AT_ONCE)
        rows = np.concatenate([np.stack(teacher.logits(found[i : i + AT_ONCE])) for i in starts])
        done_by_first(lambda: save_rows(path, rows))
    return load_rows(path)


def training_sides(record: Any) -> Sequence[Record]:
    """A training text and its translations; a text of the training language goes with itself.

    A pair without a label on any side teaches nothing in phase 1, but its target side has a teacher in phase 2.
    """
    sides = (record, *(record.translations or (record,)))
    return sides if any(is_labelled(side) for side in sides) else ()
