"""Training examples that are tokenised once: memory-mapped arrays on disk, shared by all runs that need the same.

An entry is a folder, named by the SHA-256 of all that its arrays depend on: every text and label, in their order and
with the sides they are read with; the tokenizer; the kind of task with its labels, lengths and features; the code of
the kinds and of this file; the versions of the tokenizing libraries. So nothing stale can be read. The arrays' own
SHA-256 stand beside them: a damaged entry is noticed and made anew.

Entries lie in the folder `tokens` of ISOGLOSS_CACHE (~/.cache/isogloss by default). Those that were not read for the
longest time are removed while all have more than ISOGLOSS_CACHE_LIMIT gigabytes (20; with 0 nothing is kept).
"""

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import fields, replace
from itertools import islice
from multiprocessing import Pool
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from transformers import PreTrainedTokenizerBase

from isogloss import kinds
from isogloss.data.on_disk import OnDisk
from isogloss.errors import UserError
from isogloss.files import new_folder, sha256
from isogloss.kinds import Example, Kind, Window, aligned, tell_number_cut
from isogloss.losses import IGNORED
from isogloss.processes import done_on_every_machine, everywhere
from isogloss.provenance import versions
from isogloss.records import Question, Record, Sentence, TaggedSentence

Sides = Iterable[Sequence[Record]]  # of every example what is read together; the first one decides
BLOCK = 2048  # records that are tokenised and written together
LIMIT = "20"  # GB
LEFT_BEHIND = 86400  # seconds after which a folder that was not finished is a killed writer's
ABOUT, DIGESTS = "about.json", "sha256.json"
COLUMNS = {
    "cut": np.bool_,
    "labels": np.int32,  # for every window one, two (start and end) or one per token
    "window_ends": np.int64,  # in input_ids, after a 0
    "sides": np.uint32,  # numbers of windows
    "side_ends": np.int64,
    "ids": np.uint8,  # as UTF-8
    "id_ends": np.int64,
    "languages": np.uint16,  # places in the entry's list of them
    "windows": np.uint32,  # the number among those of the record
    "numbers": np.int32,  # the same for the same item in other languages
    "sizes": np.int32,  # tokens of all sides
}
FIELDS = {  # of a record without its translations: those that are read are sides
    kind: attrgetter(*(field.name for field in fields(kind) if field.name != "translations"))
    for kind in (Sentence, TaggedSentence, Question)
}


def tokenised_once(
    kind: Kind, settings: Mapping[str, Any], sides: Callable[[], Sides], *, numbered: bool, workers: int
) -> OnDisk[Example] | None:
    """The examples of given sides, which are tokenised and written if they are not there; None if that cannot be.

    They are those of `kinds.examples`, but for what a kind keeps to decode predictions; sizes are in tokens. Where a
    command has several processes, all must come here.

    settings: what the kind was made with. sides: all of them, anew with every call. numbered: the records' ids are the
    numbers of their items. workers: further processes that tokenise.
    """
    limit = cache_limit()
    if not limit:
        return None
    try:
        folder = Path(os.environ.get("ISOGLOSS_CACHE") or Path.home() / ".cache" / "isogloss").expanduser() / "tokens"
    except RuntimeError:
        return _without("there is no home folder")
    entry = folder / key_of(kind, {**settings, "numbered": numbered}, sides())
    found = open_entry(entry)
    if everywhere(found is not None):
        print(f"{len(found or ())} examples were tokenised before: {entry}", file=sys.stderr)
        return found
    done_on_every_machine(lambda: found is None and _make(entry, kind, sides(), numbered, workers, limit))
    found = open_entry(entry)
    return found if everywhere(found is not None) else None


def key_of(kind: Kind, settings: Mapping[str, Any], sides: Sides) -> str:
    """The SHA-256 of all that the examples of the sides depend on."""
    known = versions()
    conditions = {
        "settings": settings,
        "kind": f"{type(kind).__module__}.{type(kind).__qualname__}",
        "tokenizer": tokenizer_state(kind.tokenizer),
        "no_label": IGNORED,
        "code": [sha256(path) for path in (*sorted(Path(kinds.__file__).parent.glob("*.py")), Path(__file__))],
        "versions": [known.get(name) for name in ("isogloss", "tokenizers", "transformers")],
    }
    digest = hashlib.sha256(json.dumps(conditions, sort_keys=True).encode())
    for records in sides:
        digest.update(len(records).to_bytes(4, "big") + b"".join(map(digest_of, records)))
    return digest.hexdigest()


def tokenizer_state(tokenizer: PreTrainedTokenizerBase) -> list[Any]:
    """All of a fast tokenizer that decides token ids; where texts are cut and padded is not, every call says that."""
    state = json.loads(tokenizer.backend_tokenizer.to_str())  # pyright: ignore
    state |= {"truncation": None, "padding": None}  # of the last call
    special = {role: str(token) for role, token in tokenizer.special_tokens_map.items()}
    return [type(tokenizer).__name__, state, special, tokenizer.truncation_side]


