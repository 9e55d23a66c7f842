"""From predictions to a result: the metrics of a task, counted item by item, with the conditions they hold under."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss.evaluation.counts import count_items, language_values
from isogloss.evaluation.results import Conditions, Result, build_result, write_result
from isogloss.metrics import load_metric
from isogloss.processes import is_first
from isogloss.tasks import Task


@dataclass(frozen=True, slots=True)
class TaskSplit:
    """What is scored: the records of a task's split in some languages, all by default.

    data: where its files are. items: at most so many of each language, the same in all; 0 = all.
    """

    task: Task
    data: Path | None = None
    name: str = "test"
    languages: Sequence[str] | str = ()
    items: int = 0


def score(
    task: Task,
    labels: Sequence[str],
    records: Sequence[Any],
    predictions: Sequence[Any],
    conditions: Conditions,
    *,
    started: float,
    output: Path | None,
) -> Result:
    """The scores of predictions about records, in the task's metrics; written to `output` if that is given.

    labels: in the order of the logits. started: when the work began, on the monotonic clock.

    Raises:
        UserError: predictions and records do not line up, or the result cannot be written.
    """
    metrics = [load_metric(name) for name in (task.metric, *task.other_metrics)]
    counts = [count_items(metric, records, predictions, labels) for metric in metrics]
    result = build_result(
        metrics[0],
        counts[0],
        conditions,
        seconds=time.monotonic() - started,
        other_metrics={m.name: language_values(m, c) for m, c in zip(metrics[1:], counts[1:], strict=True)},
    )
    if output is not None and is_first():
        write_result(output, result, counts[0])
    return result
