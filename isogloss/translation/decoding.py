"""Decoding by named rules: the words of the command line, and which of several finished hypotheses is the best.

The letters: |Y| is the number of a hypothesis's tokens, the end included and what the model was forced to begin with
left out; |X| that of the source. The score of a hypothesis is log P(Y|X) / lp(Y) + cp(X;Y):

    length=none      lp = 1
    length=power     lp = |Y|^alpha                 transformers and CTranslate2 call this the length penalty
    length=gnmt      lp = ((5 + |Y|) / 6)^alpha     Wu et al. 2016, arXiv 1609.08144
    coverage=beta    cp = beta * sum over i of log(min(sum over j of p_ij, 1))    the same; p_ij attention of j to i

An alpha that was tuned under one rule is wrong under another, so it is never accepted without its rule. These rules
rank finished hypotheses, so they are the same on every engine. While it searches an engine has a rule of its own, and
it is asked for as many hypotheses as its beam holds.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from isogloss.errors import UserError, nearest
from isogloss.metrics.translation import character_ngrams, sentence_chrf
from isogloss.translation.translator import Capabilities, Decoding, Hypothesis

LENGTH_RULES = ("none", "power", "gnmt")
LEAST_ATTENTION = 1e-6  # a token that nothing attended to: its logarithm is still a number that can be compared
FIXED_TOKENS = 20  # on top of the output limit, for short sources


def read_decoding(text: str) -> Decoding:
    """The decoding that `beam=5,length=gnmt,alpha=0.6` describes; what is not said keeps its default.

    Raises:
        UserError: a key is unknown, a value cannot be read, or two of them contradict each other.
    """
    types = {field.name: field.type for field in fields(Decoding)}
    said: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise UserError(f"decoding {text!r}: {part!r} is not key=value; write for example beam=5,length=none")
        if key not in types:
            raise UserError(f"decoding {text!r}: no key {key!r}; {nearest(key, types)}")
        if key in said:
            raise UserError(f"decoding {text!r}: {key} is said twice")
        said[key] = value
    _check_words(said, text)
    values: dict[str, Any] = {key: _value(key, value, types[key], text) for key, value in said.items()}
    decoding = Decoding(**values)
    check_decoding(decoding)
    return decoding


def write_decoding(decoding: Decoding) -> str:
    """What `read_decoding` reads: all values that are not the defaults, and an alpha with its rule."""
    default = Decoding()
    said = {f.name: getattr(decoding, f.name) for f in fields(Decoding)}
    kept = {key: value for key, value in said.items() if value != getattr(default, key)}
    if "alpha" in kept or "length" in kept:
        kept |= {"length": decoding.length} | ({} if decoding.length == "none" else {"alpha": decoding.alpha})
    if decoding.length == "none":
        kept.pop("alpha", None)
    return ",".join(f"{key}={kept[key]}" for key in said if key in kept)


def check_decoding(decoding: Decoding, can: Capabilities | None = None) -> None:
    """Nothing, if the values make sense, and if an engine that `can` do so much can do it.

    Raises:
        UserError: they do not, or it cannot.
    """
    least = {"beam": 1, "hypotheses": 1, "samples": 0, "seed": 0, "alpha": 0, "coverage": 0}
    for key, bound in least.items():
        if not getattr(decoding, key) >= bound:
            raise UserError(f"decoding: {key} is {getattr(decoding, key)}; it must be {bound} or more")
    for key in ("temperature", "top_p", "output_limit"):
        if not 0 < getattr(decoding, key) < math.inf:
            raise UserError(f"decoding: {key} is {getattr(decoding, key)}; it must be more than 0")
    if decoding.top_p > 1:
        raise UserError(f"decoding: top_p is {decoding.top_p}; it is a share, at most 1")
    if decoding.length not in LENGTH_RULES:
        raise UserError(f"decoding: no length rule {decoding.length!r}; {nearest(decoding.length, LENGTH_RULES)}")
    room = decoding.samples or decoding.beam
    if decoding.hypotheses > room:
        keyword = "samples" if decoding.samples else "beam"
        raise UserError(
            f"decoding: {decoding.hypotheses} hypotheses out of {room}; set {keyword} to {decoding.hypotheses} or more"
        )
    if can and decoding.samples and not can.sampling:
        raise UserError(f"this engine draws no samples (samples={decoding.samples}); leave samples out")
    if can and decoding.coverage and not can.attention:
        raise UserError(f"this engine tells no attention (coverage={decoding.coverage}); leave coverage out")
    if can and decoding.hypotheses > 1 and not (can.n_best or decoding.samples):
        raise UserError(f"this engine gives one hypothesis, {decoding.hypotheses} are asked for; leave hypotheses out")


def most_output_tokens(source_tokens: int, decoding: Decoding) -> int:
    """How long a translation may be, the end included, before it counts as one that does not end."""
    return int(decoding.output_limit * source_tokens) + FIXED_TOKENS


def search_exponent(decoding: Decoding) -> float:
    """The exponent of |Y| for the search of an engine that knows the power rule only; GNMT's grows like it."""
    return 0.0 if decoding.length == "none" else decoding.alpha


