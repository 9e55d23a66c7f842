"""Pairs of sentences with a class, from the tables that benchmarks ship: XNLI, PAWS-X and their translations."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from isogloss.data.formats import labelled_width, packed, read_header, read_table
from isogloss.data.layouts import Layout, find_layout, located, require_as_many
from isogloss.data.on_disk import OnDisk
from isogloss.errors import UserError
from isogloss.records import Sentence

Columns = Sequence[str | int]  # both texts and the label, by name or number; without the label where there is none


def read_pairs(
    path: Path, tag: str, columns: Columns, *, labels: Mapping[str, str] | None = None, quoting: bool = False
) -> Sequence[Sentence]:
    """The pairs of a table in one language; rows of the same number are the same item in every language.

    labels: other spellings of labels. quoting: whether texts with quotes may have been written as CSV, which is undone.
    A file without a header may lack the label, which benchmarks take out of their test files. A regular table with
    labels stays on disk.
    """
    if isinstance(columns[-1], int):
        columns = columns[: labelled_width(path, len(columns))]

    def pair(number: int, values: Sequence[str]) -> Sentence:
        values = tuple(map(without_csv_quotes, values)) if quoting else values
        return _pair(str(number), tag, values, labels or {})

    if (rows := _rows_on_disk(path, columns)) is not None:
        return OnDisk(lambda i: pair(i + 1, rows.read(i)), rows.numbers, rows.sizes, _renamed(rows.labels, labels))
    return [pair(number, row.values) for number, row in enumerate(read_table(path, columns), 1)]


def read_five_columns(
    path: Path, tag: str, originals: Sequence[Sentence], labels: Mapping[str, str] | None = None
) -> Sequence[Sentence]:
    """The translated pairs of one of XTREME's tables: original 1 and 2, translation 1 and 2, label.

    Such a table need not be in the order of the originals' own, so a pair takes the id of its original.

    Raises:
        UserError: an original is not among the originals.
    """
    known = _Originals(originals)
    if (rows := _rows_on_disk(path, range(5))) is not None:
        places = [known.place(i, values, f"{path}:{i + 1}") for i, values in enumerate(rows)]
        rows = rows.numbered([int(originals[place].id) for place in places])

        def read(i: int) -> Sentence:
            return _pair(str(rows.numbers[i]), tag, rows.read(i)[2:], labels or {})

        return OnDisk(read, rows.numbers, rows.sizes, _renamed(rows.labels, labels))
    pairs = []
    for i, row in enumerate(read_table(path, range(5))):
        name = originals[known.place(i, row.values, row.where)].id
        pairs.append(_pair(name, tag, row.values[2:], labels or {}))
    return pairs


class _Originals:
    """Where an English pair stands among all of them; most often at the place where it is looked for first."""

    def __init__(self, pairs: Sequence[Sentence]):
        self.pairs = pairs
        self._places: dict[int, int] = {}  # by hash; made when a table is in another order

    def place(self, expected: int, texts: Sequence[str], where: str) -> int:
        """The place of the pair with the first two of the texts, `expected` if it is there too.

        Raises:
            UserError: it is nowhere; `where` names the line.
        """
        wanted = _folded(*texts[:2])
        if expected < len(self.pairs) and self._texts(expected) == wanted:
            return expected
        if not self._places:
            self._places = {hash(self._texts(i)): i for i in reversed(range(len(self.pairs)))}
        found = self._places.get(hash(wanted))
        if found is None or self._texts(found) != wanted:
            raise UserError(f"{where}: its original {texts[0][:40]!r} is not among the {len(self.pairs)} English ones")
        return found

    def _texts(self, i: int) -> tuple[str, ...]:
        return _folded(self.pairs[i].text, self.pairs[i].text_pair or "")


def read_rows_of_language(path: Path, tag: str, language: str, columns: Columns) -> list[Sentence]:
    """The pairs of one language in a table of all of them, numbered by themselves; `language` names its column."""
    rows = (row.values for row in read_table(path, (language, *columns)))
    return [_pair(str(number), tag, row[1:], {}) for number, row in enumerate((r for r in rows if r[0] == tag), 1)]


def read_machine_pairs(
    machine: Sequence[Layout], layouts: Sequence[Layout], folder: Path, split: str, tag: str
) -> list[Sentence]:
    """Machine translations into English of the pairs that `layouts` have of a split in a language, row by row.

    Raises:
        UserError: there are none, or not as many as pairs.
    """
    layout, file = find_layout(machine, folder, split, tag)
    pairs = layout.read(file, tag)
    require_as_many(pairs, file, located(layouts, folder, split, tag), tag)
    return [replace(pair, language="en") for pair in pairs]


def pairs_of_rows(rows: Iterable[Sequence[str]], tag: str) -> list[Sentence]:
    """The pairs of rows, numbered from 1: the first text, the others joined by a space, and the label."""
    pairs = ((first, " ".join(others), label) for first, *others, label in rows)
    return [_pair(str(number), tag, pair, {}) for number, pair in enumerate(pairs, 1)]


def without_csv_quotes(cell: str) -> str:
    """The text of a cell that was written as CSV; any other cell as it stands.

    A writer of CSV quotes a text for the quotes in it and doubles these, so a cell in quotes without doubled ones
    inside was not written so.
    """
    inside = cell[1:-1]
    quoted = len(cell) > 1 and cell[0] == cell[-1] == '"' and '""' in inside and '"' not in inside.replace('""', "")
    return inside.replace('""', '"') if quoted else cell


def with_csv_quotes(pair: Sentence) -> Sentence:
    """The pair as a writer of CSV writes it: a text that holds a quote is in quotes, its own ones doubled.

    XTREME's scripts wrote XNLI's dev and test files so and read them as plain text (defect D18 of the released code):
    scores of published checkpoints were measured on such texts.
    """
    first, second = (text if text is None else _csv_cell(text) for text in (pair.text, pair.text_pair))
    return replace(pair, text=first or pair.text, text_pair=second)


def _csv_cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if '"' in text else text


def _rows_on_disk(path: Path, columns: Columns) -> OnDisk[tuple[str, ...]] | None:
    """The chosen columns of every row, the last of them the label, read when asked for; None if that cannot be."""
    if len(columns) < 3 or packed(path) != path:
        return None
    header = read_header(path)
    named = isinstance(columns[0], str)
    if named and any(column not in header for column in columns):
        return None
    places = [header.index(column) if isinstance(column, str) else column for column in columns]
    if places[-1] != len(header) - 1:
        return None
    from isogloss.data.tables_on_disk import regular_table  # brings numpy, which the name of a task needs not wait for

    table = regular_table(path, len(header), named)
    return None if table is None else table.map(lambda _, cells: tuple(cells[place] for place in places))


def _renamed(labels: Iterable[str], spellings: Mapping[str, str] | None) -> frozenset[str]:
    return frozenset((spellings or {}).get(label, label) for label in labels)


def _pair(name: str, tag: str, values: Sequence[str], labels: Mapping[str, str]) -> Sentence:
    first, second, *label = values
    known = labels.get(label[0], label[0]) if label and label[0] else None
    return Sentence(id=name, language=tag, text=first, text_pair=second, label=known)


def _folded(*texts: str) -> tuple[str, ...]:
    return tuple(" ".join(text.split()) for text in texts)
