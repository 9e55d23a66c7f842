"""Metrics of translations: corpus BLEU, chrF and TER as sacreBLEU computes them, and how often the language is wrong.

A score of translations means nothing without the tokeniser and the version behind it, so each comes with sacreBLEU's
signature. The `Metric`s count per sentence what sacreBLEU sums over a corpus: their values are its corpus scores, and a
resample of sentences has its own. A sentence that was not translated counts as an empty one. `sentence_chrf` is
sacreBLEU's own number, computed faster where the same texts are compared many times.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from string import punctuation
from typing import Any

import numpy as np

from isogloss.errors import UserError, nearest
from isogloss.languages import language
from isogloss.metrics import Metric
from isogloss.metrics.ratios import ratio_percent
from isogloss.records import Bitext, TranslationPrediction

ORDERS = 6  # characters in the longest n-gram of chrF
WORD_ORDERS = 2  # words in the longest n-gram that chrF++ has besides
BLEU_ORDERS = 4  # words in the longest n-gram of BLEU
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
    measures = _measures(tokenizer or tokenizer_of(target))
    unknown = [name for name in names if name not in measures]
    if unknown:
        raise UserError(f"no score {unknown[0]!r} of translations; {nearest(unknown[0], measures)}")
    scores = []
    for name in names:
        measure = measures[name]()
        value = measure.corpus_score(list(hypotheses), [list(references)]).score
        scores.append(Score(name, value, str(measure.get_signature())))
    return scores


def tokenizer_of(target: str) -> str:
    """sacreBLEU's tokeniser for a language: 13a, or one that fits where there are no spaces between words."""
    return TOKENIZERS.get(language(target).tag, "13a")


def signature(name: str, target: str) -> str:
    """sacreBLEU's signature of a score of translations into a language, one reference each."""
    measure = _measures(tokenizer_of(target))[name]()
    measure.corpus_score(["a"], [["a"]])  # it counts the references before it can tell
    return f"{name}|{measure.get_signature()}"


def _measures(tokenizer: str, sentences: bool = False) -> dict[str, Callable[[], Any]]:
    """sacreBLEU's metrics by our names; of `sentences` BLEU leaves out the orders that one is too short for."""
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
        "BLEU": lambda: BLEU(tokenize=tokenizer, effective_order=sentences),
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


def sentence_gleu(hypothesis: Sequence[Hashable], reference: Sequence[Hashable]) -> float:
    """GLEU of one sentence, 0 to 1: the smaller of precision and recall of its n-grams of 1 to 4 words or pieces.

    Wu et al. 2016, arXiv 1609.08144: BLEU says little of a single sentence, and this is to be a reward for one.
    """
    found, wanted = (
        Counter(tuple(side[i : i + n]) for n in range(1, BLEU_ORDERS + 1) for i in range(len(side) - n + 1))
        for side in (hypothesis, reference)
    )
    return (found & wanted).total() / max(found.total(), wanted.total(), 1)


def chrf_counts(
    gold: Sequence[Bitext],
    predictions: Sequence[TranslationPrediction],
    labels: Sequence[str],
    *,
    ngrams: Callable[[str], Ngrams],
) -> np.ndarray:
    """n-grams of the translation, of the reference and of both, by order, (items, 3 * orders).

    Orders that the reference is too short for count for nothing in the translation.
    """
    rows = []
    for record, guess in zip(gold, predictions, strict=True):
        sides = zip(ngrams(guess.translation or ""), ngrams(record.translation), strict=True)
        rows.append([(one.total() if other else 0, other.total(), (one & other).total()) for one, other in sides])
    orders = len(ngrams(""))
    return np.array(rows, float).reshape(-1, orders, 3).swapaxes(1, 2).reshape(-1, 3 * orders)


def words_and_characters(text: str) -> Ngrams:
    """The n-grams of chrF++: of characters, then of words, from which one mark at the end or the beginning is cut."""
    words: list[str] = []
    for word in text.split():
        if len(word) > 1 and word[-1] in punctuation:
            words += [word[:-1], word[-1]]
        elif len(word) > 1 and word[0] in punctuation:
            words += [word[0], word[1:]]
        else:
            words.append(word)
    shifted = [words[i:] for i in range(WORD_ORDERS)]
    return character_ngrams(text) + tuple(
        Counter(map(" ".join, zip(*shifted[:n], strict=False))) for n in range(1, WORD_ORDERS + 1)
    )


def chrf_value(sums: np.ndarray) -> np.ndarray:
    """chrF in percent, (..., 3 * orders) -> (...): of the means over the orders that both sides have."""
    found, wanted, both = np.moveaxis(sums.reshape(*sums.shape[:-1], 3, -1), -2, 0)
    there = (found > 0) & (wanted > 0)
    orders = np.maximum(there.sum(-1), 1)
    precision, recall = ((both / np.where(side > 0, side, 1) * there).sum(-1) / orders for side in (found, wanted))
    weighed = BETA**2 * precision + recall
    return 100 * (1 + BETA**2) * precision * recall / np.where(weighed > 0, weighed, 1)


