"""The translation job: rows in, the same rows with their translations out, however often it is stopped on the way.

Rows are read in blocks, so that memory stays small. The texts of a block are cut into stretches; those that the store
does not know yet, each once, are sorted by length and given to the engine in batches of about as many tokens; then the
rows are put together from the store. So a job that is started again does what is left and gives the same result.

What a row is, a `Form` says: its language, its parts, and what is made of their translations.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from isogloss.errors import UserError
from isogloss.records import Offsets
from isogloss.translation.segmentation import joined, stretches
from isogloss.translation.store import Kept, Keys, State, Store
from isogloss.translation.translator import Decoding, Hypothesis, Translation, Translator, least_similarity

BLOCK = 8192  # rows that are taken apart, translated and put together at a time
FOR_A_CORE = 2048  # tokens that an engine gets at a time, roughly; it may divide them further
BYTES = 4  # of UTF-8 per token, roughly, in any script
ATTEMPTS = 3  # runs in which a text may fail before it is left alone
Row = TypeVar("Row")
ALL = (0, 1)  # the share of a worker that has no other beside it: the first of one


class Piece(Protocol):
    """A text to be translated, and the spans of it that must stay in one stretch."""

    @property
    def text(self) -> str: ...
    @property
    def protected(self) -> tuple[Offsets, ...]: ...


@dataclass(frozen=True, slots=True)
class Form(Generic[Row]):
    """How rows are taken apart and put together.

    rebuild: from a row, one translation for each of its parts, and their language.
    """

    language: Callable[[Row], str]
    parts: Callable[[Row], Sequence[Piece]]
    rebuild: Callable[[Row, Sequence[Translation], str], Any]


class Text(NamedTuple):
    """A text without spans."""

    text: str
    protected: tuple[Offsets, ...] = ()


def plain(source: str) -> Form[str]:
    """The form of rows that are texts in one language; a translation takes the place of each."""
    return Form(lambda row: source, lambda row: [Text(row)], lambda row, translations, target: translations[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """How the work of a job is divided: into batches, runs, shares of texts, and among Ray's workers."""

    tokens: int | None = None  # of a batch, roughly; `usual_batch()` if not said
    attempts: int = ATTEMPTS  # runs in which a text may fail before it is left alone
    share: tuple[int, int] = ALL  # this worker's number, from 0, and how many there are; each text is one's business
    ray: int = 0  # of Ray's workers; 0 = without Ray
    load: Callable[[], Translator] | None = None  # makes the engine of each of them; the job's own if not said


ALONE = Work()


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts of about the same length that an engine gets together; `rows`: the work it stands for, for the progress."""

    source: str
    target: str
    texts: tuple[str, ...]
    keys: tuple[bytes, ...]
    rows: float = 0.0


@dataclass(frozen=True, slots=True)
class Cut(Generic[Row]):
    """A row, its language, and its parts with the stretches of each."""

    row: Row
    language: str
    parts: tuple[tuple[str, tuple[Offsets, ...]], ...]


class Watch(Protocol):
    """What is told of the progress; `progress.Progress` prints it."""

    def worked(self, target: str, rows: float) -> None:
        """So many rows were translated into a language since it was last told anything."""
        ...

    def found(self, target: str, rows: float) -> None:
        """So many rows needed no work, as all of their texts were known or are another worker's."""
        ...


