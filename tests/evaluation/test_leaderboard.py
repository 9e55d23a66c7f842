"""A benchmark's scores of own results, against closed forms."""

import json

import pytest

from isogloss.errors import UserError
from isogloss.evaluation import leaderboard as module
from isogloss.evaluation.benchmarks import XTREME
from isogloss.evaluation.leaderboard import leaderboard
from isogloss.evaluation.results import read_result

PAWSX = {"de": 0.80, "en": 0.90, "es": 0.82, "fr": 0.84, "ja": 0.70, "ko": 0.72, "zh": 0.76}
MEAN = 100 * sum(PAWSX.values()) / 7


def same(task, share):
    """The same share in every language of a task."""
    return dict.fromkeys(XTREME.tasks[task].languages, share)


def own(paths, **given):
    return [entry for entry in leaderboard(paths, resamples=50, **given).entries if entry.own]


@pytest.fixture
def unknown_sizes(monkeypatch):
    """No task declares how many items it has."""
    monkeypatch.setattr(module, "task_names", list)


@pytest.fixture
def all_nine(tmp_path, fake_run, unknown_sizes):
    """Results on all tasks of XTREME: XNLI 10 percent, PAWS-X 20 ... Tatoeba 90; exact match is 10 points below F1."""
    for number, task in enumerate(XTREME.tasks.values(), 1):
        names = list(task.metrics.values())
        values = {name: dict.fromkeys(task.languages, 10.0 * number - 10 * i) for i, name in enumerate(names)}
        main = names[0] if names[0] in ("accuracy", "squad_F1", "mlqa_F1") else "token_accuracy"
        others = {name: found for name, found in values.items() if name != main}
        method = "bitext_retrieval" if task.name in XTREME.groups["retrieval"] else "filter"
        fake_run(
            tmp_path / "runs" / task.name,
            same(task.name, number / 10),
            items=10,
            task=task.name,
            metric=main,
            other_metrics=others,
            method=method,
        )
    return tmp_path / "runs"


def test_a_task_is_the_mean_over_all_its_languages_with_the_interval_of_its_result(tmp_path, fake_run):
    run = fake_run(tmp_path / "a", PAWSX, task="pawsx")
    (entry,) = own([run])
    cell, result = entry.cells["pawsx"], read_result(run / "results" / "test.json")
    assert cell.value == pytest.approx(MEAN) and cell.missing == ()
    assert cell.ci95 == pytest.approx(result.average_ci95, abs=1e-3)
    assert {tag: found.value for tag, found in entry.languages["pawsx"].items()} == pytest.approx(
        {tag: 100 * share for tag, share in PAWSX.items()}
    )
    assert (entry.name, entry.seeds, entry.encoder) == ("filter", (1,), "tiny")


def test_the_gap_is_english_minus_the_mean_of_the_others(tmp_path, fake_run):
    (entry,) = own([fake_run(tmp_path / "a", PAWSX, task="pawsx")])
    others = [100 * share for tag, share in PAWSX.items() if tag != "en"]
    assert entry.gaps == pytest.approx({"pawsx": 90 - sum(others) / 6})


def test_groups_are_means_of_tasks_and_overall_is_the_plain_mean_of_nine(all_nine):
    (entry,) = own([f"system={all_nine}"])
    values = {name: cell.value for name, cell in entry.cells.items()}
    answers = {"xquad": 45, "mlqa": 55, "tydiqa": 65}  # F1 50, 60, 70 and exact match 10 points below
    expected = {"xnli": 10, "pawsx": 20, "udpos": 30, "panx": 40, **answers, "bucc2018": 80, "tatoeba": 90}
    assert {name: values[name] for name in XTREME.tasks} == pytest.approx(expected)
    assert values["sentence_pair"] == pytest.approx(15) and values["structured"] == pytest.approx(35)
    assert values["question_answering"] == pytest.approx(55) and values["retrieval"] == pytest.approx(85)
    assert values["overall"] == pytest.approx(sum(expected.values()) / 9)
    assert entry.cells["xquad"].parts == pytest.approx({"F1": 50, "EM": 40})


def test_a_score_has_an_interval_only_where_it_is_the_metric_that_was_counted(all_nine):
    (entry,) = own([f"system={all_nine}"])
    assert [name for name in XTREME.tasks if entry.cells[name].ci95] == ["xnli", "pawsx", "tatoeba"]


def test_methods_are_rows_unless_a_name_joins_them(all_nine):
    assert [entry.name for entry in own([all_nine])] == ["filter", "bitext_retrieval"]
    filter_, retrieval = own([all_nine])
    assert filter_.cells["overall"].missing == ("bucc2018", "tatoeba") and filter_.cells["overall"].value is None
    assert retrieval.cells["retrieval"].value == pytest.approx(85)