def bleu_counts(
    gold: Sequence[Bitext], predictions: Sequence[TranslationPrediction], labels: Sequence[str]
) -> np.ndarray:
    """Words of the translation and of the reference, then right n-grams and n-grams by order, (items, 10)."""
    rows = []
    for record, guess in zip(gold, predictions, strict=True):
        measure = _bleu(tokenizer_of(record.translation_language))
        found = measure.sentence_score(guess.translation or "", [record.translation])
        rows.append([found.sys_len, found.ref_len, *found.counts, *found.totals])
    return np.array(rows, float).reshape(-1, 2 + 2 * BLEU_ORDERS)


def bleu_value(sums: np.ndarray) -> np.ndarray:
    """BLEU in percent, (..., 10) -> (...); an order without a right n-gram counts half of one, the next a quarter."""
    found, wanted = sums[..., 0], sums[..., 1]
    right, total = np.split(sums[..., 2:], 2, axis=-1)
    halved = 0.5 ** np.cumsum(right == 0, axis=-1)
    precision = np.where(right > 0, right, halved) / np.where(total > 0, total, 1)
    brevity = np.exp(np.minimum(0, 1 - wanted / np.where(found > 0, found, 1)))
    there = (right > 0).any(-1) & (total > 0).all(-1)
    return np.where(there, 100 * brevity * np.exp(np.log(precision).mean(-1)), 0.0)


def gleu_counts(
    gold: Sequence[Bitext], predictions: Sequence[TranslationPrediction], labels: Sequence[str]
) -> np.ndarray:
    """Right n-grams, and n-grams of the longer side, of each item, (items, 2); the words are BLEU's."""
    found, wanted, *more = bleu_counts(gold, predictions, labels).T
    shorter = np.arange(BLEU_ORDERS)[:, None]
    most = (np.maximum(np.maximum(found, wanted) - shorter, 0)).sum(0)
    return np.stack([sum(more[:BLEU_ORDERS]), most], 1)


def ter_counts(
    gold: Sequence[Bitext], predictions: Sequence[TranslationPrediction], labels: Sequence[str]
) -> np.ndarray:
    """Edits of the translation, and words of the reference, (items, 2)."""
    measure = _measures("none")["TER"]()
    scores = [
        measure.sentence_score(guess.translation or "", [record.translation])
        for record, guess in zip(gold, predictions, strict=True)
    ]
    return np.array([[score.num_edits, score.ref_length] for score in scores], float).reshape(-1, 2)


def off_target_counts(
    gold: Sequence[Bitext], predictions: Sequence[TranslationPrediction], labels: Sequence[str]
) -> np.ndarray:
    """Whether the translation is surely in another of the languages, or empty, and 1, of each item, (items, 2).

    labels: the languages that come into question; without any those of the pair. Nothing is counted where the
    identifier does not know the language that is wanted.
    """
    from isogloss.language_id import in_another

    rows = []
    for record, guess in zip(gold, predictions, strict=True):
        among = labels or (record.language, record.translation_language)
        wrong = in_another(guess.translation or "", record.translation_language, among)
        empty = not (guess.translation or "").strip()
        rows.append([0, 0] if wrong is None else [wrong or empty, 1])
    return np.array(rows, float).reshape(-1, 2)


@cache
def _bleu(tokenizer: str) -> Any:
    """sacreBLEU's BLEU of a sentence, of which the counts alone are used."""
    return _measures(tokenizer, sentences=True)["BLEU"]()


CHRF = Metric(
    name="chrF",
    signature="chrF|nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no",
    counts=partial(chrf_counts, ngrams=character_ngrams),
    value=chrf_value,
)
CHRF_PP = Metric(
    name="chrF++",
    signature="chrF++|nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no",
    counts=partial(chrf_counts, ngrams=words_and_characters),
    value=chrf_value,
)
BLEU = Metric(
    name="BLEU",
    signature="BLEU|nrefs:1|case:mixed|eff:no|tok:13a, zh or char by the target language|smooth:exp",
    counts=bleu_counts,
    value=bleu_value,
)
GLEU = Metric(
    name="GLEU",
    signature="GLEU|nrefs:1|case:mixed|orders:1-4|tok:13a, zh or char by the target language|n-grams summed over items",
    counts=gleu_counts,
    value=ratio_percent,
)
TER = Metric(
    name="TER",
    signature="TER|nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|less is better",
    counts=ter_counts,
    value=ratio_percent,
)
OFF_TARGET = Metric(
    name="off_target",
    signature="off_target|unit:item|another language by py3langid, p >= 0.95, or empty|less is better",
    counts=off_target_counts,
    value=ratio_percent,
)