class Job(Generic[Row]):
    """An engine, a store and a form of rows, and how the work is divided."""

    def __init__(self, translator: Translator, store: Store, form: Form[Row], decoding: Decoding, work: Work = ALONE):
        self.translator, self.store, self.form, self.decoding = translator, store, form, decoding
        self.work, self.tokens = work, work.tokens or usual_batch()
        self._fingerprint = translator.fingerprint
        self._paragraphs = translator.capabilities.documents

    def require(self, sources: Iterable[str], targets: Sequence[str]) -> None:
        """Nothing, if the engine translates from each of the languages to each of the others.

        Raises:
            UserError: it does not, or there is nothing to translate.
        """
        pairs = [(source, target) for source in sources for target in targets if source != target]
        if not pairs:
            raise UserError(f"everything is in {targets[0]} already; choose another language with --to")
        for source, target in pairs:
            self.translator.check(source, target)

    def cut(self, rows: Iterable[Row]) -> list[Cut[Row]]:
        """The rows with the stretches of their parts."""
        return [self._cut(row) for row in rows]

    def _cut(self, row: Row) -> Cut[Row]:
        tag = self.form.language(row)
        parts = [
            (part.text, stretches(part.text, tag, part.protected, paragraphs=self._paragraphs))
            for part in self.form.parts(row)
        ]
        return Cut(row, tag, tuple(parts))

    def batches(
        self,
        rows: Sequence[Cut[Row]],
        target: str,
        states: Callable[[Sequence[bytes]], dict[bytes, State]] | None = None,
    ) -> list[Batch]:
        """What is still to be translated of the rows by this worker; the same rows and store give the same batches.

        states: what is known of keys, from the store if not from elsewhere.
        """
        found: list[Batch] = []
        for source in dict.fromkeys(row.language for row in rows if row.language != target):
            keys = self._keys(rows, source, target)
            known = (states or self.store.states)(list(keys))
            number, workers = self.work.share
            missing = {
                text: key
                for key, text in keys.items()
                if self._is_open(known.get(key)) and int.from_bytes(key[:8]) % workers == number
            }
            found += self._divided(missing, source, target)
        texts = sum(len(batch.texts) for batch in found)
        return [replace(batch, rows=len(rows) * len(batch.texts) / texts) for batch in found]

    def keep(self, batch: Batch, translations: Sequence[Translation]) -> None:
        """Nothing; what the engine made of a batch is in the store."""
        before = self.store.states(batch.keys)
        kept: dict[bytes, Kept] = {}
        for key, translation in zip(batch.keys, translations, strict=True):
            if translation.hypotheses:
                best = translation.hypotheses[0]
                kept[key] = Kept(best.text, best.log_probability, best.tokens, similarity=best.similarity)
            else:
                attempts = 1 + (before[key].attempts if key in before else 0)
                kept[key] = Kept(failure=translation.failure or "no translation", attempts=attempts)
        self.store.add(kept)

    def rebuilt(self, rows: Sequence[Cut[Row]], target: str) -> list[Any]:
        """What the form makes of each row and its translations; None for a row that is in the target language.

        Raises:
            UserError: a text was not translated yet, which is another worker's business.
        """
        known = {source: self._known(rows, source, target) for source in {row.language for row in rows} - {target}}
        made = []
        for row in rows:
            if row.language == target:
                made.append(None)
                continue
            texts = known[row.language]
            translations = [
                _joined(text, places, [texts[text[start:end]] for start, end in places], row.language, target)
                for text, places in row.parts
            ]
            made.append(self.form.rebuild(row.row, translations, target))
        return made

    def _known(self, rows: Iterable[Cut[Row]], source: str, target: str) -> dict[str, Kept]:
        """What the store has for the different stretches of the rows in a language, by their text."""
        keys = self._keys(rows, source, target)
        known = self.store.read(list(keys))
        if len(known) < len(keys):
            raise UserError(
                f"{len(keys) - len(known)} texts are not translated into {target} yet; let the other shards end, then "
                "give the command without --shard"
            )
        return {keys[key]: kept for key, kept in known.items()}

    def _keys(self, rows: Iterable[Cut[Row]], source: str, target: str) -> dict[bytes, str]:
        """The different stretches of the rows in a language, by key."""
        key_of = Keys(self._fingerprint, self.decoding, source, target)
        texts = dict.fromkeys(
            text[start:end]
            for row in rows
            if row.language == source
            for text, places in row.parts
            for start, end in places
        )
        return {key_of(text): text for text in texts}

    def _is_open(self, state: State | None) -> bool:
        """Whether a text is to be translated: it is new, or has failed in another run and not too often."""
        return state is None or (0 < state.attempts < self.work.attempts and not state.of_this_run)

    def _divided(self, missing: dict[str, bytes], source: str, target: str) -> Iterator[Batch]:
        """The texts in batches, short ones first."""
        texts: list[str] = []
        tokens = 0
        sized = sorted((max(1, len(text.encode("utf-8", "replace")) // BYTES), text) for text in missing)
        for size, text in sized:
            if texts and tokens + size > self.tokens:
                yield Batch(source, target, tuple(texts), tuple(missing[each] for each in texts))
                texts, tokens = [], 0
            texts.append(text)
            tokens += size
        if texts:
            yield Batch(source, target, tuple(texts), tuple(missing[each] for each in texts))


def usual_batch() -> int:
    """The tokens of a batch: enough for every core of this machine, as engines that use them divide a batch."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return FOR_A_CORE * max(2, cores)


def translated(
    job: Job[Row], rows: Iterable[Row], targets: Sequence[str], watch: Watch
) -> Iterator[tuple[Row, list[Any]]]:
    """Every row with what the form makes of it in each of the target languages, in the order of the rows."""
    for block in blocks(job, rows):
        _fill(job, block, targets, watch)
        yield from _put_together(job, block, targets)


def fill(job: Job[Row], rows: Iterable[Row], targets: Sequence[str], watch: Watch) -> None:
    """Nothing; this worker's share of the rows' texts is in the store."""
    for block in blocks(job, rows):
        _fill(job, block, targets, watch)


def put_together(job: Job[Row], rows: Iterable[Row], targets: Sequence[str]) -> Iterator[tuple[Row, list[Any]]]:
    """The same as `translated`, of what is in the store alone.

    Raises:
        UserError: a text is not there.
    """
    for block in blocks(job, rows):
        yield from _put_together(job, block, targets)


def blocks(job: Job[Row], rows: Iterable[Row]) -> Iterator[list[Cut[Row]]]:
    """The rows in blocks, taken apart."""
    rows = iter(rows)
    while block := list(islice(rows, BLOCK)):
        yield job.cut(block)


def _fill(job: Job[Row], block: Sequence[Cut[Row]], targets: Sequence[str], watch: Watch) -> None:
    for target in targets:
        batches = job.batches(block, target)
        for batch in batches:
            job.keep(batch, job.translator.translate(batch.texts, batch.source, batch.target, job.decoding))
            watch.worked(target, batch.rows)
        if not batches:
            watch.found(target, len(block))


def _put_together(job: Job[Row], block: Sequence[Cut[Row]], targets: Sequence[str]) -> Iterator[tuple[Row, list[Any]]]:
    made = [job.rebuilt(block, target) for target in targets]
    for number, cut in enumerate(block):
        yield cut.row, [results[number] for results in made]


def _joined(text: str, places: Sequence[Offsets], kept: Sequence[Kept], source: str, target: str) -> Translation:
    """The translation of a text from those of its stretches; it fails if one of them did."""
    if failures := dict.fromkeys(each.failure for each in kept if each.failure is not None):
        return Translation(failure="; ".join(failures))
    whole = joined(text, places, [each.text for each in kept], source, target)
    told = [each.log_probability for each in kept if each.log_probability is not None]
    counted = [each.tokens for each in kept if each.tokens is not None]
    sums = (sum(told) if len(told) == len(kept) else None, sum(counted) if len(counted) == len(kept) else None)
    return Translation((Hypothesis(whole, *sums, similarity=least_similarity([each.similarity for each in kept])),))