def test_a_missing_language_is_named_and_leaves_no_score(tmp_path, fake_run):
    shares = {tag: share for tag, share in PAWSX.items() if tag not in ("ja", "zh")}
    (entry,) = own([fake_run(tmp_path / "a", shares, task="pawsx")])
    assert (entry.cells["pawsx"].value, entry.cells["pawsx"].missing) == (None, ("ja", "zh"))
    assert set(entry.languages["pawsx"]) == set(shares) and entry.gaps == {}
    assert entry.cells["sentence_pair"].missing == ("xnli", "pawsx")
    assert entry.cells["overall"].missing == tuple(XTREME.tasks)


def test_a_score_of_some_of_the_items_is_none(tmp_path, fake_run):
    (entry,) = own([fake_run(tmp_path / "a", same("xnli", 0.5), items=10, task="xnli")])
    assert entry.cells["xnli"].value is None
    assert entry.cells["xnli"].missing == (f"items of {', '.join(XTREME.tasks['xnli'].languages)} (10 of 5010)",)


def test_languages_that_the_benchmark_does_not_have_are_not_counted(tmp_path, fake_run, unknown_sizes):
    shares = {**same("tatoeba", 0.5), "pl": 1.0}
    (entry,) = own([fake_run(tmp_path / "a", shares, task="tatoeba")])
    assert entry.cells["tatoeba"].value == pytest.approx(50) and "pl" not in entry.languages["tatoeba"]
    (xglue,) = own([fake_run(tmp_path / "b", PAWSX, task="pawsx")], benchmark="xglue")
    assert xglue.cells["pawsx"].value == pytest.approx((80 + 90 + 82 + 84) / 4)


def test_a_result_without_the_metric_of_the_benchmark_has_no_score(tmp_path, fake_run):
    run = fake_run(tmp_path / "a", same("udpos", 0.5), items=5, task="udpos", metric="token_accuracy")
    (entry,) = own([run])
    assert entry.cells["udpos"].missing == ("metric upos_F1_2020",)


def test_seeds_are_averaged(tmp_path, fake_run):
    runs = [
        fake_run(tmp_path / str(seed), dict.fromkeys(PAWSX, share), task="pawsx", seed=seed)
        for seed, share in ((1, 0.4), (2, 0.6))
    ]
    (entry,) = own(runs)
    assert entry.cells["pawsx"].value == pytest.approx(50) and entry.seeds == (1, 2)
    with pytest.raises(UserError, match="same row and seed .1."):
        leaderboard([*runs, fake_run(tmp_path / "again", PAWSX, task="pawsx")])


def test_encoders_and_settings_tell_rows_apart(tmp_path, fake_run):
    runs = [
        fake_run(tmp_path / "a", PAWSX, task="pawsx"),
        fake_run(tmp_path / "b", PAWSX, task="pawsx", encoder="large"),
        fake_run(tmp_path / "c", PAWSX, task="pawsx", pairing="shuffled"),
    ]
    assert {entry.name for entry in own(runs)} == {"filter, tiny", "filter, large", "filter, shuffled English, tiny"}
    with pytest.raises(
        UserError, match="mine has 2 rows of pawsx .filter; filter, shuffled English.; give each a name"
    ):
        leaderboard([f"mine={tmp_path / 'a'}", f"mine={tmp_path / 'c'}"])


def test_reduced_tasks_and_other_splits_are_left_out_and_told_in_one_line(tmp_path, fake_run, capsys):
    run = fake_run(tmp_path / "a", PAWSX, task="pawsx")
    fake_run(run, PAWSX, task="pawsx_dev", name="dev")
    fake_run(run, PAWSX, task="pawsx", split="dev", name="split")
    fake_run(run, {"en": 0.5}, task="sib200", name="sib")
    assert own([run])[0].cells["pawsx"].value == pytest.approx(MEAN)
    told = capsys.readouterr().err.splitlines()
    assert told == ["not test results of tasks of XTREME, left out: pawsx_dev test (1), sib200 test (1), pawsx dev (1)"]


def test_nothing_of_the_benchmark_is_an_error(tmp_path, fake_run):
    with pytest.raises(UserError, match="no test result of a task of XTREME .xnli, .*; evaluate a run on one"):
        leaderboard([fake_run(tmp_path / "a", PAWSX, task="pawsx_dev")])


def test_own_rows_come_first_and_the_table_is_plain_json(tmp_path, fake_run):
    board = leaderboard([fake_run(tmp_path / "a", PAWSX, task="pawsx")], resamples=50)
    assert [entry.own for entry in board.entries] == sorted((entry.own for entry in board.entries), reverse=True)
    found = json.loads(json.dumps(board.to_json(), allow_nan=False))
    first, second = found["entries"][:2]
    assert first["cells"]["pawsx"]["value"] == pytest.approx(MEAN)
    assert first["languages"]["pawsx"]["de"]["n"] == 100
    assert second["name"] == "mBERT" and second["cells"]["udpos"]["from_memory"] is True
    assert second["cells"]["xnli"]["from_memory"] is False
    assert found["tasks"]["xquad"]["metrics"] == {"F1": "squad_F1", "EM": "squad_exact_match"}
