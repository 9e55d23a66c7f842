"""Text as it is usually written: without the spaces that tokenised corpora put between its parts."""

import re

CJK = r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]"
SPACES = (
    (re.compile(r"\s+"), " "),
    (re.compile(rf"(?<={CJK}) | (?={CJK})"), ""),
    (re.compile(r" ([.,!?;:)%]|n't\b|'(?:s|re|ve|m|ll|d)\b)"), r"\1"),
    (re.compile(r"\( "), "("),
)


def tidy(text: str) -> str:
    """The text without the spaces that tokenised corpora put before punctuation and between Chinese characters."""
    for pattern, replacement in SPACES:
        text = pattern.sub(replacement, text)
    return text.strip()
