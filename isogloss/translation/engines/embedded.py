"""Translators that come with isogloss, by their name alone: `tiny-mt`, or `embedded:tiny-mt`.

They are runs of this project, small, and read with the core dependencies. What such a model says in a direction that it
was never shown is no translation, so it has the directions of its training and no other; `pivot:en:tiny-mt` goes from
any of its languages to any other. `isogloss show tiny-mt` says how good it is.
"""

from collections.abc import Sequence
from typing import Any

from isogloss.data.directions import Direction
from isogloss.errors import UserError, nearest
from isogloss.languages import language
from isogloss.resources import TRANSLATORS
from isogloss.run_folder import read_manifest
from isogloss.translating_run import trained_directions
from isogloss.translation.translator import Decoding, Translation, Translator, load_translator


def load(rest: str) -> "EmbeddedTranslator":
    """The translator of that name.

    Raises:
        UserError: there is none, or its files were changed.
    """
    if rest not in TRANSLATORS:
        raise UserError(f"no translator {rest!r} comes with isogloss; {nearest(rest, TRANSLATORS)}")
    return EmbeddedTranslator(rest)


class EmbeddedTranslator:
    """A run that comes along, in the directions that it was trained on."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.directions = trained_directions(read_manifest(TRANSLATORS[name]))
        self._run: Translator = load_translator(f"run:{TRANSLATORS[name]}")
        self.capabilities = self._run.capabilities

    @property
    def fingerprint(self) -> str:
        """The hash of its files."""
        return self._run.fingerprint

    @property
    def provenance(self) -> dict[str, Any]:
        """Its name, the hash of its files and its licence."""
        return self._run.provenance | {"engine": "embedded", "model": self.name}

    def check(self, source: str, target: str) -> None:
        """Nothing, if it was trained to translate from the one language to the other.

        Raises:
            UserError: it was not; the message names the languages that it has.
        """
        if Direction(language(source).tag, language(target).tag) in self.directions:
            return
        others = ", ".join(dict.fromkeys(each.target for each in self.directions if each.target != "en"))
        raise UserError(
            f"translator {self.name} goes from English to {others} and back, not from {source} to {target}; from one "
            f"of these to another goes pivot:en:{self.name}, for more languages take another engine"
        )

    def translate(self, texts: Sequence[str], source: str, target: str, decoding: Decoding) -> list[Translation]:
        """One translation for each text, in their order.

        Raises:
            UserError: the direction, or something in the decoding, is not to be had.
        """
        self.check(source, target)
        return self._run.translate(texts, source, target, decoding)

    def score(self, pairs: Sequence[tuple[str, str]], source: str, target: str) -> list[tuple[float, ...]]:
        """For each pair the log-probabilities of the translation's tokens, the end included, in nats.

        Raises:
            UserError: the direction is not to be had, or a side is empty or too long.
        """
        self.check(source, target)
        return self._run.score(pairs, source, target)
