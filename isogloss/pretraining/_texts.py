"""What a student reads: the job's parallel text, words of the CLDR, commands to an assistant, and English alone.

How often a text is read per pass depends on its source and on the group of its language: the sources differ in size
by a factor of a hundred, and a small encoder cannot learn all languages equally well.
"""

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss.data.formats import read_conllu, read_lines, read_squad
from isogloss.data.tidy import tidy
from isogloss.errors import UserError
from isogloss.records import Bitext

if TYPE_CHECKING:
    from isogloss.runs import Job

# languages in Latin script whose names babel gives in the language itself
LATIN = """
    ca cs cy da de es et eu fi fr ga ha hu id ig is it jv mt nl pl pt rw so su sv sw tl tr uz vi wo yo zu
"""
UNITS = """
    duration-year duration-month duration-week duration-day duration-hour duration-minute duration-second
    length-kilometer length-meter mass-kilogram mass-gram volume-liter temperature-celsius
"""
CURRENCIES = """
    USD EUR GBP JPY CNY INR RUB TRY KES TZS EGP BRL MXN IDR VND KRW CHF CAD AUD SEK ZAR NGN
"""
COUNTS = (1, 2, 3, 5, 10, 45)
YEAR = 2026  # of the example dates
LONGEST = 2000  # characters; the rest of a longer text would be cut off anyway


@dataclass(frozen=True, slots=True)
class Text:
    """A text and the English it means the same as (itself if it is English), and how often to read it per pass."""

    language: str
    text: str
    english: str
    passes: float


def gather(job: "Job", passes: Mapping[str, Sequence[float]], groups: Sequence[Sequence[str]]) -> list[Text]:
    """All texts a recipe asks for: the task's, and those of the sources `xsid`, `english` and `words` if named."""
    pairs = [pair for records in job.records("train").values() for pair in records]
    data = job.recipe.data or Path()
    if "xsid" in passes:
        pairs += assistant_commands(data)
    if "english" in passes:
        pairs += english_texts(data)
    if "words" in passes:
        pairs += cldr_words(dict.fromkeys((*job.recipe.languages, *(tag for group in groups for tag in group))))
    return weighted(pairs, passes, groups)


def weighted(
    pairs: Iterable[Bitext], passes: Mapping[str, Sequence[float]], groups: Sequence[Sequence[str]]
) -> list[Text]:
    """The pairs that are read at all; a pair's source is its id up to the first hyphen.

    passes: reads per pass of each source, one number for each group of languages and one for all other languages;
    `source/language` goes before `source`.

    Raises:
        UserError: a source is not named in `passes`, or has a number of entries other than groups + 1.
    """
    found, seen = [], set()
    for pair in pairs:
        source = pair.id.partition("-")[0]
        if source not in passes:
            raise UserError(f"no passes given for source {source!r} ({pair.id}); given: {', '.join(passes)}")
        reads = passes.get(f"{source}/{pair.language}", passes[source])
        if len(reads) != len(groups) + 1:
            raise UserError(f"passes.{source} has {len(reads)} numbers; give {len(groups) + 1}, one per group")
        group = next((i for i, languages in enumerate(groups) if pair.language in languages), len(groups))
        share = reads[group]
        text, english = tidy(pair.text)[:LONGEST], tidy(pair.translation)[:LONGEST]
        if share > 0 and (pair.language, text, english) not in seen:
            seen.add((pair.language, text, english))
            found.append(Text(pair.language, text, english, share))
    return found


def assistant_commands(data: Path) -> list[Bitext]:
    """xSID's training commands in English with their machine translation into Danish; none that is also tested on."""
    folder = data / "xsid"
    tested = {
        _words(line.partition("=")[2])
        for path in sorted(folder.glob("*.conll*"))
        for line in read_lines(path)
        if line.startswith("# text")
    }
    pairs = zip(read_lines(folder / "train.da-mt.text"), read_lines(folder / "train.en.text"), strict=True)
    return [
        Bitext(id=f"xsid-{i}", language="da", text=text, translation_language="en", translation=english)
        for i, (text, english) in enumerate(pairs, 1)
        if _words(english) not in tested and text.strip() and english.strip()
    ]


def english_texts(data: Path) -> list[Bitext]:
    """English sentences without a translation: the treebank EWT's training part, TyDi QA's training paragraphs."""
    texts = [each.text for each in read_conllu(data / "ud_train" / "en_ewt-ud-train.third.conllu", "en")]
    for paragraph in read_squad(data / "tydiqa" / "tydiqa.goldp.en.train.json", "en"):
        texts += [question.question for question in paragraph]
        texts += re.split(r"(?<=[.!?]) (?=[A-Z])", re.sub(r"\[\d+\]", "", paragraph[0].context))
    return [
        Bitext(id=f"english-{i}", language="en", text=text, translation_language="en", translation=text)
        for i, text in enumerate(dict.fromkeys(texts), 1)
        if len(text) > 10
    ]


def cldr_words(languages: Iterable[str]) -> list[Bitext]:
    """Names of cities, countries, languages, currencies, days and months, amounts and dates, from babel's CLDR.

    Raises:
        UserError: babel is not installed.
    """
    try:
        from babel import Locale, UnknownLocaleError
    except ImportError:
        raise UserError("babel is not installed; install the developer extra: pip install 'isogloss[dev]'") from None
    english = dict(_names(Locale("en")))
    found = []
    for tag in languages:
        try:
            locale = Locale.parse(tag.replace("-", "_"))
        except (UnknownLocaleError, ValueError):
            continue
        for key, name in _names(locale):
            if key.startswith("city-"):  # English names a city only where it differs from its time zone's code
                english.setdefault(key, key.rpartition("/")[2].replace("_", " "))
            own = tag in LATIN.split() or not re.search(
                "[A-Za-z]{3}", name
            )  # otherwise it may be a gap filled with English
            if key in english and own:
                identity, meaning = f"words-{tag}-{key}", english[key]
                found.append(
                    Bitext(id=identity, language=tag, text=name, translation_language="en", translation=meaning)
                )
    return found


def _names(locale: Any) -> Iterator[tuple[str, str]]:
    from babel.dates import format_date
    from babel.units import format_unit

    yield from ((f"country-{code}", name) for code, name in locale.territories.items())
    yield from ((f"language-{code}", name) for code, name in locale.languages.items() if len(code) == 2)
    yield from (
        (f"currency-{code}", locale.currencies[code]) for code in CURRENCIES.split() if code in locale.currencies
    )
    yield from ((f"city-{zone}", names["city"]) for zone, names in locale.time_zones.items() if names.get("city"))
    for kind in ("months", "days"):
        yield from ((f"{kind}-{i}", name) for i, name in getattr(locale, kind)["format"]["wide"].items())
    for unit in UNITS.split():
        amounts = ((n, format_unit(n, unit, "long", locale=locale)) for n in COUNTS)
        yield from ((f"{unit}-{n}", amount) for n, amount in amounts if unit not in amount)  # babel's stop-gap
    for month in range(1, 13):
        day = datetime.date(YEAR, month, 2 * month)
        yield f"date-{day}", format_date(day, "long", locale=locale)


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
