"""Slot values of the embedded sample: what may fill a slot, and how each of twelve languages writes it.

Names, dates, currencies and plural categories come out of CLDR through babel. The short tables below hold
what CLDR lacks (a counted noun for people, units in Swahili) or writes for lists and not for running text.
"""

import re
from collections.abc import Callable, Iterable
from datetime import date, time, timedelta
from random import Random
from typing import Any

import babel.localedata
from babel import Locale
from babel.dates import format_skeleton, format_time
from babel.numbers import format_decimal, format_percent, get_currency_name

LANGUAGES = ("en", "de", "es", "fr", "ru", "tr", "sw", "hi", "ar", "zh", "ja", "id")
UNSPACED = frozenset({"zh", "ja"})

# Items take all their cities from one region, so that trains and buses are thinkable. Left out: names that
# CLDR lacks or misspells in a language, and names with an article that contracts (El Cairo, Le Caire).
CITIES = {
    "Europe": "London Paris Berlin Rome Madrid Vienna Athens Lisbon Oslo Stockholm Copenhagen Helsinki "
    "Prague Warsaw Budapest Bucharest Sofia Belgrade Zagreb Brussels Amsterdam Zurich Riga Vilnius Dublin "
    "Sarajevo Bratislava Istanbul",
    "Asia": "Tokyo Seoul Shanghai Singapore Jakarta Bangkok Manila Dubai Baghdad Tashkent Karachi Dhaka "
    "Katmandu Colombo Samarkand Beirut Amman Yerevan Calcutta",
    "Africa": "Nairobi Casablanca Tunis Lagos Accra Dakar Johannesburg Kampala Maputo Luanda Kigali Lusaka Addis_Ababa",
    "America": "Toronto Vancouver Chicago New_York Los_Angeles Denver Detroit Phoenix Bogota Lima Caracas "
    "Buenos_Aires Sao_Paulo Montevideo Santiago Havana",
    "Australia": "Sydney Melbourne Adelaide Darwin",
}
CITY_FIXES = {
    ("Europe/Brussels", "hi"): "ब्रसेल्स",
    ("Asia/Seoul", "hi"): "सियोल",
    ("Asia/Beirut", "hi"): "बेरूत",
    ("Asia/Seoul", "ar"): "سيول",
    ("America/Los_Angeles", "ar"): "لوس أنجلوس",
    ("America/Phoenix", "ar"): "فينيكس",
    ("Australia/Darwin", "ar"): "داروين",
    ("America/Sao_Paulo", "en"): "São Paulo",
    ("America/Sao_Paulo", "id"): "São Paulo",
    ("America/Bogota", "en"): "Bogotá",
}
# No article in German, feminine or with a vowel in front in French («en France», «en Italie»).
COUNTRIES = "FR IT ES DE PL IE SE NO FI GR EG IN CN TH ID TZ AU AR CO AT"
# In Russian all of these end in -ий, so that «{language} язык» agrees.
TONGUES = "ja fr es de it pt ru zh ko tr ar el sv nl vi th pl hu cs"
TONGUE_FIXES = {("pl", "id"): "Polandia", ("zh", "id"): "Mandarin"}
# Units of the currency per unit of the drawn amount (15-95).
CURRENCIES = {"EUR": 1, "USD": 1, "GBP": 1, "CHF": 1, "JPY": 100, "INR": 50, "TRY": 20}
CURRENCY_FIXES = {
    ("TRY", "en"): "Turkish lira",
    ("GBP", "de"): "Pfund",  # without the adjective, which would inflect
    ("JPY", "de"): "Yen",
    ("INR", "de"): "Rupien",
    ("TRY", "de"): "Lira",
    ("USD", "fr"): "dollars américains",
    ("INR", "ar"): "روبية هندية",
    # The singular accusative that follows 11 to 99; these three are drawn from 15 to 95.
    ("USD", "ar"): "دولارًا أمريكيًا",
    ("GBP", "ar"): "جنيهًا إسترلينيًا",
    ("CHF", "ar"): "فرنكًا سويسريًا",
    ("EUR", "tr"): "euro",
    ("USD", "hi"): "अमेरिकी डॉलर",
    ("GBP", "hi"): "ब्रिटिश पाउंड",
}
# Accusative, as it stands after «в» and «на».
WEEKDAYS_RU = ("понедельник", "вторник", "среду", "четверг", "пятницу", "субботу", "воскресенье")

