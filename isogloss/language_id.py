"""Which of a few languages a text is in, by py3langid's byte n-grams; None where that cannot be told.

Only languages that come into question are compared: an identifier of a hundred languages errs on a short text, one of
two or three hardly does.
"""

from collections.abc import Iterable
from copy import copy
from functools import cache
from typing import Any

from isogloss.errors import UserError
from isogloss.languages import language

OTHER_NAMES = {"nb": "no", "fil": "tl", "gn": "gug"}  # the identifier's, where they are neither our tag nor ISO 639-3
SURE = 0.95  # probability below which nothing is said; right for 9,995 of 10,000 sentences of SIB-200 against English
LONG = 60  # letters of a text whose language is looked for among all; of 8,000 such texts of SIB-200 none was mistaken
LETTERS = 12  # fewer are a name or a number, of no language


def language_among(text: str, tags: Iterable[str]) -> str | None:
    """The one of the languages that the text is in; None if it is too short, unsure, or one is not known.

    Raises:
        UserError: py3langid is not installed.
    """
    labels = {tag: _label(tag) for tag in tags}
    if None in labels.values() or len(set(labels.values())) < len(labels) or len(labels) < 2:
        return None
    if sum(character.isalpha() for character in text) < LETTERS:
        return None
    found, probability = _identifier(frozenset(labels.values())).classify(text)
    return next(tag for tag, label in labels.items() if label == found) if probability >= SURE else None


def in_another(text: str, tag: str, among: Iterable[str]) -> bool | None:
    """Whether the text is surely in another of the languages than the one with that tag; None if that is not known.

    Languages that the identifier does not know, or cannot tell from the one that is wanted, do not come into question.
    """
    if (expected := _label(tag)) is None:
        return None
    labels = {label for each in among if (label := _label(each)) is not None} | {expected}
    if len(labels) < 2 or sum(character.isalpha() for character in text) < LETTERS:
        return False
    found, probability = _identifier(frozenset(labels)).classify(text)
    return found != expected and probability >= SURE


def other_language(text: str, tag: str) -> str | None:
    """The language that a long text seems to be in, if it is not the one with that tag; None where nothing is known."""
    if (expected := _label(tag)) is None or sum(character.isalpha() for character in text) < LONG:
        return None
    found, probability = _identifier(None).classify(text)
    return found if found != expected and probability >= SURE else None


def probabilities(text: str, tag: str) -> tuple[float, str, float] | None:
    """That of the language with the tag, the likeliest of all and that one's; None for a language that is not known."""
    if (expected := _label(tag)) is None:
        return None
    ranked = _identifier(None).rank(text)
    return dict(ranked)[expected], *ranked[0]


@cache
def _label(tag: str) -> str | None:
    """The identifier's name of a language; None if it has none. It knows no scripts: zh-Hant is its zh."""
    known = set(_identifier(None).labels)
    known_language = language(tag)
    base = known_language.tag.split("-")[0]
    return next((name for name in (base, known_language.iso639_3, OTHER_NAMES.get(base)) if name in known), None)


@cache
def _identifier(labels: frozenset[str] | None) -> Any:
    """The identifier of these languages; None stands for all. The model is read once."""
    if labels is not None:
        made = copy(_identifier(None))
        made.set_languages(labels)
        return made
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        raise UserError("telling languages apart needs py3langid; pip install 'isogloss[translate]'") from None
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
