"""Joins by id, and the pairings of a text with another language that the honest comparison asks for."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from isogloss.data.checks import check_records, some
from isogloss.data.noise import word_dropout, word_for_word
from isogloss.data.on_disk import OnDisk
from isogloss.data.tables_on_disk import joined, without_partner
from isogloss.errors import UserError, nearest
from isogloss.records import AnyRecord, RankedQuery, Sentence, TaggedSentence, by_language, is_labelled

PAIRINGS = ("translation", "machine", "self", "shuffled", "none", "word_dropout", "word_for_word")


def attach_translations(
    records: Sequence[AnyRecord], english_records: Sequence[AnyRecord], where: str
) -> Sequence[AnyRecord]:
    """The records, each with the English record of its id appended to its translations.

    One English object serves all records that share its id. English may hold more items than the records. What stays on
    disk is joined there.

    Raises:
        UserError: ids occur twice on a side, or English lacks an id; `where` names the task and split, or the file.
    """
    if isinstance(records, OnDisk) and isinstance(english_records, OnDisk):
        if lacking := without_partner(records, english_records):
            raise _unpaired(where, records[0].language, lacking, len(records))
        return joined(records, english_records)
    by_id = {record.id: record for record in check_records(english_records, f"{where}, English")}
    for tag, group in by_language(records).items():
        check_records(group, f"{where}, {tag}")
        lacking = [record.id for record in group if record.id not in by_id]
        if lacking:
            raise _unpaired(where, tag, lacking, len(group))
    return [replace(record, translations=(*record.translations, by_id[record.id])) for record in records]


def _unpaired(where: str, tag: str, lacking: Sequence[str], count: int) -> UserError:
    return UserError(
        f"{where}: {tag} has {len(lacking)} of {count} items without an English side, ids {some(lacking)}; the rows of "
        "the two languages must share their ids"
    )


def without_labels(record: AnyRecord) -> AnyRecord:
    """The record without its label, tags, answers or gains: what a translation may show at test time."""
    if isinstance(record, Sentence):
        return replace(record, label=None)
    if isinstance(record, TaggedSentence):
        return replace(record, tags=None)
    if isinstance(record, RankedQuery):
        return replace(record, gains={})
    return replace(record, answers=())


def pair(
    records: Sequence[AnyRecord],
    pairing: str,
    seed: int = 0,
    *,
    lexicon: Mapping[str, str] | None = None,
    machine: Sequence[AnyRecord] | None = None,
) -> Sequence[AnyRecord]:
    """The records of one language with the translations that `pairing` asks for; the same for the same seed.

    translation: as they are. machine: the records of their ids in `machine`, which the training language has none of.
    self: the text itself. none: nothing. shuffled: those of a random other item, never the own. word_dropout: without
    30 % of their words. word_for_word: the text through the lexicon (see `noise`), labelled if the translation it
    replaces is.
    A record without translations, such as an English one, stays without, except under self.

    Raises:
        UserError: there is no such pairing, nothing to shuffle with, the lexicon or the machine translations are
            missing, or these lack an id.
    """
    match pairing:
        case "translation":
            return records
        case "none":
            return [replace(record, translations=()) for record in records]
        case "self":
            return [replace(record, translations=(replace(record, translations=()),)) for record in records]
        case "machine":
            return _machine_translated(records, machine)
        case "shuffled":
            return _shuffled(records, seed)
        case "word_dropout":
            return [
                replace(record, translations=tuple(word_dropout(side, seed) for side in record.translations))
                for record in records
            ]
        case "word_for_word":
            return _through_lexicon(records, lexicon)
    raise UserError(f"no pairing {pairing!r}; {nearest(pairing, PAIRINGS)}")


def _shuffled(records: Sequence[AnyRecord], seed: int) -> list[AnyRecord]:
    """Each paired record takes the translations of the next one in a random circle, so none keeps its own."""
    circle = [i for i, record in enumerate(records) if record.translations]
    if len(circle) == 1:
        raise UserError("pairing shuffled needs at least two items with a translation; this set has one")
    random.Random(seed).shuffle(circle)
    given = dict(zip(circle, circle[1:] + circle[:1], strict=True))
    return [
        replace(record, translations=records[given[i]].translations) if i in given else record
        for i, record in enumerate(records)
    ]


def _machine_translated(records: Sequence[AnyRecord], machine: Sequence[AnyRecord] | None) -> Sequence[AnyRecord]:
    if machine is None:
        if not any(record.translations for record in records):
            return list(records)
        raise UserError("pairing machine needs machine translations; this task has none")
    bare = [replace(record, translations=()) for record in records]
    return attach_translations(bare, [without_labels(record) for record in machine], "machine translations")


def _through_lexicon(records: Sequence[AnyRecord], lexicon: Mapping[str, str] | None) -> list[AnyRecord]:
    if lexicon is None:
        raise UserError("pairing word_for_word needs a lexicon; learn one from the training split's translations")
    return [
        replace(record, translations=(_rendered(record, record.translations[0], lexicon),))
        if record.translations
        else record
        for record in records
    ]


def _rendered(record: AnyRecord, translation: AnyRecord, lexicon: Mapping[str, str]) -> AnyRecord:
    """The record word for word in the language of its translation; its label shows only if the translation's did."""
    made = word_for_word(record, lexicon, translation.language)
    return made if is_labelled(translation) else without_labels(made)
