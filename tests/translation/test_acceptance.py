import json
from dataclasses import replace

from isogloss.data.parallel_set import Row, write_parallel_set
from isogloss.records import Sentence
from isogloss.translation.acceptance import acceptance
from isogloss.translation.gates import judged


def row(text, translation, tag="de", **values):
    original = Sentence(id=values.pop("id", "1"), language="en", text=text, label=values.pop("label", "a"))
    return Row(original=original, language=tag, translation=replace(original, language=tag, text=translation))


def test_acceptance_is_told_by_language_and_by_label(tmp_path):
    rows = [row("a b c d e", "a b c d e" if i < 3 else "x", id=str(i), label="ab"[i == 0]) for i in range(8)]
    rows += [row("a b c d e", "x", "sw", id=str(i), label="ab"[i == 0]) for i in range(8)]
    kept = judged(lambda: rows, {"copy": 4})
    manifest = write_parallel_set(tmp_path / "set", kept, kind="classification", provenance={})
    assert acceptance(manifest["translations"]).splitlines() == [
        "de: 62.5% of 8 accepted; rejected: 3 copy",
        "sw: 100.0% of 8 accepted",
        "",
        "accepted      de      sw",
        "a          71.4%  100.0%",
        "b           0.0%  100.0%",
    ]
    json.dumps(manifest)
