"""Write the embedded sample: fill the sentence patterns of twelve languages with the same slot values.

`python sample/generate.py` reads sample/patterns/*.toml and writes isogloss/data/sample.jsonl.bz2, the same
bytes on every run. README.md beside this file explains the pattern files; slots.py holds the values.
"""

import argparse
import bz2
import json
import os
import re
import string
import sys
import tempfile
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # slots.py, also when a test loads this file by its path

import slots  # noqa: E402

OUTPUT = HERE.parent / "isogloss" / "data" / "sample.jsonl.bz2"
SEED = "isogloss sample 1"
SPLITS = ("train", "dev", "test")
INTENT_ITEMS = {"train": 1500, "dev": 300, "test": 500}
QUESTION_ITEMS = {"train": 500, "dev": 100, "test": 200}


def home_split(names: dict[str, str]) -> dict[str, str]:
    """Return {name: split} from {split: names}."""
    return {name: split for split, together in names.items() for name in together.split()}


INTENT_SPLITS = home_split({"train": "01 02 03 04 05 06", "dev": "07 08", "test": "09 10"})
PASSAGE_SPLITS = home_split(
    {
        "train": "station hotel restaurant museum flight pool market",
        "dev": "ferry campsite",
        "test": "tour bicycles school",
    }
)
# Where a time of any hour would be odd: dinner in the morning, music until noon.
HOURS = {"book_table": (17, 22), "hotel": (9, 18), "restaurant": (11, 21), "campsite": (18, 24)}
DAY = (7, 22)
# A pattern without slots differs between its items only in the sentences around it.
ITEMS_WITHOUT_SLOTS = 5
COURTESY = 0.25  # share of items with an opener, and share with a closer

Patterns = dict[str, dict[str, Any]]
Record = dict[str, Any]


class PatternError(ValueError):
    """A pattern file breaks the rules of README.md."""


def slot_names(pattern: str) -> list[str]:
    """Return the slot names of a pattern in the order of the text."""
    return [name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None]


def fill(pattern: str, filling: dict[str, Any], language: str) -> tuple[str, dict[str, tuple[int, int]]]:
    """Return the filled pattern and the half-open character span of every slot."""
    text, spans = "", {}
    for literal, name, _, _ in string.Formatter().parse(pattern):
        text += literal
        if name is not None:
            value = slots.write(name, filling[name], language)
            text = slots.join(text, value, language)
            spans[name] = (len(text) - len(value), len(text))
    return text, spans


def is_word_aligned(text: str, start: int, end: int, language: str) -> bool:
    """Return whether no word reaches over an end of the span; in zh and ja every character may end one."""
    if language in slots.UNSPACED:
        return True

    def in_word(place: int) -> bool:
        return 0 <= place < len(text) and unicodedata.category(text[place])[0] in "LMN"

    return not (in_word(start - 1) and in_word(start)) and not (in_word(end - 1) and in_word(end))


def flatten(patterns: Patterns) -> Iterator[tuple[str, str]]:
    """Yield ("intents.book_train.01", pattern) for every string of a pattern file."""
    for key, value in patterns.items():
        if isinstance(value, str):
            yield key, value
        else:
            yield from ((f"{key}.{rest}", pattern) for rest, pattern in flatten(value))


def read_patterns(folder: Path, languages: Iterable[str]) -> dict[str, Patterns]:
    """Return the patterns of every language.

    Raises PatternError: a file is missing, or a language differs from English in its keys or their slots.
    """
    patterns = {}
    for language in languages:
        path = folder / f"{language}.toml"
        if not path.exists():
            raise PatternError(f"no patterns for {language}: write {path} or leave it out with --languages")
        patterns[language] = tomllib.loads(path.read_text(encoding="utf-8"))
    with (folder / "en.toml").open("rb") as file:
        english = dict(flatten(tomllib.load(file)))
    for language, tables in patterns.items():
        found = dict(flatten(tables))
        if odd := sorted(found.keys() ^ english.keys()):
            raise PatternError(f"{language}.toml and en.toml do not both have {', '.join(odd[:5])}")
        for key, pattern in found.items():
            if sorted(slot_names(pattern)) != sorted(slot_names(english[key])):
                wanted = " ".join(sorted(slot_names(english[key])))
                raise PatternError(f"{language}.toml {key}: not the slots of en.toml ({wanted}): {pattern}")
    return patterns


