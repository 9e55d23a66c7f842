"""Adaptive translation: similar past translations, terms and a draft in the prompt of a large language model.

Moslem, Haque, Kelleher, Way 2023, "Adaptive Machine Translation with Large Language Models", EAMT, arXiv 2301.13294.
Who has a translation memory and a glossary gets their own wording without training: the past translations of the most
similar texts stand in the prompt, the best one next to the text. The terms of the glossary that the text has are listed
above it. Another engine's draft may stand below it, and below every example, so that the model learns how a draft
becomes what was approved.

Where we differ from the released notebooks: a text is never shown with its own translation (there the memory is the
test set itself, so near copies flatter the scores); all pairs can be examples of all texts; too few of them is an
error, or told where only some texts lack them; decoding is greedy, not at temperature 0.3; the output limit counts
tokens, not words divided by spaces; an answer that goes on is cut by `answers`, which never drops a sentence for being
more than one; the glossary is the user's, terms are not extracted by the model. Similarity is that of letters, or the
cosine of any encoder's vectors, as in the paper.
"""

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

from isogloss.data.formats import find
from isogloss.errors import UserError, nearest
from isogloss.files import sha256
from isogloss.languages import language
from isogloss.resources import EMBEDDED
from isogloss.translation.few_shot_prompts import BY_SIMILARITY, SELECTIONS, Shots, demonstrations
from isogloss.translation.prompts import VERSION, Context, Demonstration
from isogloss.translation.terminology import Glossary, read_glossary
from isogloss.translation.translation_memory import Encode, TranslationMemory, read_memory
from isogloss.translation.translator import Decoding, Translator


