"""Tasks: one declaration each, as data. The file name is the task's name; `load_task` imports only that file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from isogloss.data.hub import Hub, is_there, on_hub, read_hub
from isogloss.data.layouts import Layout, located
from isogloss.errors import UserError, nearest

SPLITS = ("train", "dev", "test")
Reader = Callable[[Path, str, str], Sequence[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A labelled data set in several languages.

    `read(folder, split, language)` returns the labelled records of one language, without translations; records of
    the same item share an id in all languages, and `isogloss.data.parallel` joins them by it.
    """

    name: str
    kind: str  # classification | tagging | question_answering | bitext | translation | ranking
    title: str  # one line for `isogloss list tasks`
    read: Reader
    layouts: tuple[Layout, ...] = ()  # where the files of the languages are; () = all languages are always there
    hub: tuple[Hub, ...] = ()  # where its tables are on the Hugging Face Hub
    languages: tuple[str, ...]  # BCP-47; all languages that have a test split
    metric: str  # the main one, a name in isogloss.metrics
    paper: str
    licence: str
    read_machine: Reader | None = None  # machine translations into the training language of a split in a language
    as_released: Callable[[Any], Any] | None = None  # a dev or test record as XTREME's scripts read it, if not the same
    read_unlabelled: Reader | None = None  # every record of a split, for prediction alone; None = what `read` gives
    encoder_method: str | None = None  # the method that answers it with an encoder as it is; None = with a trained run
    encoder_settings: Mapping[str, Any] = field(default_factory=dict)  # of its protocol, over that method's defaults
    labels: tuple[str, ...] = ()  # classes, or BIO tags / POS tags of tagging, in the order of the logits
    other_metrics: tuple[str, ...] = ()
    train_language: str = "en"  # where the gold labels are
    train_languages: tuple[str, ...] = ()  # languages that have the training items too; () = the same as `languages`
    dev_languages: tuple[str, ...] = ()  # languages that have the dev split; () = the same as `languages`
    parallel: tuple[str, ...] = SPLITS  # those whose items share ids between languages
    labelled_translations: bool = True  # whether the training translations carry labels of their own
    dev_split: str | None = "dev"
    folder: str | None = None  # the folder of the data set below --data; None = embedded in the package
    siblings: tuple[str, ...] = ()  # folders beside it that some splits are read from
    translation_source: str = "human"  # where the English side at test time comes from: human | machine
    sizes: Mapping[str, int] = field(default_factory=dict)  # items by "split" or "split/language"; checked by tests

    def root(self, data: Path | None) -> Path:
        """The folder with the task's files, given `--data`: that folder itself or the one that holds it.

        Raises:
            UserError: the task needs files and there are none, or the Hub is given where files are needed.
        """
        if self.folder is None:
            return Path(__file__).parent.parent / "data"
        if data is None:
            hub = ", or --data hub" if self.hub else ""
            raise UserError(f"task {self.name!r} reads files; give the folder that holds them with --data DIR{hub}")
        if on_hub(data):
            raise UserError(
                f"task {self.name!r}: this is not on the Hub; give the folder that holds it with --data DIR"
            )
        if not data.is_dir():
            raise UserError(f"--data {data}: no such folder")
        return data / self.folder if (data / self.folder).is_dir() else data

    def records(self, data: Path | None, split: str, tag: str, labelled: bool = True) -> Sequence[Any]:
        """The records of a split in one language, given `--data`: from its files or from the Hub.

        Raises:
            UserError: they are not there, or something is wrong with them.
        """
        if data is not None and self._reads_hub(data):
            return read_hub(self.hub, data, split, tag)
        read = self.read if labelled else self.read_unlabelled or self.read
        return read(self.root(data), split, tag)

    def require_files(self, data: Path, tags: Sequence[str]) -> None:
        """Nothing, if there is at least one file of each of the languages.

        Raises:
            UserError: a language has none; the task needs files and there are none.
        """
        there = self._whereabouts(data)
        absent = [tag for tag in tags if there and not any(there(split, tag) for split in SPLITS)]
        if absent:
            where, names = data if self._reads_hub(data) else self.root(data), ", ".join(absent)
            raise UserError(f"{where} has no files of task {self.name} in {names}; leave them out or get them")

    def at(self, data: Path) -> "Task":
        """The task with the languages whose files are there; a split of which none is there keeps those declared.

        Raises:
            UserError: the task needs files and there are none.
        """
        there = self._whereabouts(data)
        if there is None:
            return self
        found = {split: tuple(tag for tag in self.languages_of(split) if there(split, tag)) for split in SPLITS}
        return replace(
            self,
            languages=found["test"] or self.languages,
            train_languages=found["train"] or self.train_languages or self.languages,
            dev_languages=found["dev"] or self.dev_languages or self.languages,
        )

    def _reads_hub(self, data: Path) -> bool:
        """Whether the Hub takes the place of the task's files.

        Raises:
            UserError: the task is not on the Hub.
        """
        if self.folder is None or not on_hub(data):
            return False
        if not self.hub:
            raise UserError(
                f"task {self.name!r} cannot be read from the Hub; give the folder of its files with --data DIR"
            )
        return True

    def _whereabouts(self, data: Path) -> Callable[[str, str], bool] | None:
        """Tells whether a split in a language is there; None if that is found out only when it is read."""
        if self._reads_hub(data):
            return partial(is_there, self.hub, data)
        if not self.layouts:
            return None
        root = self.root(data)
        return lambda split, tag: located(self.layouts, root, split, tag) is not None

    def languages_of(self, split: str) -> tuple[str, ...]:
        """The languages that have the split."""
        return {"train": self.train_languages, "dev": self.dev_languages}.get(split) or self.languages

    def size(self, split: str, language: str) -> int | None:
        """The declared number of items, or None if none is declared."""
        return self.sizes.get(f"{split}/{language}", self.sizes.get(split))


def bio_tags(types: Sequence[str]) -> tuple[str, ...]:
    """O, then B- and I- of every type: the labels of a tagging task with spans."""
    return ("O", *(f"{prefix}-{kind}" for kind in types for prefix in "BI"))


def task_names() -> list[str]:
    """The names of all tasks, which are the file names of this folder."""
    return sorted(
        module.name for module in iter_modules([str(Path(__file__).parent)]) if not module.name.startswith("_")
    )


def load_task(name: str, data: Path | None = None) -> Task:
    """The task of that name; given its data, with the languages whose files are there.

    Raises:
        UserError: there is none; the message names the nearest.
    """
    if name not in task_names():
        raise UserError(f"no task {name!r}; {nearest(name, task_names())} (`isogloss list tasks` shows all)")
    task: Task = import_module(f"isogloss.tasks.{name}").TASK
    return task.at(data) if data is not None else task
