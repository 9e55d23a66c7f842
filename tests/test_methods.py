import subprocess
import sys
from dataclasses import fields, is_dataclass

import pytest

from isogloss.errors import UserError
from isogloss.methods import load_method, method_files, method_title


def test_a_file_with_settings_and_method_is_a_method():
    assert {
        "zero_shot",
        "translate_train",
        "translate_test",
        "filter",
        "similarity_alignment",
    } <= method_files().keys()
    assert "published" not in method_files()


def test_files_with_an_underscore_are_none():
    assert not any(name.startswith("_") for name in method_files())


@pytest.mark.parametrize("name", method_files())
def test_a_method_has_frozen_settings_with_defaults(name):
    settings = load_method(name).Settings
    assert is_dataclass(settings) and settings.__dataclass_params__.frozen
    made = settings()
    for item in fields(settings):
        with pytest.raises(AttributeError):
            setattr(made, item.name, None)
    assert hasattr(load_method(name).Method(made), "settings")


@pytest.mark.parametrize("name", ["zero_shot", "translate_train", "translate_test", "filter"])
def test_the_methods_of_understanding_train_and_predict(name):
    module = load_method(name)
    method = module.Method(module.Settings())
    assert all(callable(getattr(method, part)) for part in ("build", "examples", "collate", "loss", "predict"))


def test_an_unknown_method_names_the_nearest():
    with pytest.raises(
        UserError, match=r"no method 'fliter'; did you mean filter\? \(`isogloss list methods` shows all\)"
    ):
        load_method("fliter")


def test_looking_at_methods_imports_none_of_them():
    code = (
        "import sys; from isogloss.methods import method_files, method_title\n"
        "titles = [method_title(path) for path in method_files().values()]\n"
        "assert all(titles) and 'torch' not in sys.modules and 'isogloss.understanding.filter' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_title_is_the_first_line_of_the_docstring():
    assert method_title(method_files()["filter"]).startswith("FILTER: read a text and its translation together")