def even_share(total: int, place: int, places: int) -> int:
    """Return how many of `total` items the place gets, so that all places together get `total`."""
    return total * (place + 1) // places - total * place // places


def shares(total: int, capacities: dict[str, int]) -> dict[str, int]:
    """Return how many of `total` items each pattern gets: all the same, but none more than its capacity."""
    result, left = {}, total
    for place, key in enumerate(sorted(capacities, key=lambda key: capacities[key])):
        result[key] = min(capacities[key], round(left / (len(capacities) - place)))
        left -= result[key]
    return result


def sentence_items(patterns: dict[str, Patterns]) -> Iterator[Record]:
    """Yield one record per intent item and language: text, intent and slot spans."""
    first = next(iter(patterns.values()))
    intents = first["intents"]
    for split in SPLITS:
        for place, intent in enumerate(intents):
            names = {key: slot_names(p) for key, p in intents[intent].items() if INTENT_SPLITS[key] == split}
            capacities = {key: INTENT_ITEMS[split] if names[key] else ITEMS_WITHOUT_SLOTS for key in names}
            total = even_share(INTENT_ITEMS[split], place, len(intents))
            for key, count in sorted(shares(total, capacities).items()):
                yield from pattern_items(patterns, split, intent, key, names[key], count)


def pattern_items(
    patterns: dict[str, Patterns], split: str, intent: str, key: str, names: list[str], count: int
) -> Iterator[Record]:
    """Yield `count` different items of one intent pattern in every language."""
    pattern_id, seen = f"{intent}-{key}", set()
    rng = Random(f"{SEED} {pattern_id}")
    first = next(iter(patterns.values()))
    while len(seen) < count:
        filling = slots.draw(names, rng, HOURS.get(intent, DAY))
        frame = [
            slots.shuffled(first[table], 1, rng)[0] if rng.random() < COURTESY else None
            for table in ("openers", "closers")
        ]
        choice = (*(str(filling[name]) for name in names), *frame)
        if choice in seen:
            continue
        seen.add(choice)
        for language, tables in patterns.items():
            text, spans = fill(tables["intents"][intent][key], filling, language)
            space = "" if language in slots.UNSPACED else " "
            opener = tables["openers"][frame[0]] + space if frame[0] else ""
            closer = space + tables["closers"][frame[1]] if frame[1] else ""
            shift = len(opener)
            yield {
                "id": f"{pattern_id}-{len(seen):04d}",
                "language": language,
                "split": split,
                "pattern": pattern_id,
                "intent": intent,
                "text": opener + text + closer,
                "spans": sorted([a + shift, b + shift, slots.label(name)] for name, (a, b) in spans.items()),
            }


def question_items(patterns: dict[str, Patterns]) -> Iterator[Record]:
    """Yield one record per question item and language: context, question and answer."""
    first = next(iter(patterns.values()))
    for split in SPLITS:
        keys = [
            (passage, key)
            for passage, table in first["passages"].items()
            for key in table
            if key != "context" and PASSAGE_SPLITS[passage] == split
        ]
        for place, (passage, key) in enumerate(keys):
            count = even_share(QUESTION_ITEMS[split], place, len(keys))
            yield from passage_items(patterns, split, passage, key, count)


def passage_items(patterns: dict[str, Patterns], split: str, passage: str, key: str, count: int) -> Iterator[Record]:
    """Yield `count` items of one question of a passage in every language."""
    number, answer_slot = key.split(":")
    names = slot_names(next(iter(patterns.values()))["passages"][passage]["context"])
    rng = Random(f"{SEED} {passage} {key}")
    for item in range(count):
        filling = slots.draw(names, rng, HOURS.get(passage, DAY))
        for language, tables in patterns.items():
            context, spans = fill(tables["passages"][passage]["context"], filling, language)
            question, _ = fill(tables["passages"][passage][key], filling, language)
            start, end = spans[answer_slot]
            yield {
                "id": f"qa-{passage}-{number}-{item + 1:04d}",
                "language": language,
                "split": split,
                "pattern": f"qa-{passage}-{number}",
                "context": context,
                "question": question,
                "answer": {"text": context[start:end], "start": start},
            }


