"""Recipes: everything that decides a run, from a TOML file, from flags, or both; unknown keys are errors.

method = "filter"          task = "sib200"         encoder = "tiny"
languages = ["de", "sw"]   data = "DIR"            seed = 1          pivots = ["es"]
test_items = 200           (0, the default, is all of them)
train_languages = ["de"]   (by default `languages`; the training language is always among them)
translations = "DIR"       (a parallel data set, which takes the place of the task's training translations)
train_translations = "word_for_word"           train_pairings = ["translation", "shuffled"]
[config]    the method's own settings; [config.filter] in a recipe without a method, those of filter alone
[train]     isogloss.train_settings.TrainSettings
[lengths]   isogloss.kinds.Lengths
[features]  isogloss.kinds.Features
[expect]    what the run should reach, and where that number comes from; never read by the code that trains
"""

import dataclasses
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from isogloss.data.parallel import PAIRINGS
from isogloss.errors import UserError, nearest
from isogloss.kinds import Features, Lengths
from isogloss.languages import language
from isogloss.methods import default_backbone, load_method, method_files
from isogloss.resources import recipe_files
from isogloss.tasks import Task, load_task
from isogloss.train_settings import DIVISION, TrainSettings

TOP = (
    "method",
    "task",
    "encoder",
    "languages",
    "train_languages",
    "pivots",
    "train_translations",
    "train_pairings",
    "test_items",
    "data",
    "translations",
    "seed",
    "output",
)
WITHOUT_FLAG = ("train_languages", "train_translations", "train_pairings", "test_items")
SECTIONS = ("config", "train", "lengths", "features", "expect")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A run, fully resolved."""

    method: str
    task: str
    output: Path
    encoder: str = "tiny"
    languages: tuple[str, ...] = ()
    train_languages: tuple[str, ...] = ()  # trained on beside the training language; () = `languages`
    pivots: tuple[str, ...] = ()  # languages whose translations are read as further sides, after the training language
    train_translations: str = "data"  # data = those of the task; word_for_word = made with a lexicon where it has none
    train_pairings: tuple[str, ...] = ("translation",)  # a pair is trained on under one of these, drawn by its id
    test_items: int = 0  # the run is evaluated on at most so many items, the same in every language; 0 = all
    data: Path | None = None
    translations: Path | None = None  # a parallel data set with training translations, in the place of the task's own
    seed: int = 1
    config: Any = None  # the method's Settings
    train: TrainSettings = field(default_factory=TrainSettings)
    lengths: Lengths = field(default_factory=Lengths)
    features: Features = field(default_factory=Features)

    def resolved(self) -> dict[str, Any]:
        """Everything that decides the run's numbers, as JSON; equal for two runs that must give the same result."""
        record = dataclasses.asdict(self)
        for where in ("output", "data", "translations"):  # changes no number; the data have fingerprints
            del record[where]
        record["train"] = {name: value for name, value in record["train"].items() if name not in DIVISION}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in record.items()}


def read_recipe(path: str | Path) -> dict[str, Any]:
    """The contents of a recipe file; a bare name means one of those that come with isogloss.

    Raises:
        UserError: there is no such file, or it is not TOML; the message says where it breaks.
    """
    file = Path(path)
    if not file.is_file():
        known = recipe_files()
        if file.stem not in known:
            raise UserError(f"no recipe {path}; {nearest(file.stem, known)} (`isogloss list recipes` shows all)")
        file = known[file.stem]
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid TOML: {error}") from None


def resolve(content: Mapping[str, Any], overrides: Mapping[str, Any], assignments: Sequence[str] = ()) -> Recipe:
    """The recipe of a file's content, changed by flags and by `key=value` assignments.

    An assignment names a key of one of the sections, alone (`local_layers=1`) or with its section
    (`train.learning_rate=1e-5`), or one of the keys above them that have no flag (`test_items=100`).

    Raises:
        UserError: an unknown key, method, task or language (with the nearest), or a value of the wrong type.
    """
    unknown = [key for key in content if key not in (*TOP, *SECTIONS)]
    if unknown:
        raise UserError(f"recipe: unknown key {unknown[0]!r}; {nearest(unknown[0], (*TOP, *SECTIONS))}")
    top = {key: content[key] for key in TOP if key in content} | {k: v for k, v in overrides.items() if v is not None}
    for key, flag in (("method", "--method"), ("task", "--task"), ("output", "--output")):
        if key not in top:
            raise UserError(f"no {key} given; name one in the recipe or with {flag}")
    module = load_method(top["method"])
    types = {"config": module.Settings, "train": TrainSettings}
    types |= {"lengths": Lengths, "features": Features}
    for section in SECTIONS:
        if not isinstance(content.get(section, {}), Mapping):
            raise UserError(f"recipe: {section} = {content[section]!r} is not a section; write it as [{section}]")
    values = {section: dict(content.get(section, {})) for section in types}
    values["config"] = _config_of(top["method"], values["config"])
    values[""] = top
    for assignment in assignments:
        section, key, value = _assignment(assignment, types)
        values[section][key] = value
    data = Path(top["data"]) if top.get("data") else None
    task = load_task(top["task"])
    sections: dict[str, Any] = {section: build(types[section], values[section], section) for section in types}
    if sections["features"].csv_quotes and task.as_released is None:
        raise UserError(f"csv_quotes: nobody wrote the texts of task {task.name} as CSV; take it out")
    return Recipe(
        method=top["method"],
        task=top["task"],
        output=Path(top["output"]),
        encoder=str(top.get("encoder") or default_backbone(module)),
        languages=_languages(task, top.get("languages") or (), data),
        train_languages=task_languages(task, top["train_languages"]) if top.get("train_languages") else (),
        pivots=task_languages(task, top["pivots"]) if top.get("pivots") else (),
        train_translations=_choice(top, "train_translations", ("data", "word_for_word")),
        train_pairings=_pairings(top.get("train_pairings", "translation")),
        test_items=_count(top, "test_items"),
        data=data,
        translations=Path(top["translations"]) if top.get("translations") else None,
        seed=_typed(int, top.get("seed", 1), "seed"),
        **sections,
    )


