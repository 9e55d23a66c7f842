"""What a language model answered, made into a translation: without its thoughts, labels, quotes and additions.

Nothing is cut because of its length in words, which says nothing in scripts without spaces. An answer ends at its line,
at the label of a further example, and, if it is much longer than the text and has more sentences, after as many
sentences as the text has.
"""

import re

from isogloss.language_id import language_among
from isogloss.translation.prompts import Labels

THOUGHTS = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
THINKING = re.compile(r"</?think(?:ing)?>")
FENCE = re.compile(r"^```\w*$")
# an end mark with what closes after it; the marks of scripts written with spaces need one behind them
SENTENCE_END = re.compile(r"""(?:[.!?…؟۔।॥։።]+["'”’»)\]]*(?=\s|$)|[。！？｡။]+[」』”’）]*)""")
QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“", "«": "»", "»": "«", "「": "」", "‘": "’", "`": "`"}
MUCH_LONGER = 2.5  # times the text's UTF-8 bytes
SOME_WORDS = 30  # bytes more than that: a text of one word may well have a translation of five


def cleaned(answer: str, text: str, labels: Labels) -> str:
    """The translation in an answer, on one line; empty if there is none."""
    answer = THOUGHTS.sub("", answer)
    if THINKING.search(answer):  # thoughts that do not end, or began before the answer
        answer = answer.rpartition("</think>")[2] if "</think>" in answer else ""
    lines = [line.strip() for line in answer.splitlines()]
    lines = [line for line in lines if line and not FENCE.match(line)]
    if not lines:
        return ""
    announced = len(lines) > 1 and lines[0].endswith((":", "：")) and not text.rstrip().endswith((":", "："))
    line = lines[1] if announced else lines[0]
    line = _without_label(line, text, labels)
    return repaired(_without_quotes(line, text), text)


def repaired(line: str, text: str) -> str:
    """The line without the sentences that a model went on to write.

    Only where it has more sentences than the text and is more than MUCH_LONGER; then as many stay as the text has.
    """
    wanted = max(1, len(SENTENCE_END.findall(text.rstrip())))
    ends = [match.end() for match in SENTENCE_END.finditer(line)]
    sentences = len(ends) + (not ends or bool(line[ends[-1] :].strip()))
    if sentences <= wanted or len(line.encode()) <= MUCH_LONGER * len(text.encode()) + SOME_WORDS:
        return line
    return line[: ends[wanted - 1]].strip()


def wrong_language(answer: str, source: str, target: str) -> str | None:
    """The language of the answer, if it is the text's own or English and not the one that was asked for."""
    found = language_among(answer, dict.fromkeys((target, source, "en")))
    return found if found not in (None, target) else None


def _without_label(line: str, text: str, labels: Labels) -> str:
    """The line without the label of its own language before it, and without another example after it."""
    for label in (labels.target, "Translation"):
        if line.startswith(f"{label}:") and not text.startswith(f"{label}:"):
            line = line.removeprefix(f"{label}:").strip()
    further = f"{labels.source}:"
    if further in line and further not in text:
        line = line[: line.index(further)].strip()
    return line


def _without_quotes(line: str, text: str) -> str:
    text = text.strip()
    closing = QUOTES.get(line[:1])
    quoted = len(line) > 1 and closing and line.endswith(closing) and closing not in line[1:-1]
    return line[1:-1].strip() if quoted and text[:1] not in QUOTES else line
