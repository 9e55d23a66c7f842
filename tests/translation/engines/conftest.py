"""Tiny translators of every family, made once, and the same converted for CTranslate2 in full precision."""

from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_translators

FAMILIES = {
    "marian": tiny_translators.marian,
    "opus": lambda folder: tiny_translators.marian(folder, tags={"de": ">>deu<<", "fr": ">>fra<<"}),
    "m2m100": tiny_translators.m2m100,
    "nllb": tiny_translators.nllb,
    "mbart50": tiny_translators.mbart50,
    "madlad": tiny_translators.madlad,
}


@pytest.fixture(scope="session")
def tiny_translator(tmp_path_factory) -> Callable[[str], Path]:
    """A function from a family to the folder of its tiny model; not to be changed."""
    folders: dict[str, Path] = {}

    def made(family: str) -> Path:
        if family not in folders:
            folders[family] = FAMILIES[family](tmp_path_factory.mktemp("translators") / family)
        return folders[family]

    return made


@pytest.fixture(scope="session")
def converted(tiny_translator, tmp_path_factory) -> Callable[[str], Path]:
    """A function from a family to the folder of its tiny model for CTranslate2; not to be changed."""
    from isogloss.translation.engines.ctranslate2 import convert

    folders: dict[str, Path] = {}

    def made(family: str) -> Path:
        if family not in folders:
            output = tmp_path_factory.mktemp("converted") / family
            folders[family] = convert(str(tiny_translator(family)), output, "float32")
        return folders[family]

    return made