def spans_of(record: Record) -> list[tuple[str, int, int]]:
    """Return (text, start, end) of every span of a record: its slots, or its answer."""
    if "text" in record:
        return [(record["text"], start, end) for start, end, _ in record["spans"]]
    start, answer = record["answer"]["start"], record["answer"]["text"]
    return [(record["context"], start, start + len(answer))]


def find_faults(records: Iterable[Record]) -> Iterator[str]:
    """Yield one line per fault.

    Faults: doubled or edge spaces, braces, spans that cut a word, an answer in its own question, a text of
    one split that another split has too.
    """
    home: dict[tuple[str, str], str] = {}
    for record in records:
        where = f"{record['language']} {record['id']}"
        texts = [record[key] for key in ("text", "context", "question") if key in record]
        for text in texts:
            if "  " in text or text != text.strip() or re.search(r"[{}]", text):
                yield f"{where}: stray space or brace: {text}"
        for text, start, end in spans_of(record):
            if not is_word_aligned(text, start, end, record["language"]):
                yield f"{where}: {text[start:end]!r} is not a whole word: {text}"
        if "answer" in record and record["answer"]["text"] in record["question"]:
            yield f"{where}: the question holds its answer: {record['question']}"
        split = home.setdefault((record["language"], texts[0]), record["split"])
        if split != record["split"]:
            yield f"{where}: also in {split}: {texts[0]}"


def make_records(patterns: dict[str, Patterns]) -> list[Record]:
    """Return all records, one language after the other: like texts stand together and compress well.

    Raises PatternError on the first fault.
    """
    records = [*sentence_items(patterns), *question_items(patterns)]
    for fault in find_faults(records):
        raise PatternError(fault)
    order = {language: place for place, language in enumerate(patterns)}
    return sorted(records, key=lambda record: order[record["language"]])


def encode(records: Iterable[Record]) -> bytes:
    """Return the records as bz2-compressed JSON lines, UTF-8."""
    lines = (json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n" for record in records)
    return bz2.compress("".join(lines).encode(), compresslevel=9)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old or the new content and never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).chmod(0o644)
    Path(name).replace(path)


def show(records: list[Record], count: int, seed: str) -> str:
    """Return `count` random sentences with bracketed slots and `count` random questions of every language."""
    lines = []
    rng = Random(seed)
    for language in dict.fromkeys(record["language"] for record in records):
        mine = [record for record in records if record["language"] == language]
        for kind in ("text", "question"):
            for record in slots.pick([i for i, r in enumerate(mine) if kind in r], count, rng):
                lines.append(describe(mine[record]))
    return "\n".join(lines)


def describe(record: Record) -> str:
    """Return a record on one line for reading, its spans in brackets."""
    text = record.get("text") or record["context"]
    for _, start, end in sorted(spans_of(record), key=lambda span: -span[1]):
        text = f"{text[:start]}[{text[start:end]}]{text[end:]}"
    return f"{record['language']} {record['id']}: {text} {record.get('question', '')}".rstrip()


def main() -> int:
    """Return the exit code: 0 written or shown, 1 a pattern file is missing or wrong."""
    parser = argparse.ArgumentParser(description="Write the embedded sample.")
    parser.add_argument("--languages", default=",".join(slots.LANGUAGES), help="default: all twelve")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--show", type=int, metavar="N", help="print N random items of each layer only")
    parser.add_argument("--seed", default="1", help="of --show")
    arguments = parser.parse_args()
    try:
        records = make_records(read_patterns(HERE / "patterns", arguments.languages.split(",")))
    except (PatternError, tomllib.TOMLDecodeError) as error:
        print(error, file=sys.stderr)
        return 1
    if arguments.show:
        print(show(records, arguments.show, arguments.seed))
        return 0
    content = encode(records)
    write_atomically(arguments.output, content)
    print(f"{arguments.output}: {len(records)} records, {len(content)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
