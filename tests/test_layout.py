"""The house: wings import the floor, never each other; nothing private, nothing that runs a file's or user's text."""

import ast
from pathlib import Path

import pytest

from isogloss.methods import WINGS, method_files, method_title

PACKAGE = Path(__file__).parents[1] / "isogloss"
FILES = {
    ".".join(("isogloss", *path.relative_to(PACKAGE).with_suffix("").parts)): path for path in PACKAGE.rglob("*.py")
}
TREES = {
    module.removesuffix(".__init__"): ast.parse(path.read_text(encoding="utf-8")) for module, path in FILES.items()
}
every_module = pytest.mark.parametrize("module", sorted(TREES))


def wing_of(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "isogloss" and parts[1] in WINGS else None


def imported(nodes):
    """The full names that import statements among the nodes bring in."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_module_level(tree):
    """Statements that run on import, those below `if` and `try` included, those for type checkers left out."""
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        inner = [node] if not isinstance(node, ast.If | ast.Try) else ast.walk(node)
        yield from inner


@every_module
def test_the_floor_imports_no_wing_when_it_is_imported(module):
    if wing_of(module) is None:
        assert [name for name in imported(at_module_level(TREES[module])) if wing_of(name)] == []


@every_module
def test_a_wing_imports_no_other_wing_anywhere(module):
    wing = wing_of(module)
    if wing is not None:
        assert [name for name in imported(ast.walk(TREES[module])) if wing_of(name) not in (None, wing)] == []


@every_module
def test_only_the_public_side_of_the_libraries_is_imported(module):
    names = [name for name in imported(ast.walk(TREES[module])) if name.split(".")[0] in ("transformers", "torch")]
    assert [name for name in names if any(part.startswith("_") for part in name.split("."))] == []
    assert [name for name in names if name.startswith("transformers.models")] == []


@every_module
def test_no_file_is_unpickled_and_no_text_is_executed(module):
    names = {name.split(".")[0] for name in imported(ast.walk(TREES[module]))}
    assert not names & {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"}
    for call in (node for node in ast.walk(TREES[module]) if isinstance(node, ast.Call)):
        called = ast.unparse(call.func)
        keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert called not in ("eval", "exec", "compile", "__import__", "os.system", "os.popen"), called
        assert keywords.get("shell") != "True", ast.unparse(call)
        assert keywords.get("trust_remote_code") != "True", ast.unparse(call)
        assert keywords.get("allow_pickle") != "True", ast.unparse(call)
        if called == "torch.load":
            assert keywords.get("weights_only") == "True", ast.unparse(call)


@every_module
def test_modules_have_a_docstring_that_is_a_sentence(module):
    if FILES.get(module, FILES.get(f"{module}.__init__")).stat().st_size:
        first = (ast.get_docstring(TREES[module]) or "").split("\n")[0]
        assert len(first) > 10 and first[0] != " "


@pytest.mark.parametrize("name", method_files())
def test_a_method_is_in_the_index_of_papers_and_says_its_own_name(name):
    index = (PACKAGE.parent / "docs" / "paper_index.md").read_text(encoding="utf-8")
    assert f"/{name}.py`" in index
    assert len(method_title(method_files()[name])) > 20


def test_the_package_imports_what_the_test_reads():
    assert len(TREES) > 50 and "isogloss.understanding.filter" in TREES and wing_of("isogloss.understanding.filter")
