"""The best documents of a query by score, of equal scores the earlier: from a matrix, or from vectors block by block.

Letters: Q queries, D documents, k neighbours, H hidden size.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

BLOCK = 2048  # rows and columns of similarities held at once: 16 MB
FEW = 16  # so many passes over a row are quicker than sorting what is best in it


class Neighbours(NamedTuple):
    """The k nearest documents of each query, nearest first."""

    cosines: np.ndarray  # (Q, k)
    places: np.ndarray  # (Q, k), numbers of documents


def nearest_neighbours(queries: np.ndarray, documents: np.ndarray, k: int, *, block: int = BLOCK) -> Neighbours:
    """The k documents of highest cosine for each query, of equal ones the earlier; unit vectors (Q, H) and (D, H).

    No more than `block` x `block` similarities are held at once.
    """
    cosines, places = [], []
    for rows in blocks(len(queries), block):
        best = Neighbours(np.zeros((len(queries[rows]), 0), np.float32), np.zeros((len(queries[rows]), 0), int))
        for columns in blocks(len(documents), block):
            found = top(queries[rows] @ documents[columns].T, k)  # (Q, H) @ (H, D) -> (Q, D)
            joined = np.concatenate([best.cosines, found.cosines], 1)
            numbers = np.concatenate([best.places, found.places + columns.start], 1)
            order = top(joined, k).places
            best = Neighbours(*(np.take_along_axis(table, order, 1) for table in (joined, numbers)))
        cosines.append(best.cosines)
        places.append(best.places)
    return Neighbours(np.concatenate(cosines), np.concatenate(places))


def top(scores: np.ndarray, k: int) -> Neighbours:
    """The k highest of each row of (Q, D), highest first, of equal ones the earlier; all of them where D < k."""
    places = np.zeros((len(scores), min(k, scores.shape[1])), int)
    if places.shape[1] > FEW:
        for found, row in zip(places, scores, strict=True):
            found[:] = _best_of(row, len(found))
    else:
        left, rows = scores.copy(), np.arange(len(scores))
        for column in places.T:  # passes keep the order of equals
            column[:] = left.argmax(1)
            left[rows, column] = -np.inf
    return Neighbours(np.take_along_axis(scores, places, 1), places)


def _best_of(row: np.ndarray, k: int) -> np.ndarray:
    """The places of the k highest, highest first, of equal ones the earlier; k of at most (D,)."""
    worst = np.partition(row, len(row) - k)[len(row) - k]
    places = np.flatnonzero(row >= worst)  # k, and those equal to the last of them
    return places[np.argsort(-row[places], kind="stable")[:k]]


def blocks(length: int, size: int = BLOCK) -> Iterator[slice]:
    """Slices of at most so many, one after the other."""
    for begin in range(0, length, size):
        yield slice(begin, min(begin + size, length))
