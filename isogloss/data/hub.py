"""Data sets on the Hugging Face Hub: where a task's tables are there, and their rows as records.

`--data hub` reads the Hub, through its cache; `--data hub:DIR` reads a mirror, a folder of repositories with their
files as they lie there (`DIR/facebook/xnli/de/test-00000-of-00001.parquet`). huggingface_hub fetches the files of one
split in one language, at a pinned commit, and datasets reads them. No code of a repository is ever run.
"""

import csv
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from isogloss.errors import MissingFile, UserError
from isogloss.files import sha256

HUB = "hub"
BATCH = 1000  # rows that are read at once
COMMIT = re.compile(r"[0-9a-f]{40}")
SHARD = re.compile(r"-\d{5}-of-(\d{5})\.")
TSV = {"sep": "\t", "quoting": csv.QUOTE_NONE, "keep_default_na": False}  # as `formats.read_table` reads them
Row = tuple[Any, ...]
Reader = Callable[[Iterable[Row], str], Sequence[Any]]  # rows, tag -> records


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """Where the tables of a task are on the Hub, which of their columns count, and how rows become records.

    A file is a pattern below the repository in which `{language}` stands for the name that the language has there.
    """

    repository: str
    revision: str  # a commit, or a branch, whose files may change
    files: Mapping[str, str]  # by split
    languages: Mapping[str, str]  # their names there by tag; no others are there
    columns: tuple[str, ...]  # in the order in which `read` takes them; the label, where there is one, comes last
    labels: Mapping[str, str] = field(default_factory=dict)  # ours by the name there, in the order of the class numbers
    read: Reader

    def __str__(self) -> str:
        """`facebook/xnli at main: train, dev, test in 15 languages`."""
        count = f"{len(self.languages)} languages" if len(self.languages) > 1 else next(iter(self.languages))
        return f"{self.repository} at {self.revision}: {', '.join(self.files)} in {count}"

    def pattern(self, split: str, tag: str) -> str | None:
        """The pattern of the files of a split in a language; None if they are not there."""
        if split not in self.files or tag not in self.languages:
            return None
        return self.files[split].format(language=self.languages[tag])


def on_hub(data: Path | None) -> bool:
    """Whether `--data` means the Hub or a mirror of it, and no folder of files."""
    return data is not None and (str(data) == HUB or str(data).startswith(f"{HUB}:"))


def mirror(data: Path) -> Path | None:
    """The folder of a mirror; None if it is the Hub itself.

    Raises:
        UserError: there is no such folder.
    """
    if str(data) == HUB:
        return None
    folder = Path(str(data).removeprefix(f"{HUB}:"))
    if not folder.is_dir():
        raise UserError(f"--data {data}: no such folder; a mirror holds repositories as folders, such as facebook/xnli")
    return folder


def is_there(places: Sequence[Hub], data: Path, split: str, tag: str) -> bool:
    """Whether a split in a language is declared to be on the Hub; in a mirror its files must be there too."""
    folder = mirror(data)
    return any(
        folder is None or _complete(_matching(folder / place.repository, pattern))
        for place in places
        if (pattern := place.pattern(split, tag)) is not None
    )


def read_hub(places: Sequence[Hub], data: Path, split: str, tag: str) -> Sequence[Any]:
    """The records of a split in one language, from the first of the places that has it.

    Raises:
        UserError: none has it; it cannot be fetched; a column is missing; the classes are others than those declared.
    """
    for place in places:
        if (pattern := place.pattern(split, tag)) is not None:
            return place.read(_rows(place, _files(place, data, pattern)), tag)
    repositories = ", ".join(dict.fromkeys(place.repository for place in places))
    raise MissingFile(f"the Hub has no {split} items in {tag} ({repositories}); give a folder with them by --data DIR")


def fingerprint_hub(places: Sequence[Hub], data: Path) -> str:
    """A SHA-256 (hex) over the commits that are read, which stand for their files; in a mirror over the files."""
    folder = mirror(data)
    if folder is None:
        commits = {(place.repository, commit(place.repository, place.revision)) for place in places}
        lines = [f"{repository}\0{found}\n" for repository, found in sorted(commits)]
    else:
        patterns = {
            (place.repository, place.files[split].format(language=name))
            for place in places
            for split in place.files
            for name in place.languages.values()
        }
        files = {file for repository, pattern in patterns for file in _matching(folder / repository, pattern)}
        lines = [f"{file.relative_to(folder).as_posix()}\0{sha256(file)}\n" for file in sorted(files)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@cache
def commit(repository: str, revision: str) -> str:
    """The commit of a revision, the same for as long as this process lives.

    Raises:
        UserError: the Hub, or without it its cache, does not have the revision.
    """
    return revision if COMMIT.fullmatch(revision) else _fetched(repository, revision, "README.md").name


def _files(place: Hub, data: Path, pattern: str) -> list[Path]:
    """The files of a pattern in a mirror, in the cache, or fetched into it."""
    what = f"{place.repository} at {place.revision}"
    folder = mirror(data)
    if folder is not None:
        files = _matching(folder / place.repository, pattern)
        remedy = (
            f"`{_command(place.repository, place.revision, pattern)} --local-dir {folder / place.repository}` makes "
            "that part of a mirror"
        )
    else:
        found = commit(place.repository, place.revision)
        files = _matching(_fetched(place.repository, found, pattern), pattern)
        remedy = "the repository has changed; give its files by --data DIR"
    if not files:
        raise MissingFile(f"{folder / place.repository if folder else what}: no file {pattern}; {remedy}")
    if not _complete(files):
        raise UserError(f"{files[0].parent}: {len(files)} files of {pattern}, their names say there are more; {remedy}")
    return files


def _matching(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern))


