import json
import tomllib
from pathlib import Path

import pytest

from isogloss.errors import UserError
from isogloss.methods import load_method, method_files
from isogloss.recipe import read_recipe, resolve, task_languages
from isogloss.resources import recipe_files
from isogloss.tasks import load_task

FLAGS = {"method": "filter", "task": "sib200", "output": "run"}


def one_line(caught):
    return "\n" not in str(caught.value)


def test_flags_alone_make_a_recipe_with_the_defaults():
    recipe = resolve({}, FLAGS)
    assert (recipe.method, recipe.task, recipe.output, recipe.encoder, recipe.seed) == (
        "filter",
        "sib200",
        Path("run"),
        "tiny",
        1,
    )
    assert recipe.languages == load_task("sib200").languages
    assert (recipe.config.local_layers, recipe.train.updates, recipe.lengths.max_length) == (1, 300, 256)


def test_flags_win_over_the_file_and_assignments_over_both():
    content = {"seed": 2, "encoder": "a", "config": {"local_layers": 3}, "train": {"updates": 5}}
    recipe = resolve(content, FLAGS | {"encoder": "b", "seed": None}, ["local_layers=0", "train.updates=7"])
    assert (recipe.encoder, recipe.seed, recipe.config.local_layers, recipe.train.updates) == ("b", 2, 0, 7)


@pytest.mark.parametrize("spelling", ["local_layers=2", "config.local_layers=2"])
def test_a_setting_is_found_with_and_without_its_section(spelling):
    assert resolve({}, FLAGS, [spelling]).config.local_layers == 2


@pytest.mark.parametrize(
    ("assignment", "section", "key", "value"),
    [
        ("learning_rate=1e-5", "train", "learning_rate", 1e-5),  # text to YAML
        ("learning_rate=3", "train", "learning_rate", 3.0),
        ("schedule=cosine", "train", "schedule", "cosine"),
        ('schedule="cosine"', "train", "schedule", "cosine"),
        ("bf16=true", "train", "bf16", True),
        ("released_losses=false", "config", "released_losses", False),
        ("train.warmup=0", "train", "warmup", 0.0),
        ("max_length=64", "lengths", "max_length", 64),
        ("released=true", "features", "released", True),
        ("null_threshold=0", "features", "null_threshold", 0.0),
    ],
)
def test_values_are_read_as_their_setting_wants_them(assignment, section, key, value):
    found = getattr(getattr(resolve({}, FLAGS, [assignment]), section), key)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("content", "assignments", "complaint"),
    [
        ({"metod": "filter"}, [], "recipe: unknown key 'metod'; did you mean method?"),
        (
            {"config": {"fusion_layer": 1}},
            [],
            r"recipe \[config\]: unknown key 'fusion_layer'; did you mean fusion_layers",
        ),
        ({"train": {"lr": 1}}, [], r"recipe \[train\]: unknown key 'lr'"),
        (
            {"lengths": {"max_len": 1}},
            [],
            r"recipe \[lengths\]: unknown key 'max_len'; did you mean max_length",
        ),
        (
            {},
            ["fusion_layer=1"],
            "--set fusion_layer=1: unknown key 'fusion_layer'; did you mean fusion_layers",
        ),
        ({}, ["train.updats=1"], r"unknown key 'updats'; did you mean updates"),
        ({}, ["trian.updates=1"], "unknown key 'trian.updates'"),
        ({}, ["local_layers"], "--set local_layers: write it as key=value"),
        (
            {"config": {"local_layers": "two"}},
            [],
            r"\[config\]: local_layers = 'two': input should be a valid integer",
        ),
        ({"config": {"local_layers": 1.5}}, [], r"local_layers = 1.5"),
        ({"train": {"bf16": "maybe"}}, [], r"bf16 = 'maybe': input should be a valid boolean"),
        ({"train": {"learning_rate": [1]}}, [], r"learning_rate = \[1\]"),
        ({"seed": "one"}, [], "recipe: seed = 'one' is not of type int"),
        ({"seed": 1.5}, [], "recipe: seed = 1.5 is not of type int"),
        ({"test_items": -1}, [], r"recipe: test_items = -1: set it to 0 \(all items\) or more"),
        ({"train": 5}, [], r"recipe: train = 5 is not a section; write it as \[train\]"),
        ({"languages": 5}, [], "recipe: 5 is not a list of languages"),
        ({"languages": ["de", 5]}, [], "language 5 is not text"),
        ({"languages": [False]}, [], "language False: YAML reads a bare no"),
        ({"languages": [["de"]]}, [], r"recipe: \[\['de'\]\] is not a list of languages"),
        ({"languages": ["swahilli"]}, [], r"unknown language 'swahilli'; did you mean sw \(Swahili\)"),
        ({"languages": ["tlh"]}, [], "task 'sib200' has no language 'tlh'|unknown language 'tlh'"),
    ],
)
def test_a_mistake_is_one_line_with_the_nearest(content, assignments, complaint):
    with pytest.raises(UserError, match=complaint) as caught:
        resolve(content, FLAGS, assignments)
    assert one_line(caught)


