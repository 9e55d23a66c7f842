"""Negatives: documents that a ranker is to learn to place below the answer. What is known to answer is never one.

Where they come from is named by a word or by a ranker: `random`, any document of the languages that are read; `given`,
the candidates that a query came with; the name of a ranker (`bm25`, a run, `dense:tiny`), the documents that it places
in a band of ranks, which are harder. Each example draws its own, from the seed and its number alone. Answers of other
queries of the batch (`in_batch`) are found when there is a batch.

What is drawn is in the languages that answers are in, as often as these. A ranker finds documents in the query's own
language above all, BM25 hardly any others; were these the negatives, and the answers in all languages, an encoder would
learn that what is in another language answers. So each language's documents are ranked by themselves.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from isogloss.errors import UserError
from isogloss.records import RankedQuery
from isogloss.retrieval._training_queries import Asked, Example, Material

RANDOM, GIVEN, IN_BATCH = "random", "given", "in_batch"
Band = tuple[int, int]  # the first and the last rank, counted from 1
Near = dict[str, list[np.ndarray]]  # the documents that a ranker finds, by their language, of each query


def sampler(source: str, count: int, band: Band, found: Material, seed: int) -> Callable[[int, int], list[int]]:
    """The function that draws `count` negatives of a query, by its number, for the example of that number.

    Fewer where there are not so many, and none where the batch is to give them. Where a ranker finds too few in a
    language, others of that language are drawn at random.

    Raises:
        UserError: there is no such source, the band holds no rank, or no query has any.
    """
    if count < 0 or not 1 <= band[0] <= band[1]:
        raise UserError(f"{count} negatives of ranks {band[0]} to {band[1]}: set 0 or more, of ranks from 1 on")
    if not count or source == IN_BATCH:
        return lambda query, example: []
    if source == GIVEN:
        return _of_candidates(count, found, seed)
    pools = pools_by_language(found)
    near = {} if source == RANDOM else mined(source, band, found, pools)
    shares = answer_shares(found)

    def drawn(query: int, example: int) -> list[int]:
        asked, random = found.queries[query], np.random.default_rng((seed, example))
        tags = [*shares[asked.language]]
        often = random.multinomial(count, [shares[asked.language][tag] for tag in tags])
        chosen: list[int] = []
        for tag, number in zip(tags, often.tolist(), strict=True):
            sources = [near[tag][query], pools[tag]] if near else [pools[tag]]
            chosen += _draw(random, sources, number, asked.known)
        return chosen + _draw(random, [found.pool], count - len(chosen), {*asked.known, *chosen})

    return drawn


def pools_by_language(found: Material) -> dict[str, np.ndarray]:
    """The numbers of the documents among which negatives are drawn, by their language."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for number in found.pool.tolist():
        numbers[found.documents[number].language].append(number)
    return {tag: np.array(each, dtype=np.int64) for tag, each in numbers.items()}


def answer_shares(found: Material) -> dict[str, dict[str, float]]:
    """How much of the answers to queries in a language is in each language, by the queries' language."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for asked in found.queries:
        counts[asked.language].update(found.documents[number].language for number in asked.answers)
    return {tag: {each: n / of.total() for each, n in of.items()} for tag, of in counts.items()}


def _draw(
    random: np.random.Generator, sources: Sequence[np.ndarray], count: int, without: Collection[int]
) -> list[int]:
    """At most `count` different numbers drawn from the first source, then from the next ones, without some."""
    chosen: dict[int, None] = {}
    for among in sources:
        missing = count - len(chosen)
        if missing <= 0:
            break
        enough = min(len(among), missing + len(without) + len(chosen))  # of these at most so many are not to be drawn
        order = random.choice(len(among), enough, replace=False)
        fresh = (number for number in among[order].tolist() if number not in without and number not in chosen)
        chosen |= dict.fromkeys(list(fresh)[:missing])
    return list(chosen)


def _of_candidates(count: int, found: Material, seed: int) -> Callable[[int, int], list[int]]:
    """The function that draws among the candidates that a query came with."""
    given = [np.array(asked.given, dtype=np.int64) for asked in found.queries]
    if not any(map(len, given)):
        raise UserError(f"negatives = {GIVEN}: no query has any; choose another source, such as {RANDOM}")
    return lambda query, example: _draw(
        np.random.default_rng((seed, example)), [given[query]], count, found.queries[query].known
    )


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


def mined(ranker: str, band: Band, found: Material, pools: dict[str, np.ndarray]) -> Near:
    """The numbers of the documents that a ranker, by its name, places in a band of ranks of each language.

    Raises:
        UserError: there is no such ranker, or it finds nothing.
    """
    from isogloss.retrieval.rankers import load_ranker

    loaded = load_ranker(ranker)
    near: Near = {}
    for tag, numbers in pools.items():
        pool = tuple(replace(found.documents[number], id=str(number)) for number in numbers.tolist())
        ranked = loaded.rank([_query(asked, pool) for asked in found.queries], top_k=band[1])
        near[tag] = [np.array(list(map(int, each.documents[band[0] - 1 :])), dtype=np.int64) for each in ranked]
    if not any(len(each) for own in near.values() for each in own):
        raise UserError(f"negatives = {ranker}: no query has any; choose another source, such as {RANDOM}")
    return near


def _query(asked: Asked, documents: tuple) -> RankedQuery:
    return RankedQuery(id=asked.key, language=asked.language, text=asked.text, documents=documents)
