"""The parts of a record that are translated, and the row of the parallel data set that is made of their translations.

Class labels are copied. The answer of a question is marked in its context and also translated alone, and is looked for
in the translated context; where it is not found, the row is rejected. Word tags are left to FILTER's self-teaching: the
translation has words but no tags.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from isogloss.data.parallel_set import Row
from isogloss.records import Answer, Offsets, Question, Record, Sentence, TaggedSentence, split_words
from isogloss.translation.answer_spans import find, mark, trimmed, unmark
from isogloss.translation.translator import Translation, least_similarity


@dataclass(frozen=True, slots=True)
class Part:
    """A text to be translated, and the stretches of it that must not be cut when it is divided into sentences."""

    text: str
    protected: tuple[Offsets, ...] = ()


def parts(record: Record) -> list[Part]:
    """The texts of a record that are translated, in the order in which `rebuild` wants them back."""
    match record:
        case Sentence():
            return [Part(text) for text in (record.text, record.text_pair) if text is not None]
        case TaggedSentence():
            return [Part(record.text, tuple((span.start, span.end) for span in record.spans))]
        case Question():
            return [Part(record.question), _context(record), *map(Part, _answers_alone(record))]


def rebuild(record: Record, translations: Sequence[Translation], language: str) -> Row:
    """The row of a record whose parts have been translated, one translation each, rejected if one that counts failed.

    The score is the log-probability per token of all that counts: the texts, not the answers translated alone.
    """
    original = replace(record, translations=())
    counted = translations[:2] if isinstance(original, Question) else translations
    if failures := list(filter(None, map(_failure, counted))):
        return Row(original=original, language=language, reason="engine", detail="; ".join(dict.fromkeys(failures)))
    similarity = least_similarity([each.hypotheses[0].similarity for each in counted])
    row = Row(original=original, language=language, score=_score(counted), similarity=similarity)
    texts = ["" if _failure(each) else each.text or "" for each in translations]
    match original:
        case Sentence():
            pair = texts[1] if original.text_pair is not None else None
            made = replace(original, language=language, text=texts[0], text_pair=pair)
        case TaggedSentence():
            words = split_words(texts[0])
            made = TaggedSentence(id=original.id, language=language, text=texts[0], words=words)
        case Question():
            return _with_answers(row, original, texts)
    return replace(row, translation=made)


def _failure(translation: Translation) -> str | None:
    """Why there is no text that could be written down; None if there is one."""
    if translation.text is None:
        return translation.failure or "no translation"
    half = any("\ud800" <= character <= "\udfff" for character in translation.text)
    return "half a character (a lone surrogate)" if half else None


def _score(translations: Sequence[Translation]) -> float | None:
    """The log-probability per token of all of them together; None if the engine does not tell."""
    total, tokens = 0.0, 0
    for translation in translations:
        best = translation.hypotheses[0]
        if best.log_probability is None or best.tokens is None:
            return None
        total, tokens = total + best.log_probability, tokens + best.tokens
    return total / tokens if tokens else None


def _context(record: Question) -> Part:
    """The context with its first answer, the one that is trained on, between markers."""
    if not record.answers or not record.answers[0].text.strip():
        return Part(record.context)
    answer = record.answers[0]
    text, stretch = mark(record.context, (answer.start, answer.start + len(answer.text)))
    return Part(text, (stretch,))


def _answers_alone(record: Question) -> list[str]:
    """The distinct answers, in their order."""
    return list(dict.fromkeys(text for answer in record.answers if (text := answer.text.strip())))


def _with_answers(row: Row, original: Question, texts: Sequence[str]) -> Row:
    """The row of a question; it is rejected if its first answer is not found, a further one is left out."""
    context, marked = texts[1], None
    alone = dict(zip(_answers_alone(original), texts[2:], strict=True))
    if original.answers and original.answers[0].text.strip():
        context, marked = unmark(context, original.context)
    found: dict[Offsets, str] = {}
    for number, answer in enumerate(original.answers):
        name = answer.text.strip()
        if not name:  # the question has no answer, here and there
            found.setdefault((0, 0), "empty")
            continue
        wanted = trimmed(alone[name], name)
        place = find(context, wanted, answer.start / len(original.context), marked if number == 0 else None)
        if place is not None:
            found.setdefault(*place)
        elif number == 0:
            row = replace(row, reason="answer_lost", detail=f"{name!r} (alone {wanted!r}) is not in the translation")
            break
    answers = tuple(Answer(context[start:end], start) for start, end in found)
    made = Question(id=original.id, language=row.language, question=texts[0], context=context, answers=answers)
    return replace(row, translation=made, status=tuple(found.values()))
