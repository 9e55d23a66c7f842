"""Adaptive translation: similar past translations, terms and a draft in the prompt of a large language model.

Moslem, Haque, Kelleher, Way 2023, "Adaptive Machine Translation with Large Language Models", EAMT, arXiv 2301.13294.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from isogloss.translation.translator import Translator

Encode = Callable[[Sequence[str]], np.ndarray]


def with_context(
    engine: Translator,
    *,
    memory: Path | None = None,
    shots: int = 5,
    selection: str = "similar",
    similarity: str | Encode = "edit",
    at_least: float = 0.0,
    style: str | None = None,
    allow_exact: bool = False,
    terms: Path | None = None,
    draft: Translator | None = None,
    seed: int = 1,
) -> Translator:
    """The engine, which now sees examples, terms and a draft beside every text; its fingerprint says so.

    memory: a file of past translations. shots: how many of them it sees. selection: similar, random, fixed or mixed.
    similarity: edit, or the encoder whose vectors are compared (a name, or a function to unit vectors). at_least: the
    least similar pair that is shown. style: only pairs of the memory with this mark. allow_exact: whether a text may
    be shown with its own translation. terms: a glossary. draft: an engine whose translation is to be improved.

    Raises:
        UserError: the engine has no prompt, a file cannot be read, there is no such selection.
    """
    raise NotImplementedError
