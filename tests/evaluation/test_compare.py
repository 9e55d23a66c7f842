import json
import statistics

import numpy as np
import pytest

from isogloss.errors import UserError
from isogloss.evaluation.compare import compare, result_files

HIGH, LOW = {"en": 0.9, "de": 0.8, "sw": 0.7}, {"en": 0.8, "de": 0.5, "sw": 0.4}


def noisy_shares(seed: int, base: float) -> dict[str, float]:
    """Shares around `base` that differ a little from seed to seed."""
    generator = np.random.default_rng(seed)
    return {tag: float(np.clip(base + generator.normal(0, 0.02), 0, 1)) for tag in ("en", "de", "sw")}


def two_runs(fake_run, tmp_path):
    return [
        fake_run(tmp_path / "filter", HIGH, settings={"config": {"fusion_layers": 1}}),
        fake_run(tmp_path / "zero", LOW, method="zero_shot"),
    ]


def test_zero_shot_is_the_baseline_and_comes_first(tmp_path, fake_run):
    (table,) = compare(two_runs(fake_run, tmp_path)).tables
    assert [row.label for row in table.rows] == ["zero_shot", "filter"]
    assert table.baseline == "zero_shot"
    assert compare(two_runs(fake_run, tmp_path), baseline="filter").tables[0].baseline == "filter"
    with pytest.raises(UserError, match="no row is called 'filtre'; the rows are: filter; zero_shot"):
        compare(two_runs(fake_run, tmp_path), baseline="filtre")


def test_values_and_differences_are_the_closed_forms(tmp_path, fake_run):
    (table,) = compare(two_runs(fake_run, tmp_path)).tables
    row = table.rows[1]
    assert row.average.value == pytest.approx(80)
    assert row.transfer is not None
    assert row.transfer.value == pytest.approx(75)
    assert row.gap is not None
    assert row.gap.value == pytest.approx(15)
    assert row.against_baseline is not None
    assert row.against_baseline.value == pytest.approx(80 - 170 / 3)
    assert row.against_baseline.p < 0.05
    assert table.rows[0].against_baseline is None
    assert row.other_metrics == {"macro_F1": 10}
    assert row.sources == (str(tmp_path / "filter" / "results" / "test.json"),)


def test_best_is_marked_only_where_the_test_supports_it(tmp_path, fake_run):
    runs = [
        fake_run(tmp_path / "a", {"en": 0.80, "de": 0.80}, items=50),
        fake_run(tmp_path / "b", {"en": 0.82, "de": 0.40}, items=50, method="zero_shot"),
    ]
    low, high = compare(runs).tables[0].rows
    assert low.label == "zero_shot"
    assert low.best == ()  # one item more right in English is no evidence
    assert set(high.best) == {"average", "transfer", "de"}


def test_a_single_row_is_never_the_best(tmp_path, fake_run):
    (row,) = compare([fake_run(tmp_path / "a", HIGH)]).tables[0].rows
    assert row.best == ()


def test_seeds_are_averaged_and_their_spread_is_reported(tmp_path, fake_run):
    shares = [noisy_shares(seed, 0.6) for seed in (1, 2, 3)]
    runs = [fake_run(tmp_path / str(seed), shares[seed - 1], seed=seed, items=1000) for seed in (1, 2, 3)]
    (row,) = compare(runs).tables[0].rows
    assert row.seeds == (1, 2, 3)
    assert row.languages["de"].value == pytest.approx(100 * statistics.mean(s["de"] for s in shares), abs=0.1)
    averages = [100 * statistics.mean(s.values()) for s in shares]
    assert row.seed_sd == pytest.approx(statistics.stdev(averages), abs=0.1)


def test_several_tasks_make_several_tables(tmp_path, fake_run):
    runs = two_runs(fake_run, tmp_path)
    fake_run(tmp_path / "filter", HIGH, task="nusax", name="nusax")
    assert [table.task for table in compare(runs).tables] == ["nusax", "sib200"]