def length_divisor(tokens: int, decoding: Decoding) -> float:
    """lp(Y) of a hypothesis of so many tokens."""
    if decoding.length == "none":
        return 1.0
    return (tokens if decoding.length == "power" else (5 + tokens) / 6) ** decoding.alpha


def coverage_penalty(attention: Sequence[float], beta: float) -> float:
    """cp(X;Y) of what each source token was attended to in all, at most 0."""
    return beta * sum(math.log(min(max(total, LEAST_ATTENTION), 1.0)) for total in attention)


def hypothesis_score(hypothesis: Hypothesis, decoding: Decoding) -> float:
    """log P(Y|X) / lp(Y) + cp(X;Y) in nats.

    Raises:
        UserError: the engine told no log-probability, or no attention where coverage counts.
    """
    if hypothesis.log_probability is None or hypothesis.tokens is None:
        raise UserError("this engine tells no log-probabilities, so its hypotheses cannot be ranked by length")
    score = hypothesis.log_probability / length_divisor(hypothesis.tokens, decoding)
    if decoding.coverage:
        if hypothesis.attention is None:
            raise UserError("this engine told no attention, so coverage cannot be counted; leave coverage out")
        score += coverage_penalty(hypothesis.attention, decoding.coverage)
    return score


def ranked(hypotheses: Sequence[Hypothesis], decoding: Decoding) -> tuple[Hypothesis, ...]:
    """The hypotheses to be returned, best first: by their scores, or by minimum Bayes risk where they are samples.

    A single one needs no score. Among equals the engine's order stays.
    """
    if decoding.samples:
        best = minimum_bayes_risk(hypotheses)
    elif len(hypotheses) > 1:
        best = sorted(hypotheses, key=lambda hypothesis: -hypothesis_score(hypothesis, decoding))
    else:
        best = list(hypotheses)
    return tuple(best[: decoding.hypotheses])


def minimum_bayes_risk(samples: Sequence[Hypothesis]) -> list[Hypothesis]:
    """The different texts among the samples, by their mean chrF against all samples, themselves included.

    A text that is drawn often counts as often, both as a hypothesis's company and as its own.
    """
    counts = Counter(sample.text for sample in samples)
    ngrams = {text: character_ngrams(text) for text in counts}
    utility = {
        text: sum(count * sentence_chrf(ngrams[text], ngrams[other]) for other, count in counts.items())
        for text in counts
    }
    first = {sample.text: sample for sample in reversed(samples)}
    return [first[text] for text in sorted(counts, key=lambda text: -utility[text])]


def _check_words(said: dict[str, str], text: str) -> None:
    """Raises for words that would go unheard, or be heard otherwise than meant."""
    length = said.get("length")
    if "alpha" in said and length is None:
        raise UserError(f"decoding {text!r}: alpha belongs to a rule; write length=power,alpha={said['alpha']}")
    if "alpha" in said and length == "none":
        raise UserError(f"decoding {text!r}: length=none has no alpha; leave it out")
    if length == "gnmt" and "alpha" not in said:
        raise UserError(f"decoding {text!r}: length=gnmt needs its exponent, for example alpha=0.6")
    drawn = said.get("samples", "0") != "0"
    for key in ("beam", "length", "coverage") if drawn else ("temperature", "top_p", "seed"):
        if key in said:
            other = "samples are drawn without it" if drawn else "it is for samples; add samples=16"
            raise UserError(f"decoding {text!r}: {key} goes unheard: {other}")


def _value(key: str, value: str, kind: object, text: str) -> int | float | str:
    if kind is str:
        return value
    try:
        return int(value) if kind is int else float(value)
    except ValueError:
        needed = "a whole number" if kind is int else "a number"
        raise UserError(f"decoding {text!r}: {key} is {value!r}; it must be {needed}") from None
