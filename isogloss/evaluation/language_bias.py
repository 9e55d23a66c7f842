"""Language bias: how the languages of the documents that a ranking puts first differ from a blind ranking's.

A ranking that does not look at language could swap any two documents of the same grade of relevance. So of a query
whose first k documents hold r of one grade, a blind ranking expects those r to be spread over the languages as the
documents of that grade are in the query's collection. Relevance itself is thus no bias: where the only answer is
English, an English document at the first rank is expected. After Roy et al. 2020, arXiv 2004.05484, who show such a
bias in collections with an answer in every language; the number is ours.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from isogloss.records import RankedQuery, RankingPrediction

FIRST = 10  # documents of a ranking that a reader looks at
Shares = dict[str, float]  # percent by language


def language_bias(
    queries: Mapping[str, Sequence[RankedQuery]],
    predictions: Mapping[str, Sequence[RankingPrediction]],
    first: int = FIRST,
) -> dict[str, Any]:
    """How the first documents are spread over languages, for each language of queries; empty where there is only one.

    `found` and `blind` are shares in percent of the first `first` documents of all queries together, of the ranking
    and as expected of a blind one. `bias` is half the sum of their absolute differences: the share of places, in
    percent, that would have to change language. 0 = blind.
    """
    collections = {id(query.documents): query.documents for group in queries.values() for query in group}
    if len({each.language for documents in collections.values() for each in documents}) < 2:
        return {}
    languages = {key: {each.id: each.language for each in documents} for key, documents in collections.items()}
    return {
        "first": first,
        "languages": {name: _bias(group, predictions[name], languages, first) for name, group in queries.items()},
    }


def _bias(
    queries: Sequence[RankedQuery],
    predictions: Sequence[RankingPrediction],
    languages: Mapping[int, Mapping[str, str]],
    first: int,
) -> dict[str, Any]:
    found, blind = Counter[str](), dict[str, float]()
    totals = {key: Counter(tags.values()) for key, tags in languages.items()}
    for query, prediction in zip(queries, predictions, strict=True):
        key = id(query.documents)
        shown = prediction.documents[:first]
        found.update(languages[key][name] for name in shown)
        for grade, count in Counter(query.gains.get(name, 0) for name in shown).items():
            spread = _spread(query, grade, languages[key], totals[key])
            for tag, documents in spread.items():
                blind[tag] = blind.get(tag, 0) + count * documents / spread.total()
    places, every = found.total() or 1, sorted(set(found) | set(blind))
    observed = {tag: 100 * found[tag] / places for tag in every}
    expected = {tag: 100 * blind[tag] / places for tag in every}
    bias = sum(abs(observed[tag] - expected[tag]) for tag in every) / 2
    return {"bias": round(bias, 4), "found": _rounded(observed), "blind": _rounded(expected)}


def _spread(query: RankedQuery, grade: int, tags: Mapping[str, str], total: Counter[str]) -> Counter[str]:
    """How many documents of that grade each language has in the query's collection."""
    named = Counter(tags[name] for name, gain in query.gains.items() if gain == grade)
    if grade:
        return named
    others = Counter(tags[name] for name, gain in query.gains.items() if gain)
    return total - others  # what is not named has grade 0


def _rounded(shares: Shares) -> Shares:
    return {tag: round(share, 2) for tag, share in shares.items()}
