"""Tagged sentences as XTREME, XGLUE and FILTER lay them out: a word and its tag on a line, and translations by line.

XTREME also cuts long sentences into blocks for an encoder; a second file says which sentence a block is from. Blocks
are put together again, so both forms give the same records. FILTER's translations have a line per block.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from isogloss.data.checks import some
from isogloss.data.formats import Block, find, labelled_width, packed, read_conll, read_lines, width
from isogloss.errors import UserError
from isogloss.records import TaggedSentence, join_words, split_words

Rows = Sequence[tuple[str, ...]]
DOCUMENT_START = "-DOCSTART-"


def read_tagged(path: Path, tag: str) -> list[TaggedSentence]:
    """The sentences of a file with one word, or a word and its tag, on a line; numbered from 1.

    WikiANN's files write the language before every word (`de:Haus`); it is taken off.
    """
    blocks = _blocks(path, labelled_width(path, 2))
    return [_sentence(number, tag, block.rows) for number, block in enumerate(blocks, 1)]


def sentences_of_rows(rows: Iterable[tuple[Sequence[str], Sequence[str]]], tag: str) -> list[TaggedSentence]:
    """The sentences of rows with a list of words and one of their tags, numbered from 1; see `read_spaced`."""
    pairs = ([pair for pair in zip(*row, strict=True) if not pair[0].startswith(DOCUMENT_START)] for row in rows)
    return [_sentence(number, tag, each) for number, each in enumerate(filter(None, pairs), 1)]


def read_blocks(path: Path, tag: str) -> list[TaggedSentence]:
    """The sentences of a file that was cut into blocks, put together by the sentence numbers in the file beside it."""
    blocks = _blocks(path, labelled_width(path, 2))
    numbered = zip(_numbers(path, len(blocks)), blocks, strict=True)
    sentences = groupby(numbered, key=lambda pair: pair[0])
    return [_sentence(number, tag, [row for _, block in group for row in block.rows]) for number, group in sentences]


def read_spaced(path: Path, tag: str) -> list[TaggedSentence]:
    """The sentences of a file with a word, a space and its tag on a line, as CoNLL has them; numbered from 1.

    Lines that mark where a document begins are left out.

    Raises:
        UserError: a line has another number of columns, or the file holds no sentence.
    """
    found = find(path)
    lines = [
        (f"{found}:{number}", line)
        for number, line in enumerate(read_lines(path), 1)
        if not line.startswith(DOCUMENT_START)
    ]
    parts = [list(part) for blank, part in groupby(lines, key=lambda line: not line[1].strip()) if not blank]
    if not parts:
        raise UserError(f"{found}: no sentences; the file is empty")
    return [_sentence(i, tag, [_word_and_tag(*line) for line in part]) for i, part in enumerate(parts, 1)]


def as_iob2(tags: Sequence[str]) -> tuple[str, ...]:
    """IOB2 tags of IOB tags, which have a B- only where two spans of a kind touch; IOB2 tags stay as they are."""
    pairs = zip(("O", *tags), tags, strict=False)
    return tuple(f"B-{tag[2:]}" if tag[:2] == "I-" and before[1:] != tag[1:] else tag for before, tag in pairs)


def read_translations(path: Path, tag: str, source: Path, originals: Sequence[TaggedSentence]) -> list[TaggedSentence]:
    """The translations of a file's sentences or blocks, one on a line, without tags; blank lines have none.

    source: the file that was translated, of which `originals` are the sentences.

    Raises:
        UserError: there are more or fewer lines than sentences or blocks.
    """
    lines = read_lines(path)
    known = [int(original.id) for original in originals]
    numbers = known if _index(source) is None else _numbers(source, len(_blocks(source, width(source))))
    if len(lines) != len(numbers):
        raise UserError(
            f"{find(path)}: {len(lines)} lines where {find(source)} has {len(numbers)}; a line is the translation of "
            "the sentence or block of its number"
        )
    found: dict[int, list[str]] = {}
    for number, line in zip(numbers, lines, strict=True):
        found.setdefault(number, []).extend(line.split())
    return [_untagged(str(number), tag, words) for number, words in found.items() if words]


def filled_up(translations: Sequence[TaggedSentence], originals: Sequence[TaggedSentence]) -> list[TaggedSentence]:
    """A translation for every original: where there is none the original without its tags, which FILTER reads alone."""
    found = {translation.id: translation for translation in translations}
    language = translations[0].language if translations else ""
    return [
        found.get(each.id) or TaggedSentence(id=each.id, language=language, text=each.text, words=each.words)
        for each in originals
    ]


def _blocks(path: Path, columns: int) -> list[Block]:
    """The blocks of a file in which every line is a word: one that begins with `#` too."""
    return read_conll(path, columns=columns, commented=False)


def _sentence(number: int, tag: str, rows: Rows) -> TaggedSentence:
    words = [row[0] for row in rows]
    if all(word.startswith(f"{tag}:") and len(word) > len(tag) + 1 for word in words):
        words = [word.removeprefix(f"{tag}:") for word in words]
    text, offsets = join_words(words, tag)
    tags = tuple(row[1] for row in rows) if len(rows[0]) > 1 else None
    return TaggedSentence(id=str(number), language=tag, text=text, words=offsets, tags=tags)


def _word_and_tag(where: str, line: str) -> tuple[str, ...]:
    cells = tuple(line.strip(" \t").replace("\t", " ").split(" "))
    if len(cells) != 2:
        raise UserError(f"{where}: {len(cells)} columns where a word and its tag were expected")
    return cells


def _untagged(name: str, tag: str, words: Sequence[str]) -> TaggedSentence:
    text, _ = join_words(words, tag)
    return TaggedSentence(id=name, language=tag, text=text, words=tuple(split_words(text)))


def _index(path: Path) -> Path | None:
    return packed(path.with_name(f"{path.name}.idx"))


def _numbers(path: Path, blocks: int) -> list[int]:
    """The sentence number, from 1, of every block of a file.

    Raises:
        UserError: the file beside it is missing, has other blocks, or a block of several sentences.
    """
    index = _index(path)
    if index is None:
        raise UserError(f"{find(path)}: no {path.name}.idx beside it, which says what sentence a block is from")
    found = [{row[0] for row in block.rows} for block in _blocks(index, 1)]
    if len(found) != blocks:
        raise UserError(f"{index}: {len(found)} blocks where {path.name} has {blocks}")
    for numbers in found:
        if len(numbers) != 1 or not next(iter(numbers)).isdigit():
            raise UserError(f"{index}: a block has the sentence numbers {some(sorted(numbers))}; one is expected")
    return [int(next(iter(numbers))) + 1 for numbers in found]
