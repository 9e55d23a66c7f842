"""Runs as `isogloss evaluate` leaves them, with planted scores."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from isogloss.evaluation.results import Conditions, build_result, write_result
from isogloss.metrics import load_metric


def counts(shares: Mapping[str, float], items: int = 100) -> dict[str, dict[str, list[float]]]:
    """Counts in which the first share of the items is right."""
    return {tag: {str(i): [float(i < share * items), 1.0] for i in range(items)} for tag, share in shares.items()}


def fake_run(
    folder: Path,
    shares: Mapping[str, float],
    *,
    name: str = "test",
    seed: int = 1,
    items: int = 100,
    metric: str = "accuracy",
    other_metrics: Mapping[str, Mapping[str, float]] | None = None,
    **given: Any,
) -> Path:
    """A run folder whose result has these scores, as shares, in a metric that counts what is right; returned."""
    rows = counts(shares, items)
    known: dict[str, Any] = {
        "method": "filter",
        "task": "sib200",
        "split": "test",
        "pairing": "translation",
        "settings": {"config": {}},
        "encoder": "tiny",
        "data": {"sha256": "ab"},
    }
    result = build_result(
        load_metric(metric),
        rows,
        Conditions(seeds=(seed,), **known | given),
        seconds=1.0,
        other_metrics={"macro_F1": dict.fromkeys(shares, 10.0)} if other_metrics is None else other_metrics,
        resamples=50,
    )
    write_result(folder / "results" / f"{name}.json", result, rows)
    return folder


@pytest.fixture(name="fake_run")
def fake_run_fixture() -> Callable[..., Path]:
    """`fake_run`: leaves a run folder whose result has given accuracies."""
    return fake_run