def task_languages(task: Task, codes: Sequence[str] | str) -> tuple[str, ...]:
    """BCP-47 tags of the languages asked for, in any spelling; all of the task's when none are named.

    Raises:
        UserError: a language that is unknown, or that the task does not have.
    """
    if isinstance(codes, str):
        codes = [code for code in codes.replace(",", " ").split() if code]
    if not isinstance(codes, Sequence) or any(isinstance(code, list | dict) for code in codes):
        raise UserError(f"recipe: {codes!r} is not a list of languages")
    tags = tuple(dict.fromkeys(language(code).tag for code in codes)) or task.languages
    for tag in tags:
        if tag not in task.languages:
            raise UserError(f"task {task.name!r} has no language {tag!r}; it has: {', '.join(task.languages)}")
    return tags


def _languages(task: Task, codes: Sequence[str] | str, data: Path | None) -> tuple[str, ...]:
    """The languages asked for, which must have files; all that are there when none are named."""
    tags = task_languages(task, codes or languages_there(task, data))
    if codes and data is not None:
        task.require_files(data, tags)
    return tags


def languages_there(task: Task, data: Path | None) -> tuple[str, ...]:
    """The languages of the task whose test files are there; those that are not are told on standard error."""
    there = task.at(data).languages if data is not None else task.languages
    if absent := [tag for tag in task.languages if tag not in there]:
        print(f"{task.name}: {data} has no test files in {', '.join(absent)}; they are left out", file=sys.stderr)
    return there


def build(settings: type[T], values: Mapping[str, Any], section: str) -> T:
    """A settings dataclass from plain values, its types checked.

    Raises:
        UserError: an unknown key (with the nearest) or a value that does not fit.
    """
    known = [item.name for item in dataclasses.fields(settings)]  # pyright: ignore[reportArgumentType]
    for key in values:
        if key not in known:
            raise UserError(f"recipe [{section}]: unknown key {key!r}; {nearest(key, known)}")
    try:
        return TypeAdapter(settings).validate_python(dict(values))
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise UserError(f"recipe [{section}]: {where} = {problem.get('input')!r}: {problem['msg'].lower()}") from None


def assigned(settings: type[T], assignments: Sequence[str], defaults: Mapping[str, Any] | None = None) -> T:
    """A settings dataclass from `key=value` assignments over other defaults than its own.

    Raises:
        UserError: an unknown key, a value that does not fit, an assignment without `=`.
    """
    values = dict(defaults or {})
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--set {text}: write it as key=value")
        values[key] = _value(value)
    return build(settings, values, "config")


def _config_of(method: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of one method; a section within that is named for a method holds those of that method alone."""
    known = method_files()
    return {key: value for key, value in config.items() if key not in known} | dict(config.get(method, {}))


def _assignment(text: str, types: Mapping[str, type]) -> tuple[str, str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"--set {text}: write it as key=value")
    known = {s: [item.name for item in dataclasses.fields(kind)] for s, kind in types.items()}  # pyright: ignore
    section, dot, rest = key.partition(".")
    if dot and section in known:
        return section, rest, _value(value)
    known[""] = list(WITHOUT_FLAG)
    for section, names in known.items():
        if key in names:
            return section, key, _value(value)
    everything = [name for names in known.values() for name in names]
    raise UserError(f"--set {text}: unknown key {key!r}; {nearest(key, everything)}")


def _value(text: str) -> Any:
    """A TOML value, or the bare text where it is none: `--set schedule=cosine` needs no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _count(top: Mapping[str, Any], name: str) -> int:
    value = _typed(int, top.get(name, 0), name)
    if value < 0:
        raise UserError(f"recipe: {name} = {value}: set it to 0 (all items) or more")
    return value


def _choice(top: Mapping[str, Any], name: str, known: Sequence[str]) -> str:
    """The value of a key that has a few; the first is the default."""
    value = top.get(name, known[0])
    if value not in known:
        raise UserError(f"recipe: {name} = {value!r}; {nearest(str(value), known)}")
    return value


def _pairings(value: Any) -> tuple[str, ...]:
    names = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(names, Sequence) or not names:
        raise UserError(f"recipe: train_pairings = {value!r} names no pairing; choose among {', '.join(PAIRINGS)}")
    for name in names:
        if name not in PAIRINGS:
            raise UserError(f"recipe: train_pairings: no pairing {name!r}; {nearest(str(name), PAIRINGS)}")
    return tuple(names)


def _typed(kind: type[T], value: Any, name: str) -> T:
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError:
        raise UserError(f"recipe: {name} = {value!r} is not of type {kind.__name__}") from None
