"""Negatives: documents that a ranker is to learn to place below the answer. What is known to answer is never one.

Where they come from is named by a word or by a ranker: `random`, any document of the languages that are read; `given`,
the candidates that a query came with; the name of a ranker (`bm25`, a run, `dense:tiny`), the documents that it places
in a band of ranks, which are harder. Each example draws its own, from the seed and its number alone. Answers of other
queries of the batch (`in_batch`) are found when there is a batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from isogloss.errors import UserError
from isogloss.records import RankedQuery
from isogloss.retrieval._training_queries import Asked, Example, Material

RANDOM, GIVEN, IN_BATCH = "random", "given", "in_batch"
Band = tuple[int, int]  # the first and the last rank, counted from 1


def sampler(source: str, count: int, band: Band, found: Material, seed: int) -> Callable[[int, int], list[int]]:
    """The function that draws `count` negatives of a query, by its number, for the example of that number.

    Fewer where there are not so many, and none where the batch is to give them.

    Raises:
        UserError: there is no such source, the band holds no rank, or no query has any.
    """
    if count < 0 or not 1 <= band[0] <= band[1]:
        raise UserError(f"{count} negatives of ranks {band[0]} to {band[1]}: set 0 or more, of ranks from 1 on")
    if not count or source == IN_BATCH:
        return lambda query, example: []
    candidates = _candidates(source, band, found)
    if not any(len(each) for each in candidates):
        raise UserError(f"negatives = {source}: no query has any; choose another source, such as {RANDOM}")

    def drawn(query: int, example: int) -> list[int]:
        known, among = found.queries[query].known, candidates[query]
        random = np.random.default_rng((seed, example))
        enough = min(len(among), count + len(known))  # of these at most so many are known
        order = random.choice(len(among), enough, replace=False)
        return [number for number in among[order].tolist() if number not in known][:count]

    return drawn


def candidates(batch: Sequence[Example], found: Material, source: str, count: int) -> list[tuple[int, ...]]:
    """The answer of each example, then its negatives: those that were drawn, or at most `count` of the batch's."""
    negatives = others(batch, found, count) if source == IN_BATCH else [example.negatives for example in batch]
    return [(example.answer, *own) for example, own in zip(batch, negatives, strict=True)]


def others(batch: Sequence[Example], found: Material, count: int) -> list[list[int]]:
    """For each example at most `count` answers of the others in the batch, the next ones first; none that is known."""
    made = []
    for i, example in enumerate(batch):
        answers = dict.fromkeys(each.answer for each in chain(batch[i + 1 :], batch[:i]))
        known = found.queries[example.query].known
        made.append([number for number in answers if number not in known][:count])
    return made


def _candidates(source: str, band: Band, found: Material) -> Sequence[np.ndarray]:
    """The numbers of the documents among which each query's negatives are drawn."""
    if source == RANDOM:
        return [found.pool] * len(found.queries)
    if source == GIVEN:
        return [np.array(asked.given, dtype=np.int64) for asked in found.queries]
    return mined(source, band, found)


def mined(ranker: str, band: Band, found: Material) -> list[np.ndarray]:
    """The numbers of the documents that a ranker, by its name, places in a band of ranks, for each query.

    Raises:
        UserError: there is no such ranker.
    """
    from isogloss.retrieval.rankers import load_ranker

    pool = tuple(replace(found.documents[number], id=str(number)) for number in found.pool.tolist())
    queries = [_query(asked, pool) for asked in found.queries]
    ranked = load_ranker(ranker).rank(queries, top_k=band[1])
    return [np.array(list(map(int, each.documents[band[0] - 1 :])), dtype=np.int64) for each in ranked]


def _query(asked: Asked, documents: tuple) -> RankedQuery:
    return RankedQuery(id=asked.key, language=asked.language, text=asked.text, documents=documents)
