"""Metrics of MLQA (Lewis et al. 2020, arXiv 1910.07475): its script's rules, which differ by language.

Lower case, no punctuation of any script, no articles of the language (the context's), then tokens: white space, in
Chinese also every Han character. To the letter, oddities included: the Arabic article goes inside words as well, and
two answers that normalise to nothing match exactly with F1 0.
"""

import re
import string
import unicodedata
from functools import partial

from isogloss.metrics import Metric
from isogloss.metrics.ratios import ratio_percent
from isogloss.metrics.squad import best_answer_counts, exact_match, overlap_f1

ARTICLES = {
    "en": r"\b(a|an|the)\b",
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "vi": r"\b(của|là|cái|chiếc|những)\b",
    "ar": "ال",  # the script has a second alternative, which can never match
}
HAN = re.compile(r"([\u4e00-\u9fa5])")


def mlqa_tokens(text: str, language: str) -> list[str]:
    """Tokens of MLQA's script; `language` is a BCP-47 tag, and one without articles of its own loses none."""
    kept = (c for c in text.lower() if unicodedata.category(c)[0] != "P" and c not in string.punctuation)
    primary = language.split("-")[0]
    bare = "".join(kept)
    if primary in ARTICLES:
        bare = re.sub(ARTICLES[primary], " ", bare)
    return (HAN.sub(r" \1 ", bare) if primary == "zh" else bare).split()


RULES = "case:lower|punctuation:Unicode P and ASCII|articles:en es de vi ar|tokens:white space, zh by character"

MLQA_F1 = Metric(
    name="mlqa_F1",
    signature=f"mlqa_F1|{RULES}|empty:0|answers:best",
    counts=partial(best_answer_counts, tokens=mlqa_tokens, score=overlap_f1),
    value=ratio_percent,
)
MLQA_EXACT_MATCH = Metric(
    name="mlqa_exact_match",
    signature=f"mlqa_exact_match|{RULES}|empty:equal|answers:best",
    counts=partial(best_answer_counts, tokens=mlqa_tokens, score=exact_match),
    value=ratio_percent,
)