LABELS = {"minutes": "duration", "hours": "duration", "days": "duration"}

# One form per plural category of CLDR; a plain string where one form serves all numbers drawn here.
COUNTED: dict[str, dict[str, str | dict[str, str]]] = {
    "minute": {
        "en": "{} minutes", "de": "{} Minuten", "es": "{} minutos", "fr": "{} minutes", "ru": "{} минут",
        "tr": "{} dakika", "sw": "dakika {}", "hi": "{} मिनट", "zh": "{}分钟", "ja": "{}分", "id": "{} menit",
        "ar": {"few": "{} دقائق", "many": "{} دقيقة"},
    },
    "hour": {
        "en": "{} hours", "de": "{} Stunden", "es": "{} horas", "fr": "{} heures",
        "ru": {"few": "{} часа", "many": "{} часов"},
        "tr": "{} saat", "sw": "saa {}", "hi": "{} घंटे", "zh": "{}小时", "ja": "{}時間", "id": "{} jam",
        "ar": {"few": "{} ساعات", "many": "{} ساعة"},
    },
    "day": {
        "en": "{} days", "de": "{} Tage", "es": "{} días", "fr": "{} jours",
        "ru": {"few": "{} дня", "many": "{} дней"},
        "tr": "{} gün", "sw": "siku {}", "hi": "{} दिन", "zh": "{}天", "ja": "{}日間", "id": "{} hari",
        "ar": {"few": "{} أيام", "many": "{} يومًا"},
    },
    "week": {
        "en": "{} weeks", "de": "{} Wochen", "es": "{} semanas", "fr": "{} semaines",
        "ru": {"few": "{} недели", "many": "{} недель"},
        "tr": "{} hafta", "sw": "wiki {}", "hi": "{} हफ़्ते", "zh": "{}周", "ja": "{}週間", "id": "{} minggu",
        "ar": "{} أسابيع",
    },
    "person": {
        "en": "{} people", "de": "{} Personen", "es": "{} personas", "fr": "{} personnes",
        "ru": {"few": "{} человека", "many": "{} человек"},
        "tr": "{} kişi", "sw": "watu {}", "hi": "{} लोगों", "zh": "{}个人", "ja": "{}名", "id": "{} orang",
        "ar": {"few": "{} أشخاص", "many": "{} شخصًا"},
    },
    "kilogram": {
        "en": "{} kg", "de": "{} kg", "es": "{} kg", "fr": "{} kg", "ru": "{} кг", "tr": "{} kg",
        "sw": "kilo {}", "hi": "{} किलो", "ar": "{} كغ", "zh": "{}公斤", "ja": "{}キロ", "id": "{} kg",
    },
    "metre": {
        "en": "{} m", "de": "{} m", "es": "{} m", "fr": "{} m", "ru": "{} м", "tr": "{} m", "sw": "mita {}",
        "hi": "{} मीटर", "zh": "{}米", "ja": "{}メートル", "id": "{} m",
        "ar": {"many": "{} مترًا", "other": "{} متر"},
    },
    "kilometre": {
        "en": "{} km", "de": "{} km", "es": "{} km", "fr": "{} km", "ru": "{} км", "tr": "{} km",
        "sw": "kilomita {}", "hi": "{} किमी", "ar": "{} كم", "zh": "{}公里", "ja": "{}キロ", "id": "{} km",
    },
}  # fmt: skip

# (end of the text before the slot, start of the value, what the end becomes)
JUNCTIONS = {
    "fr": [(re.compile(r"\b([DdLl]|[Qq]u)e $"), re.compile(r"[AEIOUÉÈaeiouéè]|Helsinki"), r"\1'")],
    "es": [(re.compile(r"\by $"), re.compile(r"[Ii]"), "e ")],
    "ru": [(re.compile(r"\b([Вв]) $"), re.compile("вт"), r"\1о ")],
}


