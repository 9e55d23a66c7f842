"""A translation memory as an engine, `memory:FILE`: a text that it holds is translated, any other one is a failure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from isogloss.data.formats import find
from isogloss.errors import UserError
from isogloss.files import sha256
from isogloss.languages import language
from isogloss.translation.decoding import check_decoding
from isogloss.translation.translation_memory import exact, read_memory
from isogloss.translation.translator import Capabilities, Decoding, Hypothesis, Translation


def load(rest: str) -> "MemoryTranslator":
    """The engine on a memory file.

    Raises:
        UserError: there is no such file.
    """
    path = Path(rest)
    return MemoryTranslator(path, sha256(find(path)))


@dataclass(frozen=True, slots=True)
class MemoryTranslator:
    """Looks texts up. Case and marks must agree, white space need not."""

    path: Path
    content: str  # the file's SHA-256

    @property
    def fingerprint(self) -> str:
        return f"memory {self.content}"

    @property
    def provenance(self) -> dict[str, Any]:
        return {"engine": "memory", "file": self.path.name, "sha256": self.content}

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(documents=True)

    def check(self, source: str, target: str) -> None:
        _targets(self.path, self.content, language(source).tag, language(target).tag)

    def translate(self, texts: Sequence[str], source: str, target: str, decoding: Decoding) -> list[Translation]:
        check_decoding(decoding, self.capabilities)
        known = _targets(self.path, self.content, language(source).tag, language(target).tag)
        found = (known.get(exact(text)) for text in texts)
        return [
            Translation(failure="not in the memory") if target is None else Translation((Hypothesis(target),))
            for target in found
        ]

    def score(self, pairs: Sequence[tuple[str, str]], source: str, target: str) -> list[tuple[float, ...]]:
        raise UserError("a translation memory has no probabilities; score with a model")


@cache
def _targets(path: Path, content: str, source: str, target: str) -> dict[str, str]:
    """The translations of a direction by text; `content` tells a file that was changed."""
    return {exact(pair.source): pair.target for pair in read_memory(path, source, target).pairs}
