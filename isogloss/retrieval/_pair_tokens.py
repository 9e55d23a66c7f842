"""A query and a document as one row of tokens, with the special tokens that the encoder's tokenizer puts around them.

Every text is tokenised once, however many pairs it is in. A query loses what is over `max_question`, from its end or
its start (a dialogue is best known by its last turns); a document loses what is then over `max_length`, from its end.
"""

import sys
from collections.abc import Sequence

import numpy as np
from transformers import PreTrainedTokenizerBase

from isogloss.kinds import Lengths, padding_id
from isogloss.kinds.question_answering import require_room

SPECIAL, QUERY, DOCUMENT = 0, 1, 2  # what a token of a row is of


class PairTokens:
    """Makes rows of pairs; `cut` is the end that a long query loses, `start` or `end`."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, lengths: Lengths, cut: str):
        self.tokenizer, self.lengths, self.cut = tokenizer, lengths, cut
        self.pad_token_id = padding_id(tokenizer)
        encoded = tokenizer("a", "a")
        ids, sides = np.array(encoded["input_ids"], dtype=np.int64), encoded.sequence_ids(0)
        first, second = ([i for i, side in enumerate(sides) if side == number] for number in (0, 1))
        # before the query, between the two, after the document
        self.special = ids[: first[0]], ids[first[-1] + 1 : second[0]], ids[second[-1] + 1 :]
        require_room(lengths, sum(map(len, self.special)))

    def queries(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The token ids of queries, without special ones, at most `max_question`; how many are cut is told."""
        found, most = self._ids(texts), self.lengths.max_question
        if cut := sum(len(ids) > most for ids in found):
            print(
                f"{cut} queries are longer than max_question ({most} tokens) and lose their {self.cut}", file=sys.stderr
            )
        return [ids[-most:] if self.cut == "start" else ids[:most] for ids in found]

    def documents(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The token ids of documents, without special ones, at most one more than a row has room for."""
        return [ids[: self.lengths.max_length] for ids in self._ids(texts)]

    def room(self, query: np.ndarray) -> int:
        """How many tokens of a document fit beside a query."""
        return self.lengths.max_length - sum(map(len, self.special)) - len(query)

    def size(self, query: np.ndarray, document: np.ndarray) -> int:
        """The tokens of their row."""
        return self.lengths.max_length - self.room(query) + min(self.room(query), len(document))

    def row(self, query: np.ndarray, document: np.ndarray) -> np.ndarray:
        """The token ids of a pair."""
        before, between, after = self.special
        return np.concatenate([before, query, between, document[: self.room(query)], after])

    def parts(self, query: np.ndarray, document: np.ndarray) -> np.ndarray:
        """What each token of their row is of: SPECIAL, QUERY or DOCUMENT."""
        sizes = len(query), min(self.room(query), len(document))
        before, between, after = map(len, self.special)
        return np.repeat([SPECIAL, QUERY, SPECIAL, DOCUMENT, SPECIAL], [before, sizes[0], between, sizes[1], after])

    def fits(self, query: np.ndarray, document: np.ndarray) -> bool:
        """Whether nothing of the document is lost."""
        return len(document) <= self.room(query)

    def tell_cut(self, count: int) -> None:
        """Say on standard error how many pairs did not fit a row."""
        if count:
            longest = self.lengths.max_length
            print(
                f"{count} pairs are longer than max_length ({longest} tokens): documents lose their end",
                file=sys.stderr,
            )

    def _ids(self, texts: Sequence[str]) -> list[np.ndarray]:
        if not texts:
            return []
        made = self.tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
        return [np.array(ids, dtype=np.int64) for ids in made]
