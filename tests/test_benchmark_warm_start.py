"""Beginning with an encoder measured in small: like sizes, every row, and what is finished is not done again."""

import json
import sys

import pytest
from made_up_captions import write_captions

from benchmarks import translators_page, warm_start
from benchmarks.pieces import Table

pytestmark = pytest.mark.filterwarnings("ignore:Recommended")


def test_an_encoder_stands_beside_random_weights_of_its_shape(tmp_path, encoder_folder, monkeypatch, capsys):
    fixed = ["--data", write_captions(tmp_path), "--encoder", encoder_folder, "--seeds", "1", "--quick"]
    fixed += ["--work", tmp_path / "work", "--output", tmp_path / "found.json"]
    monkeypatch.setattr(sys, "argv", list(map(str, ["x", *fixed])))
    warm_start.main()
    printed, found = capsys.readouterr().out, json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert list(found["rows"]) == [warm_start.SMALL, warm_start.FRESH, warm_start.WARM]
    assert printed.count("\n") == 6 and found["n"] == 6
    _, fresh, warm = (row["runs"][0] for row in found["rows"].values())
    assert abs(fresh["parameters"] / warm["parameters"] - 1) < 0.2  # but for positions, which one of them learns
    assert fresh["train"] == warm["train"] and (fresh["encoder"], warm["encoder"]) == ("new", str(encoder_folder))
    row = found["rows"][warm_start.FRESH]
    between = found["rows"][warm_start.WARM]["chrF"]["value"] - row["chrF"]["value"]
    assert row[f"chrF, {warm_start.WARM} minus this"]["value"] == pytest.approx(between, abs=0.01)
    _, table = translators_page.PARTS["Beginning with an encoder"][2](found)
    assert isinstance(table, Table) and [line[0] for line in table.rows] == list(found["rows"])
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*") if path.is_file()}
    warm_start.main()
    assert capsys.readouterr().out == printed
    assert {path: path.stat().st_mtime_ns for path in written} == written