def _complete(files: Sequence[Path]) -> bool:
    """Whether there are files, and as many as their names say (`train-00000-of-00002.parquet`)."""
    counts = [int(match[1]) for file in files if (match := SHARD.search(file.name))]
    return bool(files) and (not counts or len(files) == max(counts))


def _fetched(repository: str, revision: str, pattern: str) -> Path:
    """The folder of a revision in the cache, the files of a pattern in it; those of a commit are fetched only once.

    Raises:
        UserError: the Hub cannot be reached, has no such repository or revision, or keeps it behind terms.
    """
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    from isogloss.online import offline

    what = f"data set {repository} at {revision}"
    own = "give a mirror by --data hub:DIR or the files by --data DIR"
    fetch = partial(snapshot_download, repository, repo_type="dataset", revision=revision, allow_patterns=[pattern])
    if COMMIT.fullmatch(revision):
        with suppress(OSError):  # not in the cache, or a part of it only
            folder = Path(fetch(local_files_only=True))
            if _complete(_matching(folder, pattern)):
                return folder
    try:
        return Path(fetch(local_files_only=offline()))
    except GatedRepoError:
        raise UserError(f"{what}: its owner asks for consent; give it on its page, then `hf auth login`") from None
    except RevisionNotFoundError:
        raise UserError(f"{what}: the Hub has no such revision of it; {own}") from None
    except RepositoryNotFoundError:
        raise UserError(f"{what}: the Hub has no such data set, or not for you; `hf auth login`, or {own}") from None
    except OSError as error:
        if constants.HF_HUB_OFFLINE:
            reason = "not in the cache, and the Hub is switched off (--offline, HF_HUB_OFFLINE)"
        else:
            reason = "not in the cache, and the Hub cannot be reached" if offline() else str(error).splitlines()[0]
        raise UserError(
            f"{what}: {reason}; where there is a network, `{_command(repository, revision, pattern)}` fetches it; "
            f"or {own}"
        ) from None


def _command(repository: str, revision: str, pattern: str) -> str:
    return f"hf download {repository} --repo-type dataset --revision {revision} --include '{pattern}'"


def _rows(place: Hub, files: Sequence[Path]) -> Iterator[Row]:
    """The values of the declared columns, row by row, class numbers turned into labels.

    The files are read as a stream: datasets would else keep a second copy of them on disk.
    """
    from datasets import load_dataset

    kind, options = ("parquet", {}) if files[0].suffix == ".parquet" else ("csv", TSV)
    where, names = str(files[0]), list(place.labels.values())
    try:
        table = load_dataset(kind, data_files=list(map(str, files)), split="train", streaming=True, **options)
        check_classes(place, (table.features or {}).get(place.columns[-1]), where)
        batch: Any
        for batch in table.with_format("arrow").iter(batch_size=BATCH):
            missing = [name for name in place.columns if name not in batch.column_names]
            if missing:
                raise UserError(f"{where}: no column {missing[0]!r}; the columns are {', '.join(batch.column_names)}")
            for *values, last in zip(*(batch[name].to_pylist() for name in place.columns), strict=True):
                texts = ("" if value is None else value for value in values)
                yield *texts, _named(last, names, where)
    except UserError:
        raise
    except (OSError, ValueError) as error:  # what pyarrow and pandas raise for a damaged table
        raise UserError(f"{where}: cannot be read ({str(error).splitlines()[0]}); fetch it again") from error


def check_classes(place: Hub, feature: Any, where: str) -> None:
    """Nothing, if the classes that a column says it has are those declared, in their order.

    Raises:
        UserError: they are others.
    """
    names = getattr(getattr(feature, "feature", feature), "names", None)
    if names is not None and list(names) != list(place.labels):
        raise UserError(
            f"{where}: the classes of {place.columns[-1]!r} are {', '.join(names)} where "
            f"{', '.join(place.labels) or 'none'} were expected; the repository has changed, give files by --data DIR"
        )


def _named(value: Any, names: Sequence[str], where: str) -> Any:
    """A class number as its label, a list of them as theirs; None for the -1 of a label that is kept back."""
    if isinstance(value, list):
        return [_named(each, names, where) for each in value]
    if not isinstance(value, int):
        return "" if value is None and not names else value
    if value >= len(names):
        raise UserError(f"{where}: class number {value} where there are {len(names)} classes")
    return names[value] if value >= 0 else None
