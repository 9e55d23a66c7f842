"""The parts of GNMT measured in small: every row is there, and what is finished is not done again."""

import json
import sys

import pytest
from made_up_captions import write_captions

from benchmarks import gnmt_parts, translators_page
from isogloss.recipe import resolve
from isogloss.runs import train

pytestmark = pytest.mark.filterwarnings("ignore:Recommended")


def test_residuals_and_the_second_stage_stand_beside_what_they_lack(tmp_path, monkeypatch, capsys):
    data = write_captions(tmp_path)
    first = {"task": "multi30k", "languages": ["de", "fr"], "config": {"vocabulary": 90, "hidden": 16, "layers": 2}}
    first |= {"train": {"updates": 8, "tokens_per_batch": 400}, "data": str(data)}
    train(resolve(first, {"method": "gnmt", "seed": 1, "output": tmp_path / "seed1"}))
    output = tmp_path / "found.json"
    fixed = ["--data", data, "--first", tmp_path / "seed{seed}", "--seeds", "1", "--updates", "4", "--more", "3"]
    fixed += ["--samples", "2", "--beam", "1", "--layers", "3", "--work", tmp_path / "work", "--quick"]
    monkeypatch.setattr(sys, "argv", list(map(str, ["x", *fixed, "--output", output])))
    gnmt_parts.main()
    printed, found = capsys.readouterr().out, json.loads(output.read_text(encoding="utf-8"))
    assert list(found["residuals"]) == ["residuals", "no residuals"]
    assert list(found["second stage"]) == ["first stage", "+ GLEU", "+ likelihood"]
    assert printed.count("\n") == 5 and found["n"] == 4
    updates = {name: run["1"]["updates"] for name, run in found["runs"].items()}
    assert updates == {"+ GLEU": 3, "+ likelihood": 3, "residuals": 4, "no residuals": 4}
    commands = {name: run["1"]["command"] for name, run in found["runs"].items()}
    assert "--set=samples=2" in commands["+ GLEU"] and "samples" not in commands["+ likelihood"]
    assert "--set=residual=false" in commands["no residuals"] and str(tmp_path) not in "".join(commands.values())
    row = found["second stage"]["+ GLEU"]
    gained = row["GLEU"]["value"] - found["second stage"]["first stage"]["GLEU"]["value"]
    assert row["GLEU minus first stage"]["value"] == pytest.approx(gained, abs=0.01)
    tables = list(translators_page.PARTS["Residuals, and a stage on GLEU"][2](found))
    assert len(tables) > 2
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*") if path.is_file()}
    gnmt_parts.main()
    assert capsys.readouterr().out == printed
    assert {path: path.stat().st_mtime_ns for path in written} == written
