"""Metrics: per-item counts and the value of summed counts.

Every metric here is a function of sums over items (correct answers, true positives ...), so one bootstrap
over items serves all of them: resample the rows of the counts, sum, take the value. The folder is the
registry: a metric is a module-level `Metric` and `load_metric("span_F1")` finds it by name. Measures of rankings have
parameters and are made when they are asked for: see `retrieval`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A score in percent, computed from sums over items.

    `counts(gold, predictions, labels)`: one row per item, (items, width) float64. Gold records and
    predictions come in the same order. `value(sums)`: (..., width) -> (...) in percent; 0 where nothing was
    there to be found.
    """

    name: str
    signature: str  # everything a reader needs to reproduce the number, e.g. "span_F1|mode:strict|scheme:IOB2"
    counts: Callable[[Sequence[Any], Sequence[Any], Sequence[str]], np.ndarray]
    value: Callable[[np.ndarray], np.ndarray]


def load_metric(name: str) -> Metric:
    """The metric of that name.

    Raises:
        UserError: there is none; the message names the nearest.
    """
    found = {
        value.name: value
        for info in iter_modules(__path__)
        for value in vars(import_module(f"isogloss.metrics.{info.name}")).values()
        if isinstance(value, Metric)
    }
    if name in found:
        return found[name]
    from isogloss.metrics.retrieval import family

    return family(name, beside=tuple(found))
