import sys

import pytest

from isogloss.errors import UserError
from isogloss.evaluation.compare import compare
from isogloss.evaluation.results import read_result
from isogloss.evaluation.show import comparison_table, result_table
from isogloss.evaluation.tables import main, markdown_table, update_markdown

HIGH, LOW = {"en": 0.9, "de": 0.8}, {"en": 0.8, "de": 0.4}
README = "before\n\n<!-- results:small -->\n<!-- /results -->\n\nafter\n"


def two_runs(fake_run, folder):
    return [fake_run(folder / "filter", HIGH), fake_run(folder / "zero", LOW, method="zero_shot")]


def document(fake_run, tmp_path):
    two_runs(fake_run, tmp_path / "results" / "small")
    path = tmp_path / "README.md"
    path.write_text(README)
    return path, tmp_path / "results"


def test_markdown_has_a_line_per_row_a_column_per_language_and_the_best_in_bold(tmp_path, fake_run):
    lines = markdown_table(compare(two_runs(fake_run, tmp_path))).splitlines()
    assert lines[0] == "| sib200 test | average | against zero_shot | without English | en | de |"
    assert lines[2].startswith("| zero_shot | 60.0 [")
    assert lines[3].startswith("| filter | **85.0** [")
    assert lines[3].endswith("| **90.0** | **80.0** |")
    assert "100 items in each language, 1 seed" in lines[5]


def test_several_names_make_one_table_of_averages(tmp_path, fake_run):
    two_runs(fake_run, tmp_path / "results" / "small")
    fake_run(tmp_path / "results" / "other" / "filter", HIGH, task="nusax")
    path = tmp_path / "README.md"
    path.write_text("<!-- results:small,other -->\n<!-- /results -->\n")
    assert update_markdown(path, tmp_path / "results") == ["small,other"]
    lines = path.read_text().splitlines()[1:]
    assert lines[0] == "|  | sib200 accuracy | nusax accuracy |"
    assert lines[2].startswith("| zero_shot | 40.0 [") and lines[2].endswith("| – |")
    assert lines[3].startswith("| filter | **80.0** [") and "| 80.0 [" in lines[3]
    assert "mean over the languages other than English" in lines[5]
    assert "sib200 100 items, 1 seed; nusax 100 items, 1 seed" in lines[5]


def test_a_table_is_written_between_its_markers_and_the_rest_stays(tmp_path, fake_run):
    path, results = document(fake_run, tmp_path)
    assert update_markdown(path, results) == ["small"]
    text = path.read_text()
    assert text.startswith("before\n\n<!-- results:small -->\n| sib200 test |")
    assert text.endswith("<!-- /results -->\n\nafter\n")
    assert update_markdown(path, results) == []
    assert path.read_text() == text


def test_a_stale_table_is_detected_and_left_alone(tmp_path, fake_run):
    path, results = document(fake_run, tmp_path)
    update_markdown(path, results)
    update_markdown(path, results, check=True)
    fake_run(results / "small" / "filter", {"en": 0.9, "de": 0.7})
    before = path.read_text()
    with pytest.raises(UserError, match="table small is not what .*results says"):
        update_markdown(path, results, check=True)
    assert path.read_text() == before


def test_the_check_is_a_command(tmp_path, monkeypatch, capsys, fake_run):
    path, results = document(fake_run, tmp_path)
    monkeypatch.setattr(sys, "argv", ["tables", str(path), str(results), "--check"])
    assert main() == 1
    assert "is not what" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["tables", str(path), str(results)])
    assert main() == 0
    monkeypatch.setattr(sys, "argv", ["tables", str(path), str(results), "--check"])
    assert main() == 0
    assert "every table is fresh" in capsys.readouterr().out


def test_a_marker_without_partner_or_results_is_refused(tmp_path, fake_run):
    path, results = document(fake_run, tmp_path)
    path.write_text(README.replace("<!-- /results -->", ""))
    with pytest.raises(UserError, match="marker has no partner"):
        update_markdown(path, results)
    path.write_text(README.replace(":small", ":large"))
    with pytest.raises(UserError, match="large: no such file or folder"):
        update_markdown(path, results)


def test_text_holds_every_language_and_marks_the_best(tmp_path, fake_run):
    text = comparison_table(compare(two_runs(fake_run, tmp_path)))
    assert "German" in text
    assert "80.0 [" in text
    assert "]*" in text
    assert "against zero_shot" in text
    assert "100 items in each of 2 languages, 1 seed" in text


def test_a_narrow_terminal_gets_the_rows_in_blocks(tmp_path, fake_run):
    runs = [fake_run(tmp_path / str(k), HIGH, settings={"config": {"fusion_layers": k}}) for k in range(1, 7)]
    text = comparison_table(compare(runs), width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("sib200 test:") == 2
    assert "…" not in text


def test_labels_are_no_markup(tmp_path, fake_run):
    run = fake_run(tmp_path / "a", HIGH, method="[red]|<b>", task="[/x]")
    assert "[red]|<b>" in comparison_table(compare([run]))
    assert r"\|\<b\>" in markdown_table(compare([run]))


def test_a_single_result_is_shown_with_its_other_metrics(tmp_path, fake_run):
    run = fake_run(tmp_path / "a", HIGH)
    text = result_table(read_result(run / "results" / "test.json"))
    assert "filter on sib200 test, translation" in text
    assert "macro_F1" in text
    assert "without English" in text


def test_methods_of_a_folder_stand_from_low_to_high_after_the_baseline(tmp_path, fake_run):
    folder = tmp_path / "results" / "small"
    fake_run(folder / "a", HIGH)
    fake_run(folder / "a2", LOW, pairing="shuffled")
    fake_run(folder / "b", {"en": 0.9, "de": 0.5}, method="translate_train")
    fake_run(folder / "c", LOW, method="zero_shot")
    path = tmp_path / "README.md"
    path.write_text(README)
    update_markdown(path, tmp_path / "results")
    labels = [line.split(" | ")[0].removeprefix("| ") for line in path.read_text().splitlines() if line.startswith("|")]
    assert labels[2:] == ["zero_shot", "translate_train", "filter", "filter, shuffled English"]