def test_pairings_of_one_run_are_rows_and_controls_come_last(tmp_path, fake_run):
    run = fake_run(tmp_path / "filter", LOW, name="shuffled", pairing="shuffled")
    fake_run(run, HIGH)
    assert [row.label for row in compare([run]).tables[0].rows] == ["filter", "filter, shuffled English"]


def test_a_result_file_or_a_folder_of_results_is_as_good_as_a_run(tmp_path, fake_run):
    runs = two_runs(fake_run, tmp_path)
    file = runs[0] / "results" / "test.json"
    assert compare([file]).tables == compare([runs[0]]).tables
    gathered = tmp_path / "gathered" / "sib200"
    gathered.mkdir(parents=True)
    for i, run in enumerate(runs):
        for found in (run / "results").iterdir():
            (gathered / found.name.replace("test", f"run{i}")).write_bytes(found.read_bytes())
    assert len(compare([tmp_path / "gathered"]).tables[0].rows) == 2


def test_the_comparison_is_plain_json(tmp_path, fake_run):
    found = json.loads(json.dumps(compare(two_runs(fake_run, tmp_path)).to_json(), allow_nan=False))
    (table,) = found["tables"]
    assert table["baseline"] == "zero_shot"
    assert table["rows"][1]["languages"]["de"]["value"] == pytest.approx(80)
    assert set(table["rows"][1]["against_baseline"]) == {"value", "ci95", "p"}


def test_other_languages_are_a_hole_and_are_named(tmp_path, fake_run):
    runs = [fake_run(tmp_path / "a", HIGH), fake_run(tmp_path / "b", {"en": 0.5, "th": 0.5}, method="zero_shot")]
    with pytest.raises(UserError, match="de, sw only in the first; th only in the second.*mean over a hole"):
        compare(runs)


def test_other_items_are_refused(tmp_path, fake_run):
    runs = [fake_run(tmp_path / "a", HIGH), fake_run(tmp_path / "b", HIGH, items=99, method="zero_shot")]
    with pytest.raises(UserError, match="score different items in en .id '99'"):
        compare(runs)


def test_other_splits_are_refused_unless_one_is_chosen(tmp_path, fake_run):
    runs = two_runs(fake_run, tmp_path)
    fake_run(runs[0], HIGH, split="dev", name="dev")
    with pytest.raises(UserError, match="different splits: dev only in the first; test only.*choose one with --split"):
        compare(runs)
    assert len(compare(runs, split="test").tables) == 1
    with pytest.raises(UserError, match="no results of split 'train'"):
        compare(runs, split="train")


def test_another_metric_is_refused(tmp_path, fake_run):
    runs = two_runs(fake_run, tmp_path)
    file = runs[0] / "results" / "test.json"
    file.write_text(file.read_text().replace('"metric": "accuracy"', '"metric": "macro_F1"'))
    with pytest.raises(UserError, match="differ in metric .macro_F1, accuracy"):
        compare(runs)


def test_the_same_row_and_seed_twice_is_refused(tmp_path, fake_run):
    runs = [fake_run(tmp_path / "a", HIGH), fake_run(tmp_path / "b", HIGH)]
    with pytest.raises(UserError, match="same row and seed .1.; leave one out"):
        compare(runs)


def test_missing_runs_and_runs_without_results_are_named(tmp_path):
    with pytest.raises(UserError, match="no such file or folder"):
        compare([tmp_path / "none"])
    (tmp_path / "isogloss.json").write_text("{}")
    with pytest.raises(UserError, match="holds no results; `isogloss evaluate"):
        compare([tmp_path])
    with pytest.raises(UserError, match="no results to compare"):
        compare([])


def test_timings_beside_scores_are_no_results(tmp_path, fake_run):
    run = fake_run(tmp_path / "scores", HIGH)
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "streaming.json").write_text("{}")
    assert result_files(tmp_path) == result_files(run)
