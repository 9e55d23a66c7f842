"""The reference of the benchmarks reads what ours reads, and every benchmark runs and is described on its page."""

import json
import re
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from benchmarks import command, page, plots, scaling, speed, startup, turns, workload
from benchmarks.workload import LAYOUTS, SHAPES, SMALL, TINY, Workload
from isogloss.data.task_data import read_split
from isogloss.precision import PRECISIONS
from isogloss.tasks import load_task

SCHEDULES = ((0, 3), (1, 1), (1, 2), (2, 1), (0, 1), (1, 0))


@cache
def network_and_kind(name, local, fusion):
    shape = replace(SHAPES[name], max_length=40, local_layers=local, fusion_layers=fusion)
    network, kind = workload.build(shape, TINY)
    with torch.no_grad():  # far from the near-identity of fresh weights: wrong visibility must show
        for parameter in network.encoder.parameters():
            if parameter.ndim == 2:
                parameter.mul_(4)
    return shape, network, kind


def work(name, local, fusion, lengths=((40, 7), (5, 31), (12, 12), (4, 40), (33, 4)), seed=0):
    shape, network, kind = network_and_kind(name, local, fusion)
    return Workload(network, kind, shape, workload.examples(kind, lengths, TINY.vocabulary, seed))


@pytest.mark.parametrize("local, fusion", SCHEDULES)
@pytest.mark.parametrize("name", SHAPES)
def test_the_released_layout_and_ours_give_the_same_numbers(name, local, fusion):
    draws = np.random.default_rng(local + 10 * fusion)
    for seed in range(3):
        lengths = draws.integers(4, 41, (draws.integers(1, 9), 2)).tolist()
        found = work(name, local, fusion, lengths, seed).differences()
        assert found["logits"] <= 1e-5 and found["loss"] <= 1e-5, (lengths, found)


@pytest.mark.parametrize("name", SHAPES)
def test_a_training_step_has_the_same_gradient_in_both_layouts(name):
    each = work(name, 1, 1)
    each.network.eval()
    gradients = []
    for layout in LAYOUTS:
        each.network.zero_grad()
        each.loss(layout).backward()
        gradients.append({name: p.grad.clone() for name, p in each.network.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", SHAPES)
def test_another_schedule_would_be_noticed(name):
    shape, network, kind = network_and_kind(name, 1, 1)
    given = workload.examples(kind, ((40, 7), (5, 31)), TINY.vocabulary)
    found = Workload(network, kind, replace(shape, fusion_layers=2), given).differences()
    assert found["logits"] > 1e-3 and found["loss"] > 1e-4


def test_a_benchmark_stops_where_the_outputs_differ(monkeypatch, capsys):
    monkeypatch.setattr(Workload, "differences", lambda self: {"logits": float("nan"), "loss": 0.0})
    with pytest.raises(SystemExit):
        run(speed, monkeypatch, "--quick", "--no-memory", "--shapes", "tagging")
    assert "the two layouts differ" in capsys.readouterr().err


def test_texts_fill_a_third_of_what_they_are_padded_to():
    for shape in SHAPES.values():
        filled = np.sum(workload.third_full(shape.max_length)) / np.sum(workload.full(shape.max_length))
        assert filled == pytest.approx(0.33, abs=0.005)


def test_operations_are_those_of_the_closed_form():
    for name, measured in (("tagging", 84e9), ("classification", 182e9), ("qa", 338e9)):  # padded, a batch of eight
        shape = SHAPES[name]
        n, k, h, length = SMALL.layers, shape.fusion_layers, SMALL.hidden, shape.max_length
        closed = 8 * (48 * n * h**2 * length + 8 * h * length**2 * (n + k))
        assert workload.flops(SMALL, shape, workload.full(length)) == closed == pytest.approx(measured, rel=0.01)


def test_what_is_compared_takes_turns():
    order = []
    found = turns.in_turns({name: lambda name=name: order.append(name) for name in "ab"}, 3)
    assert order == ["a", "b"] * 4  # once to warm up
    assert {name: len(seconds) for name, seconds in found.items()} == {"a": 3, "b": 3}


def test_ratios_are_taken_turn_by_turn():
    assert turns.ratio([2.0, 6.0, 40.0], [1.0, 2.0, 10.0]) == {"median": 3.0, "low": 2.0, "high": 4.0}


def run(module, monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, words)])
    module.main()


