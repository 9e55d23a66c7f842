"""Measures of rankings by the names of ir-measures: nDCG@10, RR@10, R@100, AP, P@1, RR(rel=2)@10.

MacAvaney, Macdonald and Ounis 2022, arXiv 2111.13466. They are a family: a name is a measure with its parameters and a
cut-off, so there is a metric for each name that the library reads, and `load_metric` asks `family` for those that no
file has. Its scores of documents are not looked at, only their order: a ranking is handed over with scores that fall
by rank, so that ties are decided here, for the earlier document, and not by the library. Queries without a relevant
document say nothing about a ranking and are left out of the mean; who scores tells how many they were.
"""

from collections.abc import Collection, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np

from isogloss.errors import UserError, nearest
from isogloss.metrics import Metric
from isogloss.metrics.ratios import ratio_percent
from isogloss.records import RankedQuery, RankingPrediction

USUAL = ("nDCG@10", "RR@10", "R@100", "AP", "P@1", "Success@10", "Rprec")  # to be named in errors
WITHOUT_CUT_OFF = 1000  # documents that are ranked for a measure of whole rankings, as in TREC's runs


def family(name: str, beside: Sequence[str] = ()) -> Metric:
    """The measure of that name; `beside` are the names of other metrics that could have been meant.

    Raises:
        UserError: ir-measures has none, cannot compute it here, or is not installed.
    """
    measure = _measure(name, beside)
    depth = "" if "cutoff" in measure.params else f"|depth:{WITHOUT_CUT_OFF}"
    rules = "unit:query|ties:earlier document|queries:with a relevant document"
    return Metric(
        name=name,
        signature=f"{measure}|{rules}{depth}|ir-measures:{version('ir-measures')}",
        counts=partial(measure_counts, measure=measure),
        value=ratio_percent,
    )


def depth_of(name: str) -> int:
    """How many documents of a ranking the measure of that name looks at."""
    return _measure(name).params.get("cutoff", WITHOUT_CUT_OFF)


def measure_counts(
    gold: Sequence[RankedQuery], predictions: Sequence[RankingPrediction], labels: Sequence[str], *, measure: Any
) -> np.ndarray:
    """The measure of each query in [0, 1], and 1, (items, 2); zeros for a query without a relevant document."""
    import ir_measures

    grades, run = {}, {}
    for i, (record, guess) in enumerate(zip(gold, predictions, strict=True)):
        if any(gain > 0 for gain in record.gains.values()):
            grades[str(i)] = dict(record.gains)
            run[str(i)] = {name: float(-place) for place, name in enumerate(guess.documents)}
    counts = np.zeros((len(gold), 2))
    for found in ir_measures.iter_calc([measure], grades, run):
        counts[int(found.query_id)] = found.value, 1
    return counts


def _measure(name: str, beside: Sequence[str] = ()) -> Any:
    try:
        import ir_measures
        import pytrec_eval  # noqa: F401  what computes most of them
    except ImportError:
        if name in USUAL or "@" in name:
            raise UserError(f"metric {name} is a measure of rankings: pip install 'isogloss[retrieval]'") from None
        raise UserError(_unknown(name, {*beside, *USUAL})) from None
    try:
        measure = ir_measures.parse_measure(name)
        known = measure.params.get("cutoff", 1) > 0 and ir_measures.DefaultPipeline.supports(measure)
    except (NameError, ValueError, TypeError, AttributeError):
        measure, known = None, False
    if not known:
        heads = (each for each in ir_measures.measures.registry if each.isascii())
        raise UserError(_unknown(name, {*beside, *USUAL, *heads}))
    return measure


def _unknown(name: str, known: Collection[str]) -> str:
    """What to say about a name that is none: the names that differ in case alone, or the nearest."""
    alike = sorted(each for each in known if each.lower() == name.lower())
    return f"no metric {name!r}; " + (f"did you mean {', '.join(alike)}?" if alike else nearest(name, known))
