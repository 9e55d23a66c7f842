"""What a translator is: an engine that turns texts of one language into another and says what it thinks of them.

There is no base class. An engine is a file of `isogloss/translation/engines` with `load(rest)`, which returns something
that satisfies `Translator`; `NAME:REST` on the command line names the file and hands it the rest. What comes with
isogloss (`tiny-mt`) and the folder of a run are engines by themselves.

An engine never answers quietly with less than it was asked for: a text that it cannot translate as a whole (too long,
cut off at the output limit, an empty answer) comes back as a failure with its reason, in the place of a translation.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from isogloss.errors import UserError, nearest
from isogloss.resources import TRANSLATORS

ENGINES = Path(__file__).parent / "engines"


class Stopped(UserError):
    """What an engine says that cannot go on for now, whatever it is asked: its server is gone, or the key refused."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One translation of a text.

    log_probability: the sum over its tokens, the end included, in nats; None where the engine does not tell.
    tokens: how many those are. attention: for every source token the attention that all target tokens gave it, summed;
    only on request and from engines that tell. similarity: of the most similar past translation that the engine was
    shown beside the text; None where it was shown none, or they were chosen by another rule.
    """

    text: str
    log_probability: float | None = None
    tokens: int | None = None
    attention: tuple[float, ...] | None = None
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Translation:
    """What an engine makes of one text: its hypotheses, best first, or the reason why there is none."""

    hypotheses: tuple[Hypothesis, ...] = ()
    failure: str | None = None

    @property
    def text(self) -> str | None:
        """The best hypothesis; None for a failure."""
        return self.hypotheses[0].text if self.hypotheses else None


def least_similarity(similarities: Sequence[float | None]) -> float | None:
    """The least of several texts; None if one of them was shown nothing similar, or there are none."""
    known = [each for each in similarities if each is not None]
    return min(known) if known and len(known) == len(similarities) else None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do beyond a best translation.

    scores: log-probabilities of given pairs (`score`). n_best: several hypotheses of a beam. sampling: random ones.
    attention: how much attention each source token got. documents: reads several sentences at once as well as one.
    max_source_tokens: the longest text it reads, in its own tokens; None where it cannot know.
    """

    scores: bool = False
    n_best: bool = False
    sampling: bool = False
    attention: bool = False
    documents: bool = False
    max_source_tokens: int | None = None


class Translator(Protocol):
    """What the translation job, `isogloss translate` and `predict --translator` ask of an engine."""

    @property
    def fingerprint(self) -> str:
        """What the translations depend on beside the decoding and the text: engine, model, revision or content hash.

        Two engines with equal fingerprints give equal translations; it never holds a secret.
        """
        ...

    @property
    def provenance(self) -> dict[str, Any]:
        """For people, written into what it made: engine, model, revision, licence where known."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    def check(self, source: str, target: str) -> None:
        """Nothing, if it translates from the one language to the other (BCP-47 tags).

        Raises:
            UserError: it does not; the message names what it has.
        """
        ...

    def translate(self, texts: Sequence[str], source: str, target: str, decoding: "Decoding") -> list[Translation]:
        """One translation for each text, in their order; engines batch them as suits them.

        Raises:
            UserError: the direction, or something in the decoding, is not to be had from this engine.
        """
        ...

    def score(self, pairs: Sequence[tuple[str, str]], source: str, target: str) -> list[tuple[float, ...]]:
        """For each pair (text, translation) the log-probabilities of the latter's tokens, the end included, in nats.

        Raises:
            UserError: the engine cannot say (`capabilities.scores`).
        """
        ...


@dataclass(frozen=True, slots=True)
class Decoding:
    """How a translation is searched for. Rules that only rank finished hypotheses work on every engine.

    beam: hypotheses kept in the search; 1 is greedy. hypotheses: how many are returned. length: how the score of a
    finished hypothesis is normalised (none, power, gnmt), with the exponent alpha. coverage: beta of GNMT's coverage
    penalty. samples: draws instead of a beam, with temperature, top_p and seed; minimum-Bayes-risk picks one of them.
    output_limit: tokens for each source token, plus 20; a translation that reaches it is a failure.
    """

    beam: int = 4
    hypotheses: int = 1
    length: str = "power"
    alpha: float = 1.0
    coverage: float = 0.0
    samples: int = 0
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 1
    output_limit: float = 2.0  # tokens per source token


USUAL = Decoding()


def engine_files() -> dict[str, Path]:
    """The files of all engines by name."""
    return {path.stem: path for path in sorted(ENGINES.glob("[!_]*.py"))}


def run_named(spec: str) -> Path | None:
    """The folder of the run that is named as an engine, `run:FOLDER`, `FOLDER` or `tiny-mt`; None for others."""
    from isogloss.run_folder import MANIFEST  # which imports more than a list of engines needs

    if spec in TRANSLATORS:
        return TRANSLATORS[spec]
    folder = Path(spec.removeprefix("run:"))
    return folder if spec.startswith("run:") or os.path.isfile(folder / MANIFEST) else None  # a prompt may be no path


def load_translator(spec: str) -> Translator:
    """The engine that `NAME:REST` names; `tiny-mt` stands for `embedded:tiny-mt`, a run's folder for `run:FOLDER`.

    Raises:
        UserError: there is no such engine, or it cannot be loaded.
    """
    folder = run_named(spec)
    full = f"embedded:{spec}" if spec in TRANSLATORS else spec if folder is None else f"run:{folder}"
    name, _, rest = full.partition(":")
    known = engine_files()
    if name not in known:
        raise UserError(f"no translation engine {name!r} in {spec!r}; {nearest(name, (*known, *TRANSLATORS))}")
    return import_module(f"isogloss.translation.engines.{name}").load(rest)