def test_every_benchmark_runs_and_is_described(monkeypatch, tmp_path, capsys, encoder_folder):
    bench = tmp_path / "bench"
    quick = ("--quick", "--repeats", 1)
    run(speed, monkeypatch, *quick, "--no-memory", "--shapes", "tagging,qa", "--output", bench / "speed.json")
    again = ("--fills", "third", "--no-memory", "--shapes", "tagging", "--output", bench / "again-1.json")
    run(speed, monkeypatch, *quick, *again)
    run(scaling, monkeypatch, *quick, "--curves", "sides,languages", "--output", bench / "scaling.json")
    run(startup, monkeypatch, "--repeats", 1, "--output", bench / "startup.json")
    found = json.loads((bench / "speed.json").read_text(encoding="utf-8"))
    rows = [(row["fill"], row["shape"]) for row in found["measured"]]
    assert rows == [("third", "tagging"), ("third", "qa"), ("full", "tagging"), ("full", "qa")]
    capsys.readouterr()
    run(speed, monkeypatch, "--quick", "--once", "qa/training/ours", "--started", 0)
    once = json.loads(capsys.readouterr().out)
    assert 0 < once["ready_MB"] <= once["peak_MB"] and once["first_seconds"] > 0

    markdown, html = tmp_path / "speed.md", tmp_path / "speed.html"
    places = ("--results", bench, "--docs", tmp_path)
    run(page, monkeypatch, *places)
    text = markdown.read_text(encoding="utf-8")
    assert "qa (1, 2), 48 tokens, a third" in text and "| 4 | – |" in text  # the released layout has two sides
    assert text.count("Not measured yet") == 4 and "python -m benchmarks.command" in text
    assert "bfloat16, times as fast" in text and "again-1.json" in text
    assert html.read_text(encoding="utf-8").count("<svg") > 10
    run(page, monkeypatch, *places, "--check")
    (bench / "scaling.json").unlink()
    with pytest.raises(SystemExit):
        run(page, monkeypatch, *places, "--check")
    assert "speed.md is not what" in capsys.readouterr().err


def test_a_whole_command_is_measured_on_texts_that_are_all_different(monkeypatch, tmp_path, encoder_folder):
    from isogloss.cli import app

    def in_this_process(*words):
        app(words, standalone_mode=False)
        return 2.0, 100.0

    monkeypatch.setattr(command, "isogloss", in_this_process)
    output = tmp_path / "command.json"
    run(command, monkeypatch, "--pairs", 30, "--encoder", encoder_folder, "--output", output)
    found = json.loads(output.read_text(encoding="utf-8"))
    assert found["languages"] == 10 and [row["precision"] for row in found["measured"]] == list(PRECISIONS)
    assert all((row["pairs"], row["pairs_per_second"]) == (30, 15.0) for row in found["measured"])
    assert "30 pairs in 10 languages" in "".join(map(str, page.parts(tmp_path)["A whole command"]))

    command.write_data(tmp_path / "data" / "sib200", 700)
    groups = read_split(load_task("sib200"), tmp_path / "data", "test", command.TAGS)
    texts = [record.text for records in groups.values() for record in records]
    assert len(set(texts)) > 0.99 * len(texts) == 0.99 * 7000
    assert all(record.translations for records in groups.values() for record in records)


def test_pictures_hold_every_value_and_escape_every_name():
    drawn = plots.curves_picture("a < b", [1, 2], {"<ours>": [3.0, 70.0], "released": [None, 5.0]})
    assert "<ours>" not in drawn and drawn.count("<circle") == 3 and "&lt;ours&gt;: 70" in drawn
    drawn = plots.ratios_picture([plots.Ratio("<qa>", 2.0, 1.0, 3.0, 4.5), plots.Ratio("x", 1.0, 0.9, 1.1, None)])
    assert "<qa>" not in drawn and drawn.count('class="ring') == 1


def test_equal_differences_are_equally_long_in_an_even_picture():
    drawn = plots.even_picture("w", [0, 0.5, 1], {"de": [0.0, 50.0, 100.0], "<fr>": [12.0, None, 12.0]})
    assert "<fr>" not in drawn and drawn.count("<circle") == 5
    lowest, middle, highest = (
        float(re.search(rf'cy="([\d.]+)" r="4"><title>de: {v}<', drawn)[1]) for v in (0, 50, 100)
    )
    assert lowest - middle == middle - highest > 50
    assert plots.even_picture("w", [0], {"flat": [3.0]}).count("<circle") == 1


def test_a_file_that_is_no_measurement_is_named(tmp_path):
    (tmp_path / "speed.json").write_text("{}", encoding="utf-8")
    with pytest.raises(Exception, match="speed.json: not what benchmarks.speed writes"):
        page.parts(tmp_path)
