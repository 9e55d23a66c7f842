"""Classification of a text or a pair of texts: one window, cut to the limit longest side first."""

from collections.abc import Sequence

import numpy as np
from transformers import PreTrainedTokenizerBase

from isogloss.kinds import FEATURES, Features, Lengths, Window, padding_id
from isogloss.losses import IGNORED
from isogloss.records import LabelPrediction, Sentence


class Classification:
    """One label per record."""

    name = "classification"
    model = "SequenceClassification"
    one_window = True

    def __init__(
        self,
        labels: Sequence[str],
        tokenizer: PreTrainedTokenizerBase,
        lengths: Lengths,
        features: Features = FEATURES,
    ):
        self.labels, self.tokenizer, self.lengths = tuple(labels), tokenizer, lengths
        self.pad_token_id = padding_id(tokenizer)
        self.num_labels = len(labels)

    def windows(self, record: Sentence) -> list[Window]:
        """One window; the longer of two texts is cut first."""
        whole = self.tokenizer(record.text, record.text_pair, verbose=False)["input_ids"]
        if len(whole) <= self.lengths.max_length:
            ids, cut = whole, False
        else:
            limit = self.lengths.max_length
            strategy = "longest_first" if record.text_pair else True
            ids = self.tokenizer(record.text, record.text_pair, truncation=strategy, max_length=limit)["input_ids"]
            cut = True
        label = IGNORED if record.label is None else self.labels.index(record.label)
        return [Window(list(ids), label, None, cut)]

    def no_label(self, length: int) -> int:
        """The ignored class."""
        return IGNORED

    def decode(self, record: Sentence, windows: Sequence[Window], logits: Sequence[np.ndarray]) -> LabelPrediction:
        """The most probable class, with all probabilities."""
        scores = logits[0].astype(np.float64)
        probabilities = np.exp(scores - scores.max())
        probabilities /= probabilities.sum()
        named = {label: round(float(p), 6) for label, p in zip(self.labels, probabilities, strict=True)}
        return LabelPrediction(record.id, record.language, self.labels[int(scores.argmax())], named)


KIND = Classification
