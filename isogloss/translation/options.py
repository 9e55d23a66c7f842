"""What the words of `isogloss translate` mean: languages, a worker's share, an engine with its context."""

from dataclasses import dataclass, fields
from pathlib import Path

from isogloss.errors import UserError
from isogloss.languages import language
from isogloss.translation.translator import Translator, load_translator


@dataclass(frozen=True, slots=True)
class Engine:
    """What an engine is made from, here or in another process.

    name: NAME:REST. memory, shots, selection, style, terms and draft say what a language model sees beside a text.
    """

    name: str
    memory: Path | None = None
    shots: int | None = None
    selection: str | None = None
    style: str | None = None
    terms: Path | None = None
    draft: str | None = None

    def load(self) -> Translator:
        """The engine.

        Raises:
            UserError: there is no such engine, it cannot be loaded, or it has no use for what is given beside it.
        """
        given = {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}
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


def parse_shard(text: str) -> tuple[int, int]:
    """The number of a worker, from 0, and how many there are, from `2/8` for the second of eight.

    Raises:
        UserError: it is something else.
    """
    number, slash, workers = text.partition("/")
    if slash and number.isdecimal() and workers.isdecimal() and 1 <= int(number) <= int(workers):
        return int(number) - 1, int(workers)
    raise UserError(f"--shard {text}: write 2/8 for the second of eight workers")
