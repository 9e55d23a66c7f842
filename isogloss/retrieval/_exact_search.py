"""The best of many vectors that come in blocks, as they lie on disk: exact, and of equal scores the earlier one.

One pass over the blocks, which keeps for every query the best so far. A row can only enter with a score above the worst
of these, so that after the first block one comparison of all scores is nearly all the work. The best are scored once
more at the end, one by one: a row's score is then the same whatever block it came in, and equal vectors tie.

Letters: Q queries, D vectors, H hidden size, k of them.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

SPARE = 8  # more rows than asked for, because the last digits of a product of matrices depend on the block


class Block(NamedTuple):
    """Vectors that lie next to each other."""

    first: int  # the row of the first one
    vectors: np.ndarray  # (D, H) float32
    hidden: np.ndarray | None  # (D,), true where a row is not to be found


class Found(NamedTuple):
    """The best rows of a query, best first."""

    scores: np.ndarray  # (k,) float32
    rows: np.ndarray  # (k,)


def nearest_rows(
    queries: np.ndarray, blocks: Iterable[Block], k: int, vectors_of: Callable[[np.ndarray], np.ndarray]
) -> list[Found]:
    """The k rows of the highest inner product for each query (Q, H); fewer where there are fewer.

    vectors_of: the vectors (D, H) of given rows.
    """
    kept = k + SPARE
    best = [Found(np.zeros(0, np.float32), np.zeros(0, np.int64)) for _ in queries]
    worst = np.full(len(queries), -np.inf, np.float32)
    for block in blocks:
        scores = queries @ block.vectors.T  # (Q, H) @ (H, D) -> (Q, D)
        if block.hidden is not None:
            scores[:, block.hidden] = -np.inf
        entering, columns = np.nonzero(scores > _least(scores, worst, kept)[:, None])
        ends = np.searchsorted(entering, np.arange(len(queries) + 1))
        for query in np.unique(entering):
            new = slice(ends[query], ends[query + 1])
            joined = np.concatenate([best[query].scores, scores[query, columns[new]]])
            rows = np.concatenate([best[query].rows, columns[new] + block.first])
            order = np.argsort(-joined, kind="stable")[:kept]
            best[query] = Found(joined[order], rows[order])
            if len(order) == kept:
                worst[query] = best[query].scores[-1]
    return [scored_again(query, found.rows, k, vectors_of) for query, found in zip(queries, best, strict=True)]


def scored_again(query: np.ndarray, rows: np.ndarray, k: int, vectors_of: Callable[[np.ndarray], np.ndarray]) -> Found:
    """The k best of some rows, each scored by itself; of equal ones the earlier."""
    rows = np.sort(rows)
    scores = (vectors_of(rows) * query).sum(1, dtype=np.float32)  # not a product of matrices: see above
    order = np.argsort(-scores, kind="stable")[:k]
    return Found(scores[order], rows[order])


def _least(scores: np.ndarray, worst: np.ndarray, kept: int) -> np.ndarray:
    """What a score has to exceed to be among the best, (Q,)."""
    if kept >= scores.shape[1] or np.isfinite(worst).all():
        return worst
    kth = np.partition(scores, -kept, axis=1)[:, -kept]  # at the start all exceed the worst: too many to be sorted
    return np.maximum(worst, np.nextafter(kth, np.float32(-np.inf)))
