"""Pairs of a text and its translation from files (JSON lines, tables, TMX), of memories and of glossaries."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from isogloss.data.formats import OPENERS, find, open_text, read_header, read_table
from isogloss.errors import UserError
from isogloss.languages import language

XML_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True, slots=True)
class Pair:
    """A text and its translation; style: what the memory says of its manner or region, where it says anything."""

    source: str
    target: str
    style: str | None = None


def read_pairs(path: Path, source: str, target: str) -> list[Pair]:
    """The pairs of a file as they stand, in its order.

    JSON lines have `source` and `target`, and where they differ from line to line `source_language` and
    `target_language`; a line of the opposite direction is turned. A table has the source before the target, or a first
    line with `source` and `target` or with languages (`en`, `de`, `sw`), of which two are taken. Either may have
    a `style`. In TMX the style is the target's language with its region, as the file has it (`pt-BR`).

    Raises:
        UserError: it is none of these, or lacks one of the languages.
    """
    if ".jsonl" in path.suffixes:
        return list(_json_pairs(path, source, target))
    if ".tmx" in path.suffixes:
        return list(_tmx_pairs(path, source, target))
    return [Pair(*row.values) for row in read_table(path, _columns(path, source, target))]


def names_languages(path: Path, source: str, target: str) -> bool:
    """Whether the file itself says which languages its sides are in, and is believed."""
    if ".tmx" in path.suffixes:
        return True
    if ".jsonl" in path.suffixes:
        with open_text(path) as text:
            return '"target_language"' in text.readline()
    return _columns(path, source, target)[0] not in (0, "source")


def _columns(path: Path, source: str, target: str) -> list[str | int]:
    """The columns of the source, the target and, where there is one, the style: names, or numbers without a header."""
    cells = read_header(path)
    style: list[str | int] = ["style"] if "style" in cells else []
    if {"source", "target"} <= set(cells):
        return ["source", "target", *style]
    tags = {_tag(cell): cell for cell in cells if cell != "style"}
    # "no" and "is" are words too: a header names languages only, and one that was asked for
    if None in tags or not tags.keys() & {source, target}:
        if len(cells) < 2:
            raise UserError(f"{find(path)}:1: one column; a source, a tab and its translation are expected")
        return [0, 1]
    for tag in (source, target):
        if tag not in tags:
            raise UserError(f"{find(path)}: no column of {tag}; it has {', '.join(map(str, tags))}")
    return [tags[source], tags[target], *style]


def _tag(cell: str) -> str | None:
    try:
        return language(cell).tag if cell.isascii() and len(cell) <= 10 else None
    except UserError:
        return None


def _json_pairs(path: Path, source: str, target: str) -> Iterator[Pair]:
    where = find(path)
    with open_text(path) as text:
        for number, line in enumerate(text, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                values = row["source"], row["target"]
                tags = tuple(
                    language(row.get(f"{side}_language", tag)).tag
                    for side, tag in (("source", source), ("target", target))
                )
            except (ValueError, KeyError, AttributeError, TypeError) as error:
                raise UserError(f"{where}:{number}: not a pair with source and target ({error})") from None
            if not all(isinstance(value, str) for value in values):
                raise UserError(f"{where}:{number}: source and target must be texts")
            if tags in ((source, target), (target, source)):
                one, other = values if tags == (source, target) else values[::-1]
                yield Pair(one, other, row.get("style"))


def _tmx_pairs(path: Path, source: str, target: str) -> Iterator[Pair]:
    """The units of a TMX file that have both languages, without the mark-up inside them."""
    found, seen = find(path), set()
    try:
        with OPENERS.get(found.suffix, open)(found, "rb") as file:
            for _, element in ElementTree.iterparse(file):
                if element.tag == "tu":
                    variants = {each.get(XML_LANGUAGE) or each.get("lang") or "": each for each in element.iter("tuv")}
                    texts = {_tag(name): (_segment(variant), name) for name, variant in variants.items()}
                    seen |= texts.keys()
                    if source in texts and target in texts:
                        yield Pair(texts[source][0], *texts[target])
                    element.clear()
    except (ElementTree.ParseError, OSError, EOFError) as error:
        raise UserError(f"{found}: not TMX ({error})") from None
    if not {source, target} <= seen:
        raise UserError(f"{found}: no units {source}-{target}; it has {', '.join(map(str, seen)) or 'none'}")


def _segment(variant: ElementTree.Element) -> str:
    return "".join(
        text
        for segment in variant.iter("seg")
        for text in (segment.text or "", *(each.tail or "" for each in segment))  # tags inside hold codes, not words
    )
