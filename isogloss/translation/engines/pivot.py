"""Translation through a third language: `pivot:LANGUAGE:ENGINE`, or `pivot:LANGUAGE:ENGINE,,ENGINE` for two engines.

`pivot:en:hf:NAME` goes from any language of the model to any other through English; `pivot:en:hf:A,,ctranslate2:B`
translates into English with A and on with B. The first leg's best hypothesis is what the second translates. A
hypothesis's log-probability and its tokens are the sums of both legs: log P(pivot|X) + log P(Y|pivot), which is what
the chain did, and less than log P(Y|X). So `score` is not to be had, and neither is attention to the source.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from isogloss.errors import UserError
from isogloss.languages import language
from isogloss.translation.decoding import check_decoding
from isogloss.translation.translator import (
    Capabilities,
    Decoding,
    Hypothesis,
    Translation,
    Translator,
    load_translator,
)

FORM = "write pivot:LANGUAGE:ENGINE, or pivot:LANGUAGE:ENGINE,,ENGINE with one for each leg"


def load(rest: str) -> "PivotTranslator":
    """The chain of the engines that are named.

    Raises:
        UserError: the form is another, the language is unknown, or an engine cannot be loaded.
    """
    code, colon, engines = rest.partition(":")
    specs = engines.split(",,")
    if not colon or len(specs) > 2 or not all(specs):
        raise UserError(f"pivot:{rest} cannot be read; {FORM}")
    via = language(code).tag
    legs = [load_translator(spec) for spec in specs]
    return PivotTranslator(via, legs[0], legs[-1])


class PivotTranslator:
    """A chain of two translators, which may be one and the same."""

    def __init__(self, via: str, first: Translator, second: Translator) -> None:
        self.via, self.first, self.second = via, first, second
        can = (first.capabilities, second.capabilities)
        self.capabilities = Capabilities(
            n_best=can[1].n_best,
            sampling=can[1].sampling,
            documents=can[0].documents and can[1].documents,
            max_source_tokens=can[0].max_source_tokens,
        )

    @property
    def fingerprint(self) -> str:
        """The language between, and the fingerprints of both legs."""
        return f"pivot:{self.via}:{self.first.fingerprint},,{self.second.fingerprint}"

    @property
    def provenance(self) -> dict[str, Any]:
        """The language between, and what is known of both legs."""
        return {
            "engine": "pivot",
            "pivot": self.via,
            "first": self.first.provenance,
            "second": self.second.provenance,
        }

    def check(self, source: str, target: str) -> None:
        """Nothing, if both legs have their direction.

        Raises:
            UserError: one has not, or there is no second leg because the pivot is one of the languages.
        """
        if self.via in (language(source).tag, language(target).tag):
            raise UserError(
                f"from {source} to {target} through {self.via} is one leg only; name the engine without pivot:"
            )
        for leg, (translator, ends) in enumerate(((self.first, (source, self.via)), (self.second, (self.via, target)))):
            try:
                translator.check(*ends)
            except UserError as error:
                raise UserError(f"{_leg(leg, *ends)}: {error}") from None

    def translate(self, texts: Sequence[str], source: str, target: str, decoding: Decoding) -> list[Translation]:
        """One translation for each text, in their order; a failure says on which leg.

        Raises:
            UserError: the direction, or something in the decoding, is not to be had.
        """
        self.check(source, target)
        check_decoding(decoding, self.capabilities)
        # the first leg is searched for its best, whatever is wanted of the second
        between = self.first.translate(texts, source, self.via, replace(decoding, hypotheses=1))
        reached = [i for i, found in enumerate(between) if found.text is not None]
        pivots = [between[i].hypotheses[0] for i in reached]
        ends = self.second.translate([pivot.text for pivot in pivots], self.via, target, decoding)
        found = [Translation(failure=f"{_leg(0, source, self.via)}: {start.failure}") for start in between]
        for i, pivot, end in zip(reached, pivots, ends, strict=True):
            if end.failure is not None:
                found[i] = Translation(failure=f"{_leg(1, self.via, target)}: {end.failure}")
            else:
                found[i] = Translation(tuple(_chained(pivot, last) for last in end.hypotheses))
        return found

    def score(self, pairs: Sequence[tuple[str, str]], source: str, target: str) -> list[tuple[float, ...]]:
        """Nothing that could be had: a pair alone does not say through which pivot it came.

        Raises:
            UserError: always.
        """
        raise UserError(
            "a chain cannot score a pair, as there are many pivots between its sides; score with one engine"
        )


def _leg(number: int, source: str, target: str) -> str:
    return f"{('first', 'second')[number]} leg ({source} to {target})"


def _chained(first: Hypothesis, second: Hypothesis) -> Hypothesis:
    """The second leg's text with the sums of both legs, where both tell them."""
    total = tokens = None
    if first.log_probability is not None and second.log_probability is not None:
        total = first.log_probability + second.log_probability
    if first.tokens is not None and second.tokens is not None:
        tokens = first.tokens + second.tokens
    return Hypothesis(second.text, total, tokens)
