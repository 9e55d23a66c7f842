"""Tagging as the released FILTER code has it: words tokenised one by one, long sentences in blocks made beforehand.

Fang et al. 2020, arXiv 2009.05166. Every word begins with the mark of a word start, but for Thai and Chinese, where the
mark is removed from the pieces. A block is filled up to `max_length` - 3 pieces, counted before marks are removed; a
word longer than that, or without pieces, is one <unk>. Ours (`tagging.py`) reads the text as it stands instead.
"""

from collections.abc import Sequence

import numpy as np
from transformers import PreTrainedTokenizerBase

from isogloss.kinds import FEATURES, Features, Lengths, Window
from isogloss.kinds.tagging import Tagging, special_tokens
from isogloss.losses import IGNORED
from isogloss.records import TaggedSentence, TagsPrediction

WORD_START = "▁"
WITHOUT_MARK = ("th", "zh")


class ReleasedTagging:
    """One tag per word, from the word's first piece."""

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
        self.corrected = Tagging(labels, tokenizer, lengths)  # logits become tags in the same way
        self.tokenizer, self.lengths = tokenizer, lengths
        self.num_labels, self.pad_token_id = self.corrected.num_labels, self.corrected.pad_token_id
        self.specials = special_tokens(tokenizer)

    def windows(self, record: TaggedSentence) -> list[Window]:
        """Blocks of whole words, each window with its (token position, word) pairs."""
        words = [record.text[start:end] for start, end in record.words]
        limit = self.lengths.max_length - 3
        pieces = [piece if len(piece) <= limit else [] for piece in map(self.tokenizer.tokenize, words)]
        blocks = fill_blocks([max(len(each), 1) for each in pieces], limit)
        ids = [self.piece_ids(each, record.language) for each in pieces]
        return [self.block(record, block, ids, len(blocks) > 1) for block in blocks]

    def piece_ids(self, pieces: Sequence[str], language: str) -> list[int]:
        """The ids of a word's pieces; a word without pieces is <unk>."""
        if language.split("-")[0] in WITHOUT_MARK:
            pieces = [bare for piece in pieces if (bare := piece.replace(WORD_START, ""))]
        return [self.number_of(piece) for piece in pieces or [str(self.tokenizer.unk_token)]]

    def number_of(self, piece: str) -> int:
        """The id of a piece, that of <unk> where the vocabulary lacks it."""
        return self.tokenizer.convert_tokens_to_ids([piece])[0]  # pyright: ignore[reportIndexIssue, reportReturnType]

    def block(
        self, record: TaggedSentence, words: Sequence[int], pieces: Sequence[Sequence[int]], cut: bool = False
    ) -> Window:
        """One window of given words, cut to `max_length`; `pieces` are the ids of every word of the record."""
        before, after = self.specials
        ids, places, labels = list(before), [], self.no_label(len(before))
        for word in words:
            places.append((len(ids), word))
            ids += pieces[word]
            labels += self.no_label(len(pieces[word]))
            if record.tags is not None:
                labels[places[-1][0]] = self.corrected.number[record.tags[word]]
        room = self.lengths.max_length - len(after)
        places = [place for place in places if place[0] < room]
        return Window([*ids[:room], *after], [*labels[:room], *self.no_label(len(after))], places, cut)

    def no_label(self, length: int) -> list[int]:
        """The ignored tag for every token."""
        return [IGNORED] * length

    def decode(self, record: TaggedSentence, windows: Sequence[Window], logits: Sequence[np.ndarray]) -> TagsPrediction:
        """A tag for every word, from the block that holds it."""
        return self.corrected.decode(record, windows, logits)


def fill_blocks(sizes: Sequence[int], limit: int) -> list[list[int]]:
    """The numbers of the words of each block; a word that would overflow `limit` pieces starts a new one."""
    blocks: list[list[int]] = [[]]
    filled = 0
    for word, size in enumerate(sizes):
        if filled + size > limit:
            blocks.append([])
            filled = 0
        blocks[-1].append(word)
        filled += size
    return blocks


KIND = ReleasedTagging
