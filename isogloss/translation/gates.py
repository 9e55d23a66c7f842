"""Quality gates: which translations are good enough to train on. Rejected ones are kept, with the reason.

Most gates judge a row by itself (`gate_checks`). `duplicate` rejects translations that many different texts have: a
translator that always says the same passes all others. Three reject the lowest share of a language's rows: `score`,
what the engine thinks of its translation; `round_trip`, how much of the source comes back when the translation is
translated back (chrF); `quality`, what a program of the user's says (`quality_program`).
"""

import math
import shutil
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.util import find_spec
from itertools import compress, islice
from typing import NamedTuple

from isogloss.data.checks import texts
from isogloss.data.parallel import without_labels
from isogloss.data.parallel_set import Row
from isogloss.errors import UserError, nearest
from isogloss.records import Record
from isogloss.translation import gate_checks
from isogloss.translation.gate_checks import Side
from isogloss.translation.quality_program import program_scores
from isogloss.translation.translator import Translator

# The thresholds, and how many of human translations into 64 languages (SIB-200) a gate rejects: see decision 21.
ALONE = {
    "empty": 1.0,  # letters and digits at least
    "copy": 4.0,  # words from which a text equal to its source is a copy
    "length": 2.5,  # times the usual length, or that part of it
    "repetition": 0.3,  # share of trigrams that were there before, above the source's
    "script": 0.5,  # share of letters of the language's script
    "language": 0.01,  # probability of the language, as it is identified
    "numbers": 0.5,  # share of the source's numbers
    "placeholders": 1.0,  # share of the source's addresses and place-holders
}
SAME = {"duplicate": 3.0}  # different texts that may have the same translation
LOWEST = {"score": 0.05, "round_trip": 0.05, "quality": 0.05}  # the share of a language's rows that is rejected
SHARES = ("repetition", "script", "language", "numbers", "placeholders", *LOWEST)
BLOCK = 256  # rows translated back at a time
UNKNOWN = math.nan
Gates = Mapping[str, float]  # thresholds by name
TranslateBack = Callable[[Sequence[Record], str], Sequence[Record | None]]  # records of one language into another


@dataclass(frozen=True, slots=True)
class Judges:
    """What says which translations are good enough: the gates, and whom two of them ask."""

    gates: Gates = field(default_factory=dict)
    reverse: Translator | None = None  # translates back, for `round_trip`
    program: tuple[str, ...] = ()  # the command of a program of the user's, for `quality`

    def check(self, sources: Sequence[str], targets: Sequence[str]) -> None:
        """Nothing, if the gates will have what they need when everything is translated.

        Raises:
            UserError: they will not.
        """
        require(self.gates, self.reverse is not None, bool(self.program))
        if self.program and shutil.which(self.program[0]) is None:
            raise UserError(f"--quality: there is no program {self.program[0]!r} to be run; check the path")
        for source, target in ((source, target) for source in sources for target in targets if source != target):
            if self.reverse is not None:
                self.reverse.check(target, source)


def parse_gates(text: str, *, alone: bool = False) -> dict[str, float]:
    """The gates that `all`, `none` or `name,name=threshold` asks for, in the order in which they judge.

    `all` are those that need nothing else than the rows: without `round_trip` and `quality`, and without `language`
    where nothing is installed that identifies it, which is told. alone: rows come one by one and cannot be compared, so
    that only the gates of `ALONE` are to be had.

    Raises:
        UserError: there is no such gate, or the threshold is none.
    """
    usual = ALONE | SAME | LOWEST
    if text in ("all", "none"):
        names = ALONE if alone else (*ALONE, *SAME, "score")
        return {name: usual[name] for name in names if name != "language" or _identifies()} if text == "all" else {}
    asked: dict[str, float] = {}
    for each in filter(None, text.replace(" ", "").split(",")):
        name, equals, value = each.partition("=")
        if name == "all":
            asked = parse_gates("all", alone=alone) | asked
            continue
        if alone and name in SAME | LOWEST:
            raise UserError(f"--gates: {name} compares all translations with each other; here they come one by one")
        if name not in usual:
            raise UserError(f"--gates: no gate {name!r}; {nearest(name, (*usual, 'all', 'none'))}")
        asked[name] = _threshold(name, value) if equals else usual[name]
    return {name: asked[name] for name in usual if name in asked}


