"""Metrics of extractive question answering.

`squad_F1` and `squad_exact_match` follow the SQuAD script to the letter in every language, as XQuAD and TyDi
QA are reported: ASCII punctuation and the English articles go, tokens are split at white space. In Chinese,
Japanese or Thai that makes an answer one token, and F1 is exact match. `answer_F1` mends this: punctuation of
every script goes, and a character of a script written without spaces is a token.
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from isogloss.errors import UserError
from isogloss.metrics import Metric
from isogloss.metrics.ratios import ratio_percent
from isogloss.records import UNSPACED, AnswerPrediction, Question, split_words

ARTICLES = re.compile(r"\b(a|an|the)\b")
ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)


def squad_tokens(text: str, _: str = "") -> list[str]:
    """Tokens of the SQuAD script in any language: lower case, no ASCII punctuation, no a, an, the; split at spaces."""
    return ARTICLES.sub(" ", text.lower().translate(ASCII_PUNCTUATION)).split()


def script_tokens(text: str, _: str = "") -> list[str]:
    """`squad_tokens` without punctuation of any script; each Han, Kana, Thai ... character is a token."""
    text = "".join(c for c in text if unicodedata.category(c)[0] != "P")
    tokens: list[str] = []
    for token in squad_tokens(text):
        if any(unicodedata.name(c, "").startswith(UNSPACED) for c in token):
            tokens += [token[start:end] for start, end in split_words(token)]
        else:
            tokens.append(token)
    return tokens


def bag_f1(prediction: list[str], gold: list[str]) -> float:
    """F1 in [0, 1] of two bags of tokens; two empty ones agree."""
    if not prediction or not gold:
        return float(prediction == gold)
    return 2 * (Counter(prediction) & Counter(gold)).total() / (len(prediction) + len(gold))


def overlap_f1(prediction: list[str], gold: list[str]) -> float:
    """F1 in [0, 1] of two bags of tokens; 0 where they share none, so that two empty ones do not agree."""
    return bag_f1(prediction, gold) if prediction and gold else 0.0


def exact_match(prediction: list[str], gold: list[str]) -> float:
    """1 for the same tokens in the same order, else 0."""
    return float(prediction == gold)


def best_answer_counts(
    gold: Sequence[Question],
    predictions: Sequence[AnswerPrediction],
    labels: Sequence[str],
    *,
    tokens: Callable[[str, str], list[str]],
    score: Callable[[list[str], list[str]], float],
) -> np.ndarray:
    """Score against the best-matching gold answer, and 1, of each item, (items, 2).

    tokens: of a text in a language (the record's).

    Raises:
        UserError: a question has no gold answer.
    """
    counts = np.ones((len(gold), 2))
    for row, record, guess in zip(counts, gold, predictions, strict=True):
        if not record.answers:
            raise UserError(f"question {record.id!r} ({record.language}) has no answer; score a labelled split")
        found = tokens(guess.text, record.language)
        row[0] = max(score(found, tokens(answer.text, record.language)) for answer in record.answers)
    return counts


SQUAD_RULES = "case:lower|punctuation:ASCII|articles:en|tokens:white space|empty:equal|answers:best"
SCRIPT_RULES = (
    "case:lower|punctuation:Unicode P|articles:en"
    "|tokens:white space, and each character of Han, Kana, Thai, Lao, Khmer, Myanmar, Tibetan"
    "|empty:equal|answers:best"
)

SQUAD_F1 = Metric(
    name="squad_F1",
    signature=f"squad_F1|{SQUAD_RULES}|zh,ja,th:F1 is nearly exact match",
    counts=partial(best_answer_counts, tokens=squad_tokens, score=bag_f1),
    value=ratio_percent,
)
SQUAD_F1_XTREME = Metric(  # the evaluation script of XTREME differs in this alone
    name="squad_F1_xtreme",
    signature=f"squad_F1|{SQUAD_RULES.replace('empty:equal', 'empty:0')}",
    counts=partial(best_answer_counts, tokens=squad_tokens, score=overlap_f1),
    value=ratio_percent,
)
SQUAD_EXACT_MATCH = Metric(
    name="squad_exact_match",
    signature=f"squad_exact_match|{SQUAD_RULES}",
    counts=partial(best_answer_counts, tokens=squad_tokens, score=exact_match),
    value=ratio_percent,
)
ANSWER_F1 = Metric(
    name="answer_F1",
    signature=f"answer_F1|{SCRIPT_RULES}",
    counts=partial(best_answer_counts, tokens=script_tokens, score=bag_f1),
    value=ratio_percent,
)