def join(left: str, value: str, language: str) -> str:
    """Return left + value with the elision or vowel the language wants where they meet."""
    for end, start, replacement in JUNCTIONS.get(language, ()):
        if start.match(value):
            left = end.sub(replacement, left)
    return left + value


def counted(unit: str, number: int, language: str) -> str:
    """Return the number with its unit in the plural form of the language."""
    forms = COUNTED[unit][language]
    if not isinstance(forms, str):
        forms = forms[str(Locale(language).plural_form(number))]
    return forms.format(number)


def city(zone: str, language: str) -> str:
    """Return the exemplar city of a time zone; where CLDR has none, the language uses the zone's own name."""
    if (zone, language) in CITY_FIXES:
        return CITY_FIXES[zone, language]
    entry = babel.localedata.load(language)["time_zones"].get(zone, {})
    return entry.get("city") or zone.rsplit("/", 1)[1].replace("_", " ")


def tongue(code: str, language: str) -> str:
    """Return the name of a language in a language."""
    return TONGUE_FIXES.get((code, language)) or Locale(language).languages[code]


def price(amount: tuple[int, str], language: str) -> str:
    """Return an amount with the written-out name of its currency, in the plural form of the language."""
    number, currency = amount
    name = CURRENCY_FIXES.get((currency, language)) or get_currency_name(currency, number, language)
    if language == "id":
        name = name[0].lower() + name[1:]  # CLDR capitalises list entries
    digits = format_decimal(number, locale=language)
    if language in UNSPACED:
        return digits + name.replace(" ", "")
    return f"{name} {digits}" if language == "sw" else f"{digits} {name}"


def clock(value: time, language: str) -> str:
    """Return a time of day; Hindi and Arabic by the 24-hour clock, without a part of the day."""
    return format_time(value, "HH:mm" if language in {"hi", "ar"} else "short", locale=language)


def weekday(number: int, language: str) -> str:
    """Return the name of a weekday, Monday = 0."""
    return WEEKDAYS_RU[number] if language == "ru" else Locale(language).days["format"]["wide"][number]


