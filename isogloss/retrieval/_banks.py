"""Banks of texts: read from files or taken from a task's training split, and never the test itself."""

import json
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from isogloss.data.formats import open_text
from isogloss.data.task_data import drawn
from isogloss.errors import UserError
from isogloss.languages import language
from isogloss.records import Document, RankedQuery

FEWEST = 100  # texts below which the sums over a bank say little


def read_bank(path: Path) -> list[Document]:
    """The texts of a file: JSON lines {"text", "language", "id"} of which only the text must be there, or plain lines.

    A text without a language serves all; its id is the number of its line.

    Raises:
        UserError: the file cannot be read, is empty, or a line has no text.
    """
    with open_text(path) as lines:
        found = [
            _text(line.strip(), f"{path}:{number}", number) for number, line in enumerate(lines, 1) if line.strip()
        ]
    if not found:
        raise UserError(f"{path}: no texts; a bank is a file with a text on each line")
    return found


def _text(line: str, where: str, number: int) -> Document:
    if not line.startswith("{"):
        return Document(id=f"line {number}", language="", text=line)
    try:
        content = json.loads(line)
    except json.JSONDecodeError as error:
        raise UserError(f"{where}: not JSON ({error.msg}); write a text, or an object with one") from None
    if not isinstance(content.get("text"), str) or not content["text"].strip():
        raise UserError(f'{where}: no text; a line of a bank is {{"text": "..."}}')
    tag = language(content["language"]).tag if content.get("language") else ""
    return Document(id=str(content.get("id", f"line {number}")), language=tag, text=content["text"])


def texts_of_queries(queries: Iterable[RankedQuery]) -> list[Document]:
    """The queries as texts of a bank; under other ids, as those of two splits are often the same line numbers."""
    return [Document(id=f"bank {query.id}", language=query.language, text=query.text) for query in queries]


def documents_of(queries: Iterable[RankedQuery]) -> list[Document]:
    """The documents of the queries, every text once, under other ids."""
    collections = {id(query.documents): query.documents for query in queries}
    found = {document.text: document for each in collections.values() for document in each}
    return [replace(document, id=f"bank {document.id}") for document in found.values()]


def bank_of(
    texts: Sequence[Document],
    tag: str,
    size: int,
    tested: Iterable[tuple[str, str]],
    name: str,
    tell: Callable[[str], None],
) -> list[str]:
    """At most `size` texts of a bank in a language, or in any where there are none in it, without those of the test.

    tested: ids and texts of what is ranked. tell: is given what was left out, and that a bank has few texts.

    Raises:
        UserError: half of the bank or more is of the test.
    """
    own = [each for each in texts if each.language in (tag, "")] if tag else list(texts)
    if texts and not own:
        tell(f"{name} bank: no text in {tag}, so those of all languages are taken")
        own = list(texts)
    pairs = list(tested)
    ids, same = {each for each, _ in pairs}, {plain(text) for _, text in pairs}
    kept = [each for each in own if each.id not in ids and plain(each.text) not in same]
    if len(kept) < len(own):
        told = f"{name} bank: {len(own) - len(kept)} of {len(own)} texts are of what is tested"
        if 2 * len(kept) <= len(own):
            raise UserError(f"{told}; take texts of a training split, or say so with --set transductive=true")
        tell(f"{told} and left out")
    if 0 < len(kept) < FEWEST:
        tell(f"{name} bank: {len(kept)} texts; its sums say little below {FEWEST}")
    return [each.text for each in (drawn(kept, size) if len(kept) > size else kept)]


def plain(text: str) -> str:
    """The text as it is compared: small letters, one space between words, one form of each character."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
