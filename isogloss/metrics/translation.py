"""Metrics of translations: corpus BLEU, chrF and TER as sacreBLEU computes them, and how often the language is wrong.

A score of translations means nothing without the tokeniser and the version behind it, so each comes with sacreBLEU's
signature. These are no `Metric`s of the benchmark: they compare texts, and no task here has texts as its answers.
`sentence_chrf` is sacreBLEU's own number, computed faster where the same texts are compared many times.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from isogloss.errors import UserError, nearest
from isogloss.languages import language

ORDERS = 6  # characters in the longest n-gram of chrF
BETA = 2  # chrF weighs recall twice as much as precision
# sacreBLEU's tokenisers where its default, 13a, finds no words
TOKENIZERS = {
    "zh": "zh",
    "zh-Hant": "zh",
    "yue": "zh",
    "ja": "char",
    "th": "char",
    "km": "char",
    "lo": "char",
    "my": "char",
}
KNOWN_TOKENIZERS = ("13a", "char", "intl", "none", "zh", "ja-mecab", "ko-mecab", "flores101", "flores200", "spBLEU-1K")


@dataclass(frozen=True, slots=True)
class Score:
    """A score of a corpus, with everything that is needed to compute it again."""

    name: str
    value: float  # chrF and BLEU from 0 to 100, more is better; TER in percent, less is better
    signature: str

    def __str__(self) -> str:
        return f"{self.name} = {self.value:.1f} |{self.signature}"


def translation_scores(
    hypotheses: Sequence[str],
    references: Sequence[str],
    target: str,
    names: Sequence[str] = ("chrF", "BLEU"),
    tokenizer: str | None = None,
) -> list[Score]:
    """The named scores (chrF, chrF++, BLEU, TER) of translations into `target`, one reference each.

    tokenizer: sacreBLEU's, for BLEU; by default 13a, or one that fits a language without spaces between words.

    Raises:
        UserError: sacreBLEU is not installed; the sides differ in length or are empty; no such score or tokeniser.
    """
    if len(hypotheses) != len(references) or not references:
        raise UserError(f"{len(hypotheses)} translations and {len(references)} references; give one for each, and some")
    measures = _measures(tokenizer or TOKENIZERS.get(language(target).tag, "13a"))
    unknown = [name for name in names if name not in measures]
    if unknown:
        raise UserError(f"no score {unknown[0]!r} of translations; {nearest(unknown[0], measures)}")
    scores = []
    for name in names:
        measure = measures[name]()
        value = measure.corpus_score(list(hypotheses), [list(references)]).score
        scores.append(Score(name, value, str(measure.get_signature())))
    return scores


def _measures(tokenizer: str) -> dict[str, Callable[[], Any]]:
    """sacreBLEU's metrics by our names."""
    try:
        from sacrebleu.metrics.bleu import BLEU
        from sacrebleu.metrics.chrf import CHRF
        from sacrebleu.metrics.ter import TER
    except ImportError:
        raise UserError("scores of translations need sacreBLEU: pip install 'isogloss[translate]'") from None
    if tokenizer not in KNOWN_TOKENIZERS:
        raise UserError(f"sacreBLEU has no tokeniser {tokenizer!r}; {nearest(tokenizer, KNOWN_TOKENIZERS)}")
    return {
        "chrF": CHRF,
        "chrF++": lambda: CHRF(word_order=2),
        "BLEU": lambda: BLEU(tokenize=tokenizer),
        "TER": TER,
    }


def off_target_rate(translations: Sequence[str], target: str, identify: Callable[[str], str]) -> float:
    """The share of translations, in percent, that `identify` takes for another language than `target`.

    identify: a text to its language, in any spelling. Empty translations are off target; scripts are not told apart.
    """
    if not translations:
        raise UserError("no translations to identify the language of")
    wanted = _primary(target)
    wrong = sum(not text.strip() or _primary(identify(text)) != wanted for text in translations)
    return 100 * wrong / len(translations)


def _primary(code: str) -> str:
    return language(code).tag.split("-")[0]


Ngrams = tuple[Counter[str], ...]


def character_ngrams(text: str) -> Ngrams:
    """The character n-grams of a text, white space left out, by their order."""
    letters = "".join(text.split())
    return tuple(Counter(letters[i : i + n] for i in range(len(letters) - n + 1)) for n in range(1, ORDERS + 1))


def sentence_chrf(hypothesis: Ngrams, reference: Ngrams) -> float:
    """chrF of one sentence, 0 to 100: sacreBLEU's, averaged over the orders that both sides are long enough for."""
    precision = recall = 0.0
    orders = 0
    for found, wanted in zip(hypothesis, reference, strict=True):
        if found and wanted:
            matched = sum(min(count, wanted[ngram]) for ngram, count in found.items() if ngram in wanted)
            precision += matched / found.total()
            recall += matched / wanted.total()
            orders += 1
    if not precision + recall:
        return 0.0
    precision, recall = precision / orders, recall / orders
    return 100 * (1 + BETA**2) * precision * recall / (BETA**2 * precision + recall)
