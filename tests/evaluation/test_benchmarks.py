import pytest

from isogloss.errors import UserError
from isogloss.evaluation.benchmarks import BENCHMARKS, XGLUE, XTREME, load_benchmark
from isogloss.languages import dialect
from isogloss.metrics import load_metric
from isogloss.tasks import load_task, task_names


def test_xtreme_has_nine_tasks_in_four_groups_and_its_forty_languages():
    assert len(XTREME.tasks) == 9 and sorted(sum(XTREME.groups.values(), ())) == sorted(XTREME.tasks)
    counts = {name: len(task.languages) for name, task in XTREME.tasks.items()}
    assert counts == {
        "xnli": 15,
        "pawsx": 7,
        "udpos": 33,
        "panx": 40,
        "xquad": 11,
        "mlqa": 7,
        "tydiqa": 9,
        "bucc2018": 4,
        "tatoeba": 36,
    }
    assert len({tag for task in XTREME.tasks.values() for tag in task.languages}) == 40


def test_xtreme_writes_its_languages_as_we_do():
    for task in XTREME.tasks.values():
        assert [dialect(tag, "xtreme") for tag in task.languages] == list(task.languages)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_tasks_that_are_here_have_the_languages_and_the_metrics(name):
    for task in BENCHMARKS[name].tasks.values():
        if task.name in task_names():
            declared = load_task(task.name)
            assert set(task.languages) <= set(declared.languages), task.name
            assert set(task.metrics.values()) <= {declared.metric, *declared.other_metrics}, task.name
            assert [load_metric(metric).name for metric in task.metrics.values()] == list(task.metrics.values())


def test_xglue_takes_four_languages_of_pawsx_and_f1_of_mlqa():
    assert XGLUE.tasks["pawsx"].languages == ("de", "en", "es", "fr")
    assert XGLUE.tasks["mlqa"].metrics == {"F1": "mlqa_F1"}
    assert len(XGLUE.tasks) == 9


def test_an_unknown_benchmark_is_named_with_the_nearest():
    with pytest.raises(UserError, match="no benchmark 'xtrem'; did you mean xtreme"):
        load_benchmark("xtrem")
