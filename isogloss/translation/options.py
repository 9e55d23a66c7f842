"""What the words of `isogloss translate` mean: texts, languages, an engine with its context, judges, a share."""

import shlex
from dataclasses import dataclass, fields
from pathlib import Path

from isogloss.errors import UserError
from isogloss.languages import language
from isogloss.translation.gates import Judges, parse_gates
from isogloss.translation.inputs import Records, records_of_file, records_of_task
from isogloss.translation.translator import Translator, load_translator

OF_MEMORY = ("shots", "selection", "similarity", "at_least", "allow_exact", "seed", "style")
LINES = (".txt", "")  # files of plain lines, by the end of their name


@dataclass(frozen=True, slots=True)
class Texts:
    """What is to be translated: a file, standard input, or a task's split; from_: its language, where that is said."""

    file: Path | None = None
    task: str | None = None
    data: Path | None = None
    split: str = "train"
    from_: str | None = None

    @property
    def tag(self) -> str | None:
        """The language that was said, as a tag."""
        return None if self.from_ is None else language(self.from_).tag

    @property
    def are_lines(self) -> bool:
        """Whether they are lines without labels."""
        return self.task is None and (self.file is None or self.file.suffix in LINES)

    def records(self) -> Records:
        """The records of the file or of the task's split.

        Raises:
            UserError: both were named; they cannot be read.
        """
        if self.task is not None and self.file is not None:
            raise UserError(f"--task {self.task} and {self.file}: give the one or the other")
        if self.task is not None:
            return records_of_task(self.task, self.data, self.split, self.tag)
        assert self.file is not None
        return records_of_file(self.file, self.tag)


@dataclass(frozen=True, slots=True)
class Engine:
    """What an engine is made from, here or in another process: NAME:REST, and what a language model sees beside a text.

    Those from `shots` to `style` say which pairs of the memory it sees; see `adaptive_prompts.with_context`.
    """

    name: str
    memory: Path | None = None
    shots: int | None = None
    selection: str | None = None
    similarity: str | None = None
    at_least: float | None = None
    allow_exact: bool | None = None
    seed: int | None = None
    style: str | None = None
    terms: Path | None = None
    draft: str | None = None

    def load(self) -> Translator:
        """The engine.

        Raises:
            UserError: there is no such engine, it cannot be loaded, or it has no use for what is given beside it.
        """
        given = {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}
        if self.memory is None and (idle := [name for name in OF_MEMORY if name in given]):
            raise UserError(f"--{idle[0].replace('_', '-')} is about the pairs of --memory FILE; give that too")
        engine = load_translator(given.pop("name"))
        if not given:
            return engine
        from isogloss.translation.adaptive_prompts import with_context

        if "draft" in given:
            given["draft"] = load_translator(given["draft"])
        return with_context(engine, **given)


def tags_of(spellings: str) -> list[str]:
    """The tags of languages in any spelling, separated by commas, each once.

    Raises:
        UserError: there is none, or one is unknown.
    """
    tags = [language(spelling).tag for spelling in spellings.split(",") if spelling.strip()]
    if not tags:
        raise UserError("--to names no language; give one, or several with commas between them")
    return list(dict.fromkeys(tags))


def judges_of(gates: str, reverse: str | None, quality: str | None) -> Judges:
    """The gates with the engine that translates back and the program that they ask.

    Raises:
        UserError: there is no such gate, or no such engine.
    """
    asked = parse_gates(gates)
    return Judges(asked, load_translator(reverse) if reverse else None, tuple(shlex.split(quality or "")))


def parse_shard(text: str) -> tuple[int, int]:
    """The number of a worker, from 0, and how many there are, from `2/8` for the second of eight.

    Raises:
        UserError: it is something else.
    """
    number, slash, workers = text.partition("/")
    if slash and number.isdecimal() and workers.isdecimal() and 1 <= int(number) <= int(workers):
        return int(number) - 1, int(workers)
    raise UserError(f"--shard {text}: write 2/8 for the second of eight workers")
