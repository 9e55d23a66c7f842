"""Tagging of words: the first token of a word carries its tag; long sentences are read in blocks of whole words.

The text is tokenised as it stands, not word by word, and tokens find their words by character offsets. In scripts
without spaces a token can cover several words (characters): its tag goes to all of them, and a B- tag that one token
gives to several words becomes B- I- I-.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from transformers import PreTrainedTokenizerBase

from isogloss.kinds import FEATURES, Features, Lengths, Window, padding_id
from isogloss.losses import IGNORED
from isogloss.records import Offsets, TaggedSentence, TagsPrediction


class Tagging:
    """One tag per word."""

    name = "tagging"
    model = "TokenClassification"
    one_window = False

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
        self.number = {label: i for i, label in enumerate(labels)}

    def windows(self, record: TaggedSentence) -> list[Window]:
        """Blocks of at most `max_length` tokens, each window with its (token position, word) pairs."""
        encoded = self.tokenizer(record.text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        ids, first_tokens = encoded["input_ids"], first_token_of_words(record.words, encoded["offset_mapping"])
        prefix, suffix = special_tokens(self.tokenizer)
        blocks = list(split_blocks(len(ids), first_tokens, self.lengths.max_length - len(prefix) - len(suffix)))
        windows = []
        for start, end in blocks:
            block = [*prefix, *ids[start:end], *suffix]
            places = [(t - start + len(prefix), word) for word, t in enumerate(first_tokens) if start <= t < end]
            windows.append(Window(block, self._labels(record, places, len(block)), places, len(blocks) > 1))
        return windows

    def _labels(self, record: TaggedSentence, places: Sequence[tuple[int, int]], length: int) -> list[int]:
        labels = self.no_label(length)
        if record.tags is not None:
            for token, word in reversed(places):  # the first word of a token that covers several wins
                labels[token] = self.number[record.tags[word]]
        return labels

    def no_label(self, length: int) -> list[int]:
        """The ignored tag for every token."""
        return [IGNORED] * length

    def decode(self, record: TaggedSentence, windows: Sequence[Window], logits: Sequence[np.ndarray]) -> TagsPrediction:
        """A tag for every word; a word that has no token of its own gets the tag of the word before it."""
        tags: list[str | None] = [None] * len(record.words)
        shared = [False] * len(record.words)
        for window, scores in zip(windows, logits, strict=True):
            best, previous = scores.argmax(-1), None
            for token, word in window.tokens:
                tags[word], shared[word] = self.labels[best[token]], token == previous
                previous = token
        filled: list[str] = []
        for given, same in zip(tags, shared, strict=True):
            tag = given or (filled[-1] if filled else self.labels[0])
            goes_on = bool(filled) and (same or given is None)
            filled.append(f"I-{tag[2:]}" if goes_on and tag.startswith("B-") else tag)
        return TagsPrediction(record.id, record.language, record.words, tuple(filled))


def first_token_of_words(words: Sequence[Offsets], offsets: Sequence[Offsets]) -> list[int]:
    """For each word the first token that shares a character with it, -1 if none does."""
    tokens, token = [], 0
    for start, end in words:
        while token < len(offsets) and offsets[token][1] <= start:
            token += 1
        hit = token < len(offsets) and offsets[token][0] < end and offsets[token][1] > start
        tokens.append(token if hit else -1)
    return tokens


def split_blocks(length: int, first_tokens: Sequence[int], limit: int) -> Iterator[tuple[int, int]]:
    """Token ranges of at most `limit` tokens that begin at words; a word longer than the limit is cut."""
    starts = sorted({token for token in first_tokens if token > 0})
    begin = 0
    while length - begin > limit:
        inside = [token for token in starts if begin < token <= begin + limit]
        end = inside[-1] if inside else begin + limit
        yield begin, end
        begin = end
    yield begin, length


def special_tokens(tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
    """The special ids that a tokenizer puts before and after one text."""
    marked = tokenizer("a", return_special_tokens_mask=True)
    special, ids = marked["special_tokens_mask"], marked["input_ids"]
    inner = [i for i, flag in enumerate(special) if not flag]
    return list(ids[: inner[0]]), list(ids[inner[-1] + 1 :])


KIND = Tagging