def digest_of(record: Record) -> bytes:
    """A hash of a record without its translations."""
    content = repr((type(record).__name__, *FIELDS[type(record)](record)))
    return hashlib.blake2b(content.encode(), digest_size=16).digest()


def open_entry(entry: Path) -> OnDisk[Example] | None:
    """The examples of an entry; None if it is not there, or damaged, which is told."""
    if not entry.exists():
        return None
    try:
        digests = json.loads((entry / DIGESTS).read_bytes())
        if damaged := [name for name, digest in digests.items() if sha256(entry / name) != digest]:
            raise ValueError(f"{damaged[0]} has changed")
        about = json.loads((entry / ABOUT).read_bytes())
        # plain arrays over the maps: their items are read faster
        arrays = {name: np.asarray(np.load(entry / f"{name}.npy", mmap_mode="r")) for name in (*COLUMNS, "input_ids")}
    except (OSError, ValueError, AttributeError) as error:
        print(f"kept tokens in {entry} are damaged ({error}); they are made anew", file=sys.stderr)
        return None
    with suppress(OSError):  # a folder that others keep may be read as well
        os.utime(entry / DIGESTS)
    tell_number_cut(about["cut"], about["several"])
    return _examples(about, arrays)


def _examples(about: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> OnDisk[Example]:
    input_ids, labels, cut, ends = (arrays[name] for name in ("input_ids", "labels", "cut", "window_ends"))
    sides, side_ends, ids, id_ends = (arrays[name] for name in ("sides", "side_ends", "ids", "id_ends"))
    languages, label_type = about["languages"], about["label"]

    def window(number: int) -> Window:
        start, end = ends[number], ends[number + 1]
        if label_type == "list":
            label = labels[start:end].tolist()
        elif label_type == "tuple":
            label = tuple(labels[2 * number : 2 * number + 2].tolist())
        else:
            label = int(labels[number])
        return Window(input_ids[start:end].tolist(), label, None, bool(cut[number]))

    def read(i: int) -> Example:
        name = ids[id_ends[i] : id_ends[i + 1]].tobytes().decode("utf-8", "surrogatepass")
        windows = tuple(window(number) for number in sides[side_ends[i] : side_ends[i + 1]].tolist())
        return Example(name, languages[arrays["languages"][i]], int(arrays["windows"][i]), windows)

    return OnDisk(read, arrays["numbers"], arrays["sizes"], frozenset(), in_tokens=True)


def _make(entry: Path, kind: Kind, sides: Sides, numbered: bool, workers: int, limit: float) -> None:
    """Nothing; the entry is there, or it is told why not."""
    print(f"tokenising the training texts once; they are kept in {entry.parent}", file=sys.stderr)
    shutil.rmtree(entry, ignore_errors=True)  # it would have been read
    try:
        with new_folder(entry) as folder:
            count = write_entry(folder, kind, sides, numbered, workers)
        size = _size(entry)
        make_room(entry, limit)
    except (OSError, UserError) as error:
        if not entry.exists():  # no other run wrote the same meanwhile
            _without(error.__cause__ or error)
        return
    print(f"{count} examples are kept, {size / 1e6:.0f} MB", file=sys.stderr)


def _without(reason: object) -> None:
    print(f"tokens cannot be kept: {reason}; going on without (ISOGLOSS_CACHE=DIR is another place)", file=sys.stderr)


class Placed(NamedTuple):
    """A window that was written."""

    number: int
    length: int
    cut: bool


def write_entry(folder: Path, kind: Kind, sides: Sides, numbered: bool, workers: int) -> int:
    """How many examples of the sides were written, block by block; a text beside others is written once for all.

    What stays in memory is a hash of each such text, and the names of the items where they are no numbers.
    """
    shared: dict[bytes, list[Placed]] = {}
    items: dict[tuple[str, int], int] = {}
    languages: dict[str, int] = {}
    cut = 0
    with _Writer(folder, kind) as to, _tokenising(kind, workers) as windows_of:
        sides = iter(sides)
        while block := [(records, [digest_of(side) for side in records]) for records in islice(sides, BLOCK)]:
            new = {key: side for pair in block for side, key in zip(*pair, strict=True) if key not in shared}
            here = {key: to.windows(found) for key, found in zip(new, windows_of(list(new.values())), strict=True)}
            shared |= {key: here[key] for _, keys in block for key in keys[1:] if key in here}
            for records, keys in block:
                name, language = records[0].id, languages.setdefault(records[0].language, len(languages))
                joined = list(aligned([here[key] if key in here else shared[key] for key in keys]))
                for j, windows in enumerate(joined):
                    number = int(name) if numbered else items.setdefault((name, j), len(items))
                    to.example(name, language, j, number, windows)
                cut += any(window.cut for windows in joined for window in windows)
            to.flush()
    about = {"cut": cut, "several": not kind.one_window, "languages": list(languages), "label": to.label}
    (folder / ABOUT).write_text(json.dumps(about), encoding="utf-8")
    digests = {path.name: sha256(path) for path in sorted(folder.iterdir())}
    (folder / DIGESTS).write_text(json.dumps(digests), encoding="utf-8")
    return to.columns["windows"].count


class _Writer:
    """The arrays of an entry, which grow window by window and example by example."""

    def __init__(self, folder: Path, kind: Kind):
        self.label = ""
        self.stack = ExitStack()
        self.columns = {
            name: self.stack.enter_context(_Column(folder / f"{name}.npy", dtype))
            for name, dtype in (COLUMNS | {"input_ids": smallest_type(kind.tokenizer)}).items()
        }
        for name in ("window_ends", "side_ends", "id_ends"):
            self.columns[name].add(0)

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *error: Any) -> None:
        self.stack.close()

    def windows(self, found: Iterable[Window]) -> list[Placed]:
        """The windows of a text, where they were put."""
        placed, to = [], self.columns
        for window in found:
            self.label = type(window.label).__name__
            to["input_ids"].add(*window.input_ids)
            to["labels"].add(*([window.label] if isinstance(window.label, int) else window.label))
            to["window_ends"].add(to["input_ids"].count)
            placed.append(Placed(to["cut"].count, len(window.input_ids), window.cut))
            to["cut"].add(window.cut)
        return placed

    def example(self, name: str, language: int, j: int, number: int, windows: Sequence[Placed]) -> None:
        """Nothing; the example is written."""
        to = self.columns
        to["sides"].add(*(window.number for window in windows))
        to["side_ends"].add(to["sides"].count)
        to["ids"].add(*name.encode("utf-8", "surrogatepass"))
        to["id_ends"].add(to["ids"].count)
        size = sum(window.length for window in windows)
        for column, value in (("languages", language), ("windows", j), ("numbers", number), ("sizes", size)):
            to[column].add(value)

    def flush(self) -> None:
        """Nothing; what was added is in the files."""
        for column in self.columns.values():
            column.flush()


