import pytest

from isogloss.catalogue import catalogue, describe
from isogloss.errors import UserError
from isogloss.methods import method_files
from isogloss.resources import EMBEDDED, TRANSLATORS, recipe_files
from isogloss.retrieval.rankers import ranker_files
from isogloss.tasks import task_names


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("methods", list(method_files())),
        ("tasks", task_names()),
        ("recipes", list(recipe_files())),
        ("engines", ["ctranslate2", "embedded", "hf", "llm", "memory", "pivot", "run", *TRANSLATORS]),
        ("rankers", list(ranker_files())),
        ("encoders", [*EMBEDDED, "any Hub name or folder"]),
    ],
)
def test_a_list_names_everything_there_is_with_a_title(what, names):
    rows = catalogue(what)
    assert list(rows) == names
    assert all(title and "\n" not in title for title in rows.values())


def test_languages_are_listed_by_tag():
    rows = catalogue("languages")
    assert rows["sw"] == "Swahili" and rows["de"] == "German"


def test_the_page_of_an_engine_says_how_it_is_named_on_the_command_line():
    assert "ctranslate2:FOLDER" in describe("ctranslate2") and "pivot:LANGUAGE:ENGINE" in describe("pivot")


def test_the_page_of_a_ranker_shows_its_settings():
    assert "k1: NonNegativeFloat = 1.2" in describe("bm25") and "run:FOLDER" in describe("run")


def test_an_unknown_list_names_the_nearest():
    with pytest.raises(UserError, match="nothing to list under 'method'; did you mean methods"):
        catalogue("method")


@pytest.mark.parametrize("name", method_files())
def test_the_page_of_a_method_shows_its_paper_and_its_settings(name):
    page = describe(name)
    assert "Settings (--set key=value):" in page


def test_the_settings_of_a_method_come_with_default_and_unit():
    assert "local_layers: int = 1  # m, layers that read each side alone before fusion" in describe("filter")
    assert describe("zero_shot").endswith("Settings (--set key=value):\nnone")


@pytest.mark.parametrize("name", task_names())
def test_the_page_of_a_task_shows_its_licence_and_languages(name):
    page = describe(name)
    assert "licence" in page and "languages" in page and "read" not in page.split()


@pytest.mark.parametrize("name", recipe_files())
def test_the_page_of_a_recipe_is_the_recipe(name):
    assert describe(name) == recipe_files()[name].read_text(encoding="utf-8").rstrip()


@pytest.mark.parametrize("name", ["sw", "swh_Latn", "Swahili"])
def test_the_page_of_a_language_shows_its_spellings(name):
    page = describe(name)
    assert "swh_Latn" in page and "Swahili" in page


@pytest.mark.parametrize("name", EMBEDDED | TRANSLATORS)
def test_the_page_of_an_embedded_model_is_its_model_card(name):
    assert describe(name) == ((EMBEDDED | TRANSLATORS)[name] / "README.md").read_text(encoding="utf-8").rstrip()


def test_nothing_of_that_name_names_the_nearest():
    with pytest.raises(UserError, match="nothing is called 'zero_shoot'; did you mean zero_shot"):
        describe("zero_shoot")
