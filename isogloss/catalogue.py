"""What there is to choose from: the rows of `isogloss list` and the pages of `isogloss show`. Imports no torch."""

import ast
import tomllib
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

from isogloss.data.hub import Hub
from isogloss.errors import UserError, nearest
from isogloss.languages import COMPUTED_DIALECTS, DIALECTS, dialect, language, languages
from isogloss.methods import method_files, method_title
from isogloss.resources import EMBEDDED, TRANSLATORS, recipe_files
from isogloss.tasks import load_task, task_names


def catalogue(what: str) -> dict[str, str]:
    """Names and one-line titles of all methods, tasks, recipes, languages, encoders, translation engines or rankers.

    Raises:
        UserError: there is no such list.
    """
    lists = {
        "methods": lambda: {name: method_title(path) for name, path in method_files().items()},
        "tasks": lambda: {name: load_task(name).title for name in task_names()},
        "recipes": lambda: {path.stem: recipe_title(path) for path in recipe_files().values()},
        "languages": lambda: {found.tag: found.name for found in languages()},
        "engines": lambda: (
            {name: method_title(path) for name, path in _engines().items()}
            | {name: f"the translator that comes with isogloss; `isogloss show {name}`" for name in TRANSLATORS}
        ),
        "rankers": lambda: {name: method_title(path) for name, path in _rankers().items()},
        "encoders": lambda: (
            {name: str(path) for name, path in EMBEDDED.items()}
            | {"any Hub name or folder": "an encoder that uses transformers' attention interface"}
        ),
    }
    if what not in lists:
        raise UserError(f"nothing to list under {what!r}; {nearest(what, lists)}")
    return lists[what]()


def describe(name: str) -> str:
    """A page about one method, task, recipe, encoder, translation engine, ranker or language, looked up in this order.

    Raises:
        UserError: nothing has that name; the message names the nearest.
    """
    methods = method_files()
    if name in methods:
        return method_page(methods[name])
    if name in task_names():
        return task_page(name)
    recipes = recipe_files()
    if name in recipes:
        return recipes[name].read_text(encoding="utf-8").rstrip()
    models = EMBEDDED | TRANSLATORS
    if name in models:
        return (models[name] / "README.md").read_text(encoding="utf-8").rstrip()
    engines = _engines()
    if name in engines:
        return ast.get_docstring(ast.parse(engines[name].read_text(encoding="utf-8"))) or ""
    rankers = _rankers()
    if name in rankers:
        return method_page(rankers[name])
    try:
        return language_page(name)
    except UserError:
        known = [*methods, *task_names(), *recipes, *models, *engines, *rankers]
        raise UserError(f"nothing is called {name!r}; {nearest(name, known)}") from None


def _engines() -> dict[str, Path]:
    from isogloss.translation.translator import engine_files

    return engine_files()


def _rankers() -> dict[str, Path]:
    from isogloss.retrieval.rankers import ranker_files

    return ranker_files()


def method_page(path: Path) -> str:
    """The docstring of a method or ranker, and its settings with their defaults and units as they stand in its file."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    settings = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings"]
    lines = source.splitlines()
    fields_of = (node for each in settings for node in each.body if isinstance(node, ast.AnnAssign))
    shown = [lines[node.lineno - 1].strip() for node in fields_of]
    return "\n".join([ast.get_docstring(tree) or "", "", "Settings (--set key=value):", *(shown or ["none"])])


def task_page(name: str) -> str:
    """The task's declaration, a line per field."""
    task = load_task(name)
    code = ("read", "read_machine", "read_unlabelled", "as_released", "layouts")
    rows = {item.name: getattr(task, item.name) for item in fields(task) if item.name not in code}
    width = max(map(len, rows))
    return "\n".join(f"{key:<{width}}  {_plain(value)}" for key, value in rows.items() if value not in (None, (), {}))


def language_page(code: str) -> str:
    """A language's tag, names and spellings."""
    found = language(code)
    rows = {"tag": found.tag, "name": found.name, "ISO 639-3": found.iso639_3, "script": found.script}
    for name in (*DIALECTS, *COMPUTED_DIALECTS):
        with suppress(UserError):  # a dialect that has no name for this language
            rows[name] = dialect(found, name)
    width = max(map(len, rows))
    return "\n".join(f"{key:<{width}}  {value}" for key, value in rows.items())


def recipe_title(path: Path) -> str:
    """`method on task` of a recipe, or its first comment."""
    text = path.read_text(encoding="utf-8")
    if text.startswith("#"):
        return text.split("\n")[0].lstrip("# ")
    content = tomllib.loads(text)
    return f"{content.get('method', 'any method')} on {content.get('task', 'any task')}"


def _plain(value: object) -> str:
    if not isinstance(value, tuple):
        return str(value)
    return ("; " if isinstance(value[0], Hub) else ", ").join(map(str, value))
