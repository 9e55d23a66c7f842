"""Timing of things that are compared: they take turns, so that a busy machine slows all of them alike."""

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from isogloss.errors import UserError
from isogloss.provenance import commit, hardware, versions


def in_turns(actions: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """The seconds of every action in every turn; before the first one each is done once and not counted.

    Raises:
        UserError: no turn is asked for.
    """
    if repeats < 1:
        raise UserError(f"repeats = {repeats}: measure in one turn or more")
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(-1, repeats):
        for name, action in actions.items():
            _wait()
            started = time.perf_counter()
            action()
            _wait()
            if turn >= 0:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def _wait() -> None:
    """Until a GPU, if one is used, has done what it was given."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.synchronize()


def ratio(slow: Sequence[float], fast: Sequence[float]) -> dict[str, float]:
    """How many times as long the first takes, turn by turn: the median with the smallest and the largest."""
    each = [a / b for a, b in zip(slow, fast, strict=True)]
    return {"median": statistics.median(each), "low": min(each), "high": max(each)}


def rounded(value: Any) -> Any:
    """The same with four digits of every float: a clock has no more to say."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {name: rounded(item) for name, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list | tuple) else value


def circumstances() -> dict[str, Any]:
    """What a measurement holds for: commit, versions, machine, and torch's threads where it is loaded."""
    torch = sys.modules.get("torch")
    threads = {} if torch is None else {"threads": torch.get_num_threads()}
    return {"commit": commit(), "versions": versions(), "hardware": hardware() | threads}