@dataclass(frozen=True, kw_only=True)
class AdaptivePrompts:
    """What stands beside a text in a prompt, and where it is taken from."""

    memory: Path | None = None  # a file of past translations
    shots: Shots = Shots()
    similarity: str | Encode = "edit"  # edit, an encoder's name, or a function from texts to unit vectors
    style: str | None = None  # only pairs of the memory with this mark
    terms: Path | None = None  # a glossary
    draft: Translator | None = None
    _drafts: dict[tuple[str, str, str], str | None] = field(default_factory=dict, compare=False, repr=False)

    def check(self, source: str, target: str) -> None:
        """Nothing, if all there is to show can be had for this direction.

        Raises:
            UserError: a file lacks the direction, has too few pairs, or the draft engine does not translate it.
        """
        if (memory := self._memory(source, target)) is not None:
            demonstrations(memory, (), self.shots)
        self._glossary(source, target)
        if self.draft is not None:
            self.draft.check(source, target)

    def contexts(self, texts: Sequence[str], source: str, target: str) -> list[Context]:
        """For each text what is shown beside it.

        Raises:
            UserError: see `check`.
        """
        shown: list[tuple[Demonstration, ...]] = [()] * len(texts)
        if (memory := self._memory(source, target)) is not None:
            shown = demonstrations(memory, texts, self.shots)
            self._tell(memory, texts, shown)
        terms = self._glossary(source, target)
        drafts: list[str | None] = [None] * len(texts)
        if self.draft is not None:
            drafts = self._drafted(texts, source, target)
            shown = [self._with_drafts(each, source, target) for each in shown]
        return [
            Context(examples, terms.terms_in(text) if terms else (), draft)
            for text, examples, draft in zip(texts, shown, drafts, strict=True)
        ]

    @property
    def fingerprint(self) -> str:
        """What the prompts depend on: their wording, the content of the files, the rules, the draft engine."""
        parts = {
            "version": VERSION,
            "memory": _content(self.memory),
            "shots": str(self.shots) if self.memory else None,
            "similarity": _named(self.similarity) if self.memory else None,
            "style": self.style,
            "terms": _content(self.terms),
            "draft": self.draft and self.draft.fingerprint,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def provenance(self) -> dict[str, Any]:
        """The same for people; empty where nothing is shown."""
        found: dict[str, Any] = {}
        if self.memory is not None:
            found["memory"] = {"file": self.memory.name, "sha256": _content(self.memory)}
            found["shots"] = {name: getattr(self.shots, name) for name in self.shots.__slots__}
            found["shots"]["similarity"] = _named(self.similarity)
            if self.style is not None:
                found["shots"]["style"] = self.style
        if self.terms is not None:
            found["terms"] = {"file": self.terms.name, "sha256": _content(self.terms)}
        if self.draft is not None:
            found["draft"] = self.draft.provenance
        return found

    def _memory(self, source: str, target: str) -> TranslationMemory | None:
        if self.memory is None or not self.shots.count:
            return None
        return _read_memory(self.memory, _content(self.memory), source, target, self.similarity, self.style)

    def _glossary(self, source: str, target: str) -> Glossary | None:
        return None if self.terms is None else _read_glossary(self.terms, _content(self.terms), source, target)

    def _drafted(self, texts: Sequence[str], source: str, target: str) -> list[str | None]:
        """The draft of each text; None where the draft engine failed, which is told once."""
        assert self.draft is not None
        new = [text for text in dict.fromkeys(texts) if text.strip() and (source, target, text) not in self._drafts]
        if new:
            for text, made in zip(new, self.draft.translate(new, source, target, Decoding()), strict=True):
                self._drafts[source, target, text] = made.text
                if made.failure:
                    tell_once(f"draft: no draft for some texts (first: {made.failure}); they are translated without")
        return [self._drafts.get((source, target, text)) for text in texts]

    def _with_drafts(self, examples: tuple[Demonstration, ...], source: str, target: str) -> tuple[Demonstration, ...]:
        drafts = self._drafted([each.source for each in examples], source, target)
        return tuple(replace(each, draft=draft) for each, draft in zip(examples, drafts, strict=True))

    def _tell(
        self, memory: TranslationMemory, texts: Sequence[str], shown: Sequence[tuple[Demonstration, ...]]
    ) -> None:
        """Say once that examples are fewer than asked for, and that the memory seems to hold what it is to serve."""
        if any(len(each) < self.shots.count for each in shown):
            tell_once(
                f"memory {self.memory}: some texts have fewer than {self.shots.count} examples, as no other pair is "
                f"{f'at least {self.shots.at_least:g} similar' if self.shots.at_least else 'there'}"
            )
        if not self.shots.allow_exact and 2 * sum(bool(memory.own(text)) for text in texts) > len(texts) > 1:
            tell_once(
                f"memory {self.memory} holds most of these texts themselves; none is shown with its own translation, "
                "but near copies may be: a test set is no memory for itself"
            )


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
        UserError: the engine has no prompt, a file is missing, there is no such selection.
    """
    if not hasattr(engine, "prompts"):
        raise UserError(
            f"{engine.provenance.get('engine', 'this engine')} reads no prompt, so no memory, terms or draft; "
            "use llm:MODEL@URL"
        )
    if selection not in SELECTIONS:
        raise UserError(f"no selection {selection!r}; {nearest(selection, SELECTIONS)}")
    if shots < 0:
        raise UserError(f"shots = {shots}: a text sees 0 examples or more")
    if not 0 <= at_least <= 1:
        raise UserError(f"at_least = {at_least:g}: a similarity is between 0 (nothing alike) and 1 (equal)")
    if at_least and selection not in BY_SIMILARITY:
        raise UserError(f"selection {selection} does not look at similarities, so at_least goes unheard; leave it out")
    for path in (memory, terms):
        if path is not None:
            find(path)
    prompts = AdaptivePrompts(
        memory=memory,
        shots=Shots(count=shots, selection=selection, at_least=at_least, allow_exact=allow_exact, seed=seed),
        similarity=similarity,
        style=style,
        terms=terms,
        draft=draft,
    )
    return replace(cast(Any, engine), prompts=prompts)


@cache
def _read_memory(
    path: Path, content: str, source: str, target: str, similarity: str | Encode, style: str | None
) -> TranslationMemory:
    """The memory of a direction, read once; `content`, its hash, makes another one of a file that was changed."""
    if similarity != "edit" and not callable(similarity):
        from isogloss.encoders.sentence_vectors import encode_with

        similarity = encode_with(similarity)
    return read_memory(path, language(source).tag, language(target).tag, similarity=similarity, style=style)


@cache
def _read_glossary(path: Path, content: str, source: str, target: str) -> Glossary:
    return read_glossary(path, language(source).tag, language(target).tag)


def _content(path: Path | None) -> str:
    """The hash of a file's content; empty where there is no file."""
    return "" if path is None else _hash(str(find(path)), find(path).stat().st_mtime_ns)


@cache
def _hash(path: str, changed: int) -> str:
    return sha256(Path(path))


def _named(similarity: str | Encode) -> str:
    """The name of a similarity; of an encoder in a folder also what its weights are."""
    if callable(similarity):
        return f"{similarity.__module__}.{getattr(similarity, '__qualname__', type(similarity).__name__)}"
    weights = EMBEDDED.get(similarity, Path(similarity)) / "model.safetensors"
    return f"{similarity} {_hash(str(weights), weights.stat().st_mtime_ns)[:16]}" if weights.is_file() else similarity


@cache
def tell_once(message: str) -> None:
    """Nothing; the message is on standard error, a second time no more."""
    print(message, file=sys.stderr)
