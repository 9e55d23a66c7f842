"""The benchmark of candidates in small: every ranker is measured, on texts of the lengths that it says."""

import json
import sys

import pytest

from benchmarks import candidates
from isogloss.encoders import load_tokenizer
from isogloss.encoders.candidates import MASKS


def test_every_ranker_is_measured_beside_the_cross_encoders(encoder_folder, tmp_path, monkeypatch, capsys):
    pytest.importorskip("sentence_transformers")
    output = tmp_path / "candidates.json"
    monkeypatch.setattr(sys, "argv", ["x", "--quick", "--encoder", str(encoder_folder), "--output", str(output)])
    candidates.main()
    (found,) = json.loads(output.read_text())["contexts"].values()
    assert {"cross_encoder", "one_way", "arrow", "sentence-transformers", "bi_encoder"} <= found["rankers"].keys()
    assert all(row["milliseconds"] > 0 and len(row["seconds"]) == 1 for row in found["rankers"].values())
    assert found["tokens"] == {"uni_encoder": 26 + 3 * 8, "cross_encoder": 3 * (24 + 6 + 4)}
    assert found["keys"]["one_way"] == 26 + 3 * (26 + 8) and found["keys"].keys() <= MASKS.keys()
    assert "times as fast as the cross-encoder" in capsys.readouterr().out


def test_texts_have_just_so_many_tokens():
    tokenizer = load_tokenizer("tiny")
    for context, others in candidates.made_pools(tokenizer, 2, 50, [3, 7]):
        assert [len(tokenizer.tokenize(text)) for text in (context, *others)] == [50, 3, 7]