@pytest.mark.parametrize("key", FLAGS)
def test_what_every_run_needs_must_be_named(key):
    with pytest.raises(UserError, match=f"no {key} given; name one in the recipe or with --{key}"):
        resolve({}, {name: value for name, value in FLAGS.items() if name != key})


@pytest.mark.parametrize(
    "codes",
    [
        "de,sw,zh",
        "deu_Latn swh_Latn,zho_Hans",
        ["German", "Swahili", "zh-Hans"],
        ["deu", "swh", "zh_CN"],
        "de,de,sw,zh",
    ],
)
def test_languages_come_in_any_spelling(codes):
    assert task_languages(load_task("sib200"), codes) == ("de", "sw", "zh")
    assert resolve({"languages": codes}, FLAGS).languages == ("de", "sw", "zh")


def test_norwegian_is_a_language_and_not_a_no():
    for written in (["no"], "no", "de, no"):
        with pytest.raises(UserError, match="task 'sib200' has no language 'n[bo]'"):
            resolve({"languages": written}, FLAGS)


def test_pivots_are_languages_of_the_task():
    assert resolve({"pivots": ["spa_Latn"]}, FLAGS).pivots == ("es",)
    assert resolve({}, FLAGS).pivots == ()


def test_a_recipe_that_is_no_toml_says_where_it_breaks(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text("method = filter\n")
    with pytest.raises(UserError, match=r"recipe.toml is not valid TOML: .*line 1") as caught:
        read_recipe(path)
    assert one_line(caught)
    path.write_bytes(b'method = "\xff"')
    with pytest.raises(UserError, match="not valid TOML"):
        read_recipe(path)


def test_a_recipe_that_is_not_there_names_the_nearest():
    with pytest.raises(UserError, match=r"no recipe sib200_tyni; did you mean sib200_tiny"):
        read_recipe("sib200_tyni")


def test_a_recipe_that_comes_along_is_found_by_its_name():
    assert read_recipe("demo") == tomllib.loads(recipe_files()["demo"].read_text())


@pytest.mark.parametrize("name", recipe_files())
def test_every_recipe_that_comes_along_is_valid(name):
    content = read_recipe(name)
    methods = (
        [content["method"]] if "method" in content else ["zero_shot", "translate_train", "translate_test", "filter"]
    )
    assert set(methods) <= method_files().keys()
    for method in methods:
        flags = {"method": method, "output": "run"} | ({} if "task" in content else {"task": "sib200"})
        recipe = resolve(content, flags)
        assert set(recipe.languages) <= set(load_task(recipe.task).languages)


def test_what_decides_the_numbers_is_json_without_places(tmp_path):
    a = resolve({}, FLAGS | {"data": "/a", "output": "/b"}).resolved()
    b = resolve({}, FLAGS).resolved()
    assert a == b == json.loads(json.dumps(b))
    assert resolve({}, FLAGS, ["updates=1"]).resolved() != b
    assert resolve({"seed": 2}, FLAGS).resolved() != b
    # how the work is divided may change when a run goes on
    for division in ("accumulate=2", "gradient_checkpointing=true", "compile=true", "workers=2"):
        assert resolve({}, FLAGS, [division]).resolved() == b


def test_pairings_of_the_training_are_named_in_the_file_or_assigned():
    assert resolve({}, FLAGS).train_pairings == ("translation",)
    assert resolve({"train_pairings": ["none", "self"]}, FLAGS).train_pairings == ("none", "self")
    assert resolve({}, FLAGS, ["train_pairings=translation,shuffled"]).train_pairings == ("translation", "shuffled")
    assert json.dumps(resolve({}, FLAGS).resolved()["train_pairings"]) == '["translation"]'


@pytest.mark.parametrize(
    ("value", "message"),
    [("translaton", "no pairing 'translaton'; did you mean translation"), ("", "names no pairing"), ("3", "names no")],
)
def test_a_pairing_that_there_is_not_is_an_error(value, message):
    with pytest.raises(UserError, match=message) as caught:
        resolve({}, FLAGS, [f"train_pairings={value}"])
    assert one_line(caught)


def test_a_key_without_a_flag_can_be_assigned():
    recipe = resolve({}, FLAGS, ["test_items=100", "train_translations=word_for_word"])
    assert (recipe.test_items, recipe.train_translations) == (100, "word_for_word")


def test_a_recipe_for_several_methods_has_settings_for_one_of_them():
    content = {"config": {"filter": {"fusion_layers": 5}}}
    assert resolve(content, FLAGS).config.fusion_layers == 5
    assert resolve(content, FLAGS, ["fusion_layers=2"]).config.fusion_layers == 2
    assert resolve(content, FLAGS | {"method": "zero_shot"}).config == load_method("zero_shot").Settings()
    with pytest.raises(UserError, match="unknown key 'filtr'"):
        resolve({"config": {"filtr": {"fusion_layers": 5}}}, FLAGS)