@cache
def _identifies() -> bool:
    """Whether languages can be identified here."""
    if there := find_spec("py3langid") is not None:
        return there
    print("gate language is left out, it needs py3langid: pip install 'isogloss[translate]'", file=sys.stderr)
    return there


def require(gates: Gates, back: bool, program: bool) -> None:
    """Nothing, if the gates have what they need: a translation back, a program of the user's.

    Raises:
        UserError: a gate lacks it.
    """
    for name, given, what in (("round_trip", back, "--reverse ENGINE"), ("quality", program, "--quality PROGRAM")):
        if name in gates and not given:
            raise UserError(f"gate {name} needs {what}; give it, or leave the gate out")


def judge(row: Row, gates: Gates) -> Row:
    """The row, rejected by the first gate that it does not pass, and with the names of those that could not judge.

    Only the gates that need no other rows; one that is rejected already stays as it is.
    """
    if row.reason is not None or row.translation is None:
        return row
    sides = _sides(row)
    flags = []
    for name, threshold in gates.items():
        if name not in ALONE:
            continue
        found = {field: getattr(gate_checks, name)(*pair, threshold) for field, pair in sides.items()}
        if wrong := {field: detail for field, detail in found.items() if detail}:
            detail = "; ".join(f"{field}: {text}" if len(sides) > 1 else text for field, text in wrong.items())
            return replace(row, reason=name, detail=detail, flags=tuple(flags))
        if None in found.values():
            flags.append(name)
    return replace(row, flags=tuple(flags))


def judged(
    rows: Callable[[], Iterable[Row]],
    gates: Gates,
    *,
    back: TranslateBack | None = None,
    program: Sequence[str] = (),
) -> Iterator[Row]:
    """The rows as the gates leave them. `rows()` gives the same ones whenever it is called, up to three times.

    back: translates rows back, for `round_trip`. program: the command of the user's program, for `quality`.

    Raises:
        UserError: a gate lacks what it needs, or the program failed.
    """
    require(gates, back is not None, bool(program))
    lowest = {name: share for name, share in gates.items() if name in LOWEST}
    if not lowest and "duplicate" not in gates:
        for row in rows():
            yield judge(row, gates)
        return
    first = _first_pass(rows(), gates, lowest, back)
    if "quality" in lowest:
        passed = [verdict.reason is None for verdict in first.verdicts]
        scores = iter(program_scores(program, compress(rows(), passed), sum(passed)))
        first.values["quality"].extend(next(scores) if each else UNKNOWN for each in passed)
    limits = _limits(first, lowest)
    for number, row in enumerate(rows()):
        judged_row = replace(row, **first.verdicts[number]._asdict())
        found = {name: first.values[name][number] for name in lowest}
        if judged_row.reason is None and (many := first.sources.of(row)) > gates.get("duplicate", math.inf):
            judged_row = replace(judged_row, reason="duplicate", detail=f"{many} different texts have this translation")
        yield judged_row if judged_row.reason is not None else _compared(judged_row, found, limits)


class Verdict(NamedTuple):
    """What the gates that need no other rows say of a row."""

    reason: str | None
    detail: str
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Sources:
    """How many different texts have the same translation, which is known by its hash."""

    first: dict[int, int] = field(default_factory=dict)
    others: dict[int, set[int]] = field(default_factory=dict)  # few translations have any

    def add(self, row: Row) -> None:
        """Nothing; the texts of the row are counted."""
        for translation, text in _hashes(row):
            if self.first.setdefault(translation, text) != text:
                self.others.setdefault(translation, set()).add(text)

    def of(self, row: Row) -> int:
        """The number for that text of the row whose translation is shared by most."""
        return max((1 + len(self.others.get(translation, ())) for translation, _ in _hashes(row)), default=0)


def _hashes(row: Row) -> list[tuple[int, int]]:
    """For each text of the row, the hash of its translation and its own."""
    if row.translation is None:
        return []
    both = _sides(row).items()
    return [(hash((name, there.language, there.text)), hash(here.text)) for name, (here, there) in both]