class _Column:
    """A .npy file that grows; a value that its type does not hold is an error."""

    def __init__(self, path: Path, dtype: Any):
        self.file, self.dtype, self.count, self.waiting = path.open("wb"), np.dtype(dtype), 0, []
        self._header()

    def __enter__(self) -> "_Column":
        return self

    def __exit__(self, *error: Any) -> None:
        with self.file:
            self.flush()
            self.file.seek(0)
            self._header()

    def add(self, *values: int) -> None:
        """Nothing; the values will follow those of before."""
        self.waiting += values
        self.count += len(values)

    def flush(self) -> None:
        """Nothing; all values are in the file."""
        self.file.write(np.array(self.waiting, self.dtype).data)
        self.waiting = []

    def _header(self) -> None:
        about = {"descr": self.dtype.str, "fortran_order": False, "shape": (self.count,)}
        np.lib.format.write_array_header_1_0(self.file, about)  # of the same length whatever the count


def smallest_type(tokenizer: PreTrainedTokenizerBase) -> np.dtype:
    """The smallest type of array that holds every token id."""
    return np.min_scalar_type(max(tokenizer.get_vocab().values()))


KINDS: dict[str, Kind] = {}  # in a process that tokenises, the one it works with


@contextmanager
def _tokenising(kind: Kind, workers: int) -> Iterator[Callable[[Sequence[Record]], Iterable[list[Window]]]]:
    """A function from records to the windows of each."""
    if not workers:
        yield lambda records: map(kind.windows, records)
        return
    with Pool(workers, KINDS.__setitem__, ("here", kind)) as pool:
        yield lambda records: pool.map(_windows, records, chunksize=-(-len(records) // (4 * workers)) or 1)


def _windows(record: Record) -> list[Window]:
    return [replace(window, tokens=None) for window in KINDS["here"].windows(record)]


def make_room(entry: Path, limit: float) -> None:
    """Nothing; the entries beside this one were removed, those first that were read longest ago, until all fit."""
    last_read = {}
    for folder in entry.parent.iterdir():
        with suppress(OSError):  # another process removes entries too
            last_read[folder] = (folder if folder.name.startswith(".") else folder / DIGESTS).stat().st_mtime
    total = sum(map(_size, last_read))
    for folder in sorted(last_read, key=lambda folder: last_read[folder]):
        killed = folder.name.startswith(".") and time.time() - last_read[folder] > LEFT_BEHIND
        if killed or (total > limit and folder != entry and not folder.name.startswith(".")):
            total -= _size(folder)
            shutil.rmtree(folder, ignore_errors=True)


def _size(folder: Path) -> int:
    """The bytes of the files in a folder."""
    return sum(path.stat().st_size for path in folder.glob("*"))


def cache_limit() -> float:
    """The bytes that all entries together may have.

    Raises:
        UserError: ISOGLOSS_CACHE_LIMIT is no number.
    """
    given = os.environ.get("ISOGLOSS_CACHE_LIMIT") or LIMIT
    try:
        if (limit := float(given)) >= 0:
            return limit * 1e9
    except ValueError:
        pass
    raise UserError(f"ISOGLOSS_CACHE_LIMIT = {given!r} is not a number of gigabytes; set it to 0 or more")
