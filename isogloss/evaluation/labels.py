"""Names of rows and languages in tables."""

import json
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from isogloss.errors import UserError
from isogloss.evaluation.results import Result
from isogloss.languages import language

ALWAYS_NAMED = ("self_teaching",)  # a reader takes it for another method, also where all runs have it
NO_ENCODER = "none"  # of a control without one
SEEDS = ("seed", "seeds")
TRAIN_PAIRINGS = "train_pairings"
TRANSLATOR = "translator"  # of the settings: who made what is read beside the texts, if a translator did
QUALITY = "translation_chrF"  # of the data: how good that is, by language, against human translations
READ_ALONE = "read_alone"  # of the data: how many texts have none, by language


def row_labels(results: Sequence[Result]) -> list[str]:
    """A distinct label for each row: its name, and its encoder where there are several."""
    several_encoders = len({result.encoder for result in results} - {NO_ENCODER}) > 1
    return [
        f"{name}, {result.encoder}" if several_encoders and result.encoder != NO_ENCODER else name
        for name, result in zip(row_names(results), results, strict=True)
    ]


def row_names(results: Sequence[Result]) -> list[str]:
    """A name for each row, distinct but for encoders: the method and what tells it from the other rows of that method.

    A setting that is off in some rows and has one other value is named by itself (`filter + self-teaching`);
    any other difference with its value (`filter, local_layers=2`). Pairings are always told.
    """
    names = []
    for result in results:
        family = [other for other in results if other.method == result.method]
        parts = [_with_settings(result, family), *_trained_on(result, family), *_pairing(result, family)]
        names.append(", ".join(parts))
    return names


def language_name(tag: str) -> str:
    """The English name of a language, or the tag itself where it has none, as a direction such as `en-de`."""
    try:
        found = language(tag)
    except UserError:
        return tag
    return found.name if found.tag == tag else tag  # en-de could also be the English of Germany


def _with_settings(result: Result, family: Sequence[Result]) -> str:
    own, all_settings = _flat(result.settings), [_flat(other.settings) for other in family]
    added, valued = "", []
    for name in sorted({name for settings in all_settings for name in settings}):
        values = {json.dumps(settings.get(name), default=str): settings.get(name) for settings in all_settings}
        on = [value for value in values.values() if value]
        if len(on) == 1 and (len(values) > 1 or name in ALWAYS_NAMED):
            added += f" + {name.replace('_', '-')}" if own.get(name) else ""
        elif len(values) > 1:
            valued.append(f"{name}={own.get(name)}")
    return ", ".join([result.method + added, *valued])


def _pairing(result: Result, family: Sequence[Result]) -> list[str]:
    if result.pairing == "none" and len({other.pairing for other in family}) == 1:
        return []
    if TRANSLATOR in result.settings:
        return [_translated_by(result)]
    return [] if result.pairing == "translation" else [_side(result.pairing, result.train_language)]


def _translated_by(result: Result) -> str:
    """Who made the other side, and how good it is: no score that depends on it stands without that."""
    quality, alone = result.data.get(QUALITY), sum(result.data.get(READ_ALONE, {}).values())
    texts = sum(score.n for tag, score in result.languages.items() if tag != result.train_language)
    told = [f"chrF {fmean(quality.values()):.1f}"] if quality else []
    told += [f"{100 * alone / texts:.0f} % read alone"] if alone else []
    name = f"{language_name(result.train_language)} by {result.settings[TRANSLATOR]}"
    return f"{name} ({', '.join(told)})" if told else name


def _trained_on(result: Result, family: Sequence[Result]) -> list[str]:
    """The pairings of the training, unless it saw translations alone; the only mixture of a table is called mixed."""
    own = _train_pairings(result)
    if own == ("translation",):
        return []
    mixtures = {pairings for other in family if len(pairings := _train_pairings(other)) > 1}
    if mixtures == {own}:
        return [f"mixed {language_name(result.train_language)} in training"]
    return [" and ".join(_side(pairing, result.train_language) for pairing in own) + " in training"]


def _train_pairings(result: Result) -> tuple[str, ...]:
    return tuple(result.settings.get(TRAIN_PAIRINGS, ("translation",)))


def _side(pairing: str, train_language: str) -> str:
    """The other side that a pairing gives, in words."""
    source = language_name(train_language)
    names = {
        "translation": source,
        "machine": f"machine-translated {source}",
        "none": "no translation",
        "self": "paired with itself",
        "shuffled": f"shuffled {source}",
        "word_dropout": f"{source} with words dropped",
        "word_for_word": f"word-for-word {source}",
    }
    return names.get(pairing, pairing)


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without their sections (`config`, `train` ...), whose names do not clash, and without the seed."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= _flat(value) if isinstance(value, Mapping) else {name: value}
    return {name: value for name, value in flat.items() if name not in (*SEEDS, TRAIN_PAIRINGS, TRANSLATOR)}