@dataclass(frozen=True, slots=True)
class _FirstPass:
    """What is kept of all rows to compare them: little of each, as there may be millions."""

    values: dict[str, array]  # by gate that rejects the lowest, of every row; nan = none
    sources: _Sources = field(default_factory=_Sources)
    languages: list[str] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)


def _threshold(name: str, value: str) -> float:
    try:
        found = float(value)
    except ValueError:
        found = UNKNOWN
    most = 1.0 if name in SHARES else math.inf
    if not 0 <= found <= most or not math.isfinite(found) or (name == "length" and found < 1):
        what = "between 0 and 1" if name in SHARES else "of 1 or more" if name == "length" else "of 0 or more"
        raise UserError(f"--gates {name}={value}: the threshold is a number {what}")
    return found


def _sides(row: Row) -> dict[str, tuple[Side, Side]]:
    """The texts of the original and of the translation, by field."""
    assert row.translation is not None
    here, there = texts(row.original), texts(row.translation)
    return {
        field: (Side(row.original.language, here[field]), Side(row.language, there[field]))
        for field in here
        if field in there
    }


def _compared(row: Row, found: Mapping[str, float], limits: Mapping[tuple[str, str], float]) -> Row:
    """The row, rejected if it is among the lowest of its language; a gate without a value is flagged."""
    for name, value in found.items():
        if math.isnan(value):
            row = replace(row, flags=(*row.flags, name))
        elif value < (limit := limits[name, row.language]):
            return replace(row, reason=name, detail=f"{value:.4g}, below {limit:.4g}, the limit of its language")
    return row


def _first_pass(rows: Iterable[Row], gates: Gates, lowest: Gates, back: TranslateBack | None) -> _FirstPass:
    """The verdicts of the gates that need no other rows, and the values of those that do."""
    kept = _FirstPass({name: array("d") for name in lowest})
    alike: dict[Verdict, Verdict] = {}  # most rows have the same one
    stream = (judge(row, gates) for row in rows)
    while block := list(islice(stream, BLOCK)):
        for row in block if "duplicate" in gates else ():
            kept.sources.add(row)
        good = [row for row in block if row.reason is None]
        found = {"score": [UNKNOWN if row.score is None else row.score for row in good]}
        if "round_trip" in lowest and back is not None:
            found["round_trip"] = _round_trip(good, back)
        for name in kept.values.keys() & found.keys():
            scores = iter(found[name])
            kept.values[name].extend(next(scores) if row.reason is None else UNKNOWN for row in block)
        verdicts = (Verdict(row.reason, row.detail, row.flags) for row in block)
        kept.verdicts.extend(alike.setdefault(each, each) if each.reason is None else each for each in verdicts)
        kept.languages.extend(row.language for row in block)
    return kept


def _limits(first: _FirstPass, lowest: Gates) -> dict[tuple[str, str], float]:
    """By gate and language, the lowest value that is not rejected."""
    limits = {}
    for name, share in lowest.items():
        by_language: dict[str, list[float]] = {tag: [] for tag in first.languages}
        for tag, value in zip(first.languages, first.values[name], strict=True):
            if not math.isnan(value):
                by_language[tag].append(value)
        for tag, values in by_language.items():
            values.sort()
            limits[name, tag] = values[min(int(share * len(values)), len(values) - 1)] if values else -math.inf
    return limits


def _round_trip(rows: Sequence[Row], back: TranslateBack) -> list[float]:
    """chrF between each source and the translation of its translation; nan where that failed."""
    try:
        from sacrebleu.metrics.chrf import CHRF
    except ImportError:
        raise UserError("gate round_trip needs sacrebleu: pip install 'isogloss[translate]'") from None

    chrf, found = CHRF(), [UNKNOWN] * len(rows)
    for source, tag in dict.fromkeys((row.original.language, row.language) for row in rows):
        numbers = [i for i, row in enumerate(rows) if (row.original.language, row.language) == (source, tag)]
        given = [without_labels(record) for i in numbers if (record := rows[i].translation) is not None]
        for i, record in zip(numbers, back(given, source), strict=True):
            if record is not None:
                hypothesis, reference = ("\n".join(texts(each).values()) for each in (record, rows[i].original))
                found[i] = chrf.sentence_score(hypothesis, [reference]).score
    return found
