import tomllib
from importlib.resources import files

import pytest

from isogloss.evaluation.benchmarks import BENCHMARKS, XGLUE, XTREME
from isogloss.evaluation.published import published, published_entry

CONTENT = tomllib.loads((files("isogloss.evaluation") / "published.toml").read_text(encoding="utf-8"))
ROWS = [(name, row) for name, rows in CONTENT.items() for row in rows]
SETTINGS = ("zero-shot", "translate-train", "translations at test", "leaderboard", "human")


@pytest.mark.parametrize(("name", "row"), ROWS, ids=lambda value: value["name"] if isinstance(value, dict) else value)
def test_every_row_says_where_it_is_from_and_names_columns_that_exist(name, row):
    assert set(row) <= {"name", "setting", "source", "note", "read", "memory"}
    assert row["setting"] in SETTINGS and row["source"]
    assert ("from memory" in row["source"]) == ("memory" in row)
    for values in (row.get("read", {}), row.get("memory", {})):
        for column, value in values.items():
            assert column in BENCHMARKS[name].columns
            parts = value if isinstance(value, dict) else {"": value}
            assert all(0 < part < 100 for part in parts.values())
            if isinstance(value, dict):
                assert set(value) <= set(BENCHMARKS[name].tasks[column].metrics)
            elif column in BENCHMARKS[name].tasks:
                assert len(BENCHMARKS[name].tasks[column].metrics) == 1


@pytest.mark.parametrize(("name", "row"), ROWS, ids=lambda value: value["name"] if isinstance(value, dict) else value)
def test_no_value_is_read_and_remembered_at_once(name, row):
    read, memory = row.get("read", {}), row.get("memory", {})
    for column in read.keys() & memory.keys():
        assert isinstance(read[column], dict) and not read[column].keys() & memory[column].keys()


def test_no_row_stands_twice_and_a_setting_stands_together():
    for rows in CONTENT.values():
        keys = [(row["setting"], row["name"]) for row in rows]
        assert len(set(keys)) == len(keys)
        order = [SETTINGS.index(row["setting"]) for row in rows]
        assert order == sorted(order)


def test_what_the_sources_give_agrees_with_the_mean_of_the_tasks():
    """The baselines' overall scores of the XTREME paper: 59.6, 55.5, 59.3 and 68.1; XGLUE's averages."""
    found = {(entry.name, entry.setting): entry.cells["overall"] for entry in published(XTREME)}
    values = [found[name, "zero-shot"].value for name in ("mBERT", "XLM", "MMTE", "XLM-R large")]
    assert values == pytest.approx([59.6, 55.5, 59.3, 68.1], abs=0.05)
    for row in CONTENT["xglue"]:
        without = {name: value for name, value in row["memory"].items() if name != "overall"}
        entry = published_entry({**row, "memory": without}, XGLUE)
        assert entry.cells["overall"].value == pytest.approx(row["memory"]["overall"], abs=0.06)


def test_a_score_is_from_memory_if_a_part_of_it_is():
    row = {
        "name": "A",
        "setting": "zero-shot",
        "source": "a table",
        "read": {"xnli": 80.0, "pawsx": 90.0, "udpos": 70.0, "xquad": {"F1": 60.0}, "mlqa": {"F1": 50.0}},
        "memory": {"panx": 60.0, "xquad": {"EM": 40.0}},
    }
    cells = published_entry(row, XTREME).cells
    assert (cells["xquad"].value, cells["xquad"].from_memory) == (50, True)
    assert (cells["sentence_pair"].value, cells["sentence_pair"].from_memory) == (85, False)
    assert (cells["structured"].value, cells["structured"].from_memory) == (65, True)
    assert (cells["mlqa"].value, cells["mlqa"].parts, cells["mlqa"].missing) == (None, {"F1": 50.0}, ("EM",))
    assert cells["question_answering"].missing == ("mlqa", "tydiqa")
    assert cells["overall"].value is None and "tatoeba" in cells["overall"].missing


def test_a_group_that_the_source_gives_is_not_computed():
    row = {"name": "A", "setting": "leaderboard", "source": "a table", "read": {"retrieval": 80.0, "tatoeba": 10.0}}
    cells = published_entry(row, XTREME).cells
    assert cells["retrieval"].value == 80 and not cells["retrieval"].from_memory