def distance(metres: int, language: str) -> str:
    """Return a distance in metres below one kilometre, else in kilometres."""
    unit, size = ("metre", 1) if metres < 1000 else ("kilometre", 1000)
    return counted(unit, metres // size, language)


def stay(days: int, language: str) -> str:
    """Return a length of stay: in days up to a fortnight, in weeks above."""
    return counted("day", days, language) if days <= 14 else counted("week", days // 7, language)


WRITERS: dict[str, Callable[[Any, str], str]] = {
    "city": city,
    "country": lambda code, language: Locale(language).territories[code],
    "language": tongue,
    "date": lambda day, language: format_skeleton("MMMMd", day, locale=language),
    "weekday": weekday,
    "time": clock,
    "price": price,
    "percent": lambda share, language: format_percent(share / 100, locale=language),
    "minutes": lambda number, language: counted("minute", number, language),
    "hours": lambda number, language: counted("hour", number, language),
    "days": stay,
    "people": lambda number, language: counted("person", number, language),
    "weight": lambda number, language: counted("kilogram", number, language),
    "distance": distance,
    "number": lambda number, language: str(number),
}


def base(name: str) -> str:
    """Return the slot type of a slot name: city2 -> city."""
    return name.rstrip("23")


def label(name: str) -> str:
    """Return the label of a slot's spans: minutes -> duration."""
    return LABELS.get(base(name), base(name))


def write(name: str, value: Any, language: str) -> str:
    """Return a slot value as the language writes it, with plain spaces and without direction marks."""
    text = WRITERS[base(name)](value, language)
    return re.sub("[\u00ad\u200e\u200f]", "", re.sub("[\u00a0\u202f]", " ", text))


def pick(values: Iterable[Any], count: int, rng: Random) -> list[Any]:
    """Return `count` different values in their given order.

    Like all draws here it calls random() alone: the one whose results Python promises to keep.
    """
    order = {value: (rng.random(), place) for place, value in enumerate(values)}
    chosen = sorted(order, key=lambda value: order[value][0])[:count]
    return sorted(chosen, key=lambda value: order[value][1])


def shuffled(values: Iterable[Any], count: int, rng: Random) -> list[Any]:
    """Return `count` different values in random order."""
    order = {value: rng.random() for value in values}
    return sorted(order, key=lambda value: order[value])[:count]


def draw_cities(count: int, rng: Random) -> list[str]:
    """Return time zones whose cities lie in one region; a region with more cities comes more often."""
    zones = [f"{region}/{name}" for region, names in CITIES.items() for name in names.split()]
    first = shuffled(zones, 1, rng)[0]
    region = first.split("/")[0]
    return [first, *shuffled([z for z in zones if z.startswith(region) and z != first], count - 1, rng)]


def draw_prices(count: int, rng: Random) -> list[tuple[int, str]]:
    """Return rising amounts in one currency, none ending in 1: Russian would want an inflected singular."""
    currency = pick(CURRENCIES, 1, rng)[0]
    amounts = pick([n for n in range(15, 96) if n % 10 != 1], count, rng)
    return [(amount * CURRENCIES[currency], currency) for amount in amounts]


def draw_times(count: int, rng: Random, hours: tuple[int, int]) -> list[time]:
    """Return rising times on the quarter hour between two hours, spread over equal parts of that range."""
    part = 4 * (hours[1] - hours[0]) // count  # in quarters of an hour
    gap = part // 3 if count > 1 else 0
    starts = [4 * hours[0] + part * i + int(rng.random() * (part - gap)) for i in range(count)]
    return [time(quarter // 4, quarter % 4 * 15) for quarter in starts]


def draw_dates(count: int, rng: Random) -> list[date]:
    """Return rising days, 2 to 20 days apart and never a first: French would write «1er»."""
    days = [date(2026, 1, 2) + timedelta(int(rng.random() * 320))]
    while len(days) < count:
        days.append(days[-1] + timedelta(2 + int(rng.random() * 19)))
    return [day if day.day > 1 else day + timedelta(1) for day in days]


DRAWS: dict[str, Callable[[int, Random], list[Any]]] = {  # all but the time, whose range differs
    "city": draw_cities,
    "country": lambda count, rng: shuffled(COUNTRIES.split(), count, rng),
    "language": lambda count, rng: shuffled(TONGUES.split(), count, rng),
    "date": draw_dates,
    "weekday": lambda count, rng: pick(range(7), count, rng),
    "price": draw_prices,
    "percent": lambda count, rng: pick(range(5, 55, 5), count, rng),
    "minutes": lambda count, rng: pick(range(10, 60, 5), count, rng),
    "hours": lambda count, rng: pick(range(3, 13), count, rng),
    "days": lambda count, rng: pick([*range(3, 15), 21, 28, 35], count, rng),
    "people": lambda count, rng: pick(range(3, 13), count, rng),
    "weight": lambda count, rng: pick(range(12, 33), count, rng),
    "distance": lambda count, rng: pick([*range(100, 950, 50), *range(2000, 16000, 1000)], count, rng),
    "number": lambda count, rng: pick(range(101, 1000), count, rng),
}


def draw(names: Iterable[str], rng: Random, hours: tuple[int, int] = (7, 22)) -> dict[str, Any]:
    """Return one value per slot name, the same for all languages: {slot: zone, code, date, number ...}.

    hours: the range of the times.
    """
    filling: dict[str, Any] = {}
    names = sorted(names)
    for kind in sorted({base(name) for name in names}):
        group = [name for name in names if base(name) == kind]
        count = len(group)
        values = draw_times(count, rng, hours) if kind == "time" else DRAWS[kind](count, rng)
        filling |= zip(group, values, strict=True)
    return filling
