"""A query and its candidates as texts end to end, each with the special tokens that the tokenizer puts around a text.

Nothing of a candidate depends on the others: it loses what is over `max_length` together with its query, from its end.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import torch

from isogloss.retrieval._pair_tokens import PairTokens


class PoolTokens:
    """Makes rows of a query and its candidates, each with the special tokens of a text alone."""

    def __init__(self, tokens: PairTokens):
        self.tokens = tokens
        encoded = tokens.tokenizer("a")
        ids, sides = encoded["input_ids"], encoded.sequence_ids(0)
        first, *_ = text = [i for i, side in enumerate(sides) if side == 0]
        self.before, self.after = np.array(ids[:first], np.int64), np.array(ids[text[-1] + 1 :], np.int64)

    def query(self, ids: np.ndarray) -> np.ndarray:
        """The token ids of a context."""
        return np.concatenate([self.before, ids, self.after])

    def document(self, query: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """The token ids of a candidate: as many as `max_length` leaves room for beside the query, from the start."""
        return np.concatenate([self.before, ids[: self.room(query)], self.after])

    def room(self, query: np.ndarray) -> int:
        """How many tokens of a candidate fit beside a query."""
        return self.tokens.lengths.max_length - len(query) - 2 * (len(self.before) + len(self.after))

    def sizes(self, query: np.ndarray, documents: Sequence[np.ndarray]) -> list[int]:
        """The tokens of a context and of its candidates."""
        special, room = len(self.before) + len(self.after), self.room(query)
        return [len(query) + special, *(min(len(ids), room) + special for ids in documents)]


def pool_rows(tokens: PoolTokens, pools: Sequence[tuple[np.ndarray, Sequence[np.ndarray]]]) -> dict[str, Any]:
    """input_ids (T,) of queries with their candidates end to end, and the lengths of each query and its candidates."""
    texts = [[tokens.query(query), *(tokens.document(query, ids) for ids in own)] for query, own in pools]
    ids = torch.from_numpy(np.concatenate(list(chain.from_iterable(texts))))
    return {"input_ids": ids, "lengths": [list(map(len, each)) for each in texts]}
