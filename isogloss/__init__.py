"""isogloss: carry what a model learned in one language to every other one."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

try:
    __version__ = version("isogloss")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.0.0"

_PUBLIC = {
    "UserError": "isogloss.errors",
    "language": "isogloss.languages",
    "load": "isogloss.predict",
    "train": "isogloss.runs",
    "evaluate": "isogloss.evaluation.evaluate",
    "compare": "isogloss.evaluation.compare",
    "leaderboard": "isogloss.evaluation.leaderboard",
    "submit": "isogloss.evaluation.submit",
    "FilterForSequenceClassification": "isogloss.understanding.filter",
    "FilterForTokenClassification": "isogloss.understanding.filter",
    "FilterForQuestionAnswering": "isogloss.understanding.filter",
}

__all__ = list(_PUBLIC)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import isogloss` needs no torch."""
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'isogloss' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
