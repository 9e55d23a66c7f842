"""A translator is trained, carries a task over and FILTER trains on it, all in small; and nothing of the task leaks."""

import gzip
import json
import sys
from argparse import Namespace

import pytest

from benchmarks import translated_training
from isogloss.data.parallel_set import read_parallel_set

pytest.importorskip("ctranslate2")
pytestmark = pytest.mark.filterwarnings("ignore:Recommended", "ignore:resource_tracker")

THINGS = {
    "dog": "pes",
    "tree": "strom",
    "house": "dum",
    "river": "reka",
    "bird": "ptak",
    "child": "dite",
    "road": "cesta",
}
DOINGS = {"sees": "vidi", "finds": "najde", "likes": "rad", "wants": "chce"}
LABELS = ("travel", "politics", "sports", "health", "entertainment", "geography", "science/technology")


def sentences(tag):
    """A sentence for every thing, doing and other thing, those to translate and the others; in one order."""
    words = [(a, b, c) for a in THINGS for b in DOINGS for c in THINGS if a != c]
    if tag == "cs":
        words = [(THINGS[a], DOINGS[b], THINGS[c]) for a, b, c in words]
    made = [" ".join(each) + "." for each in words]
    return made[::6], [sentence for i, sentence in enumerate(made) if i % 6]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Multi30k in English and Czech, and SIB-200 of other sentences with the same words; one sentence is in both."""
    root = tmp_path_factory.mktemp("data")
    captions, *_ = folders = [root / "multi30k", root / "sib200" / "eng_Latn", root / "sib200" / "ces_Latn"]
    for folder in folders:
        folder.mkdir(parents=True)
    for tag, code in (("en", "eng_Latn"), ("cs", "ces_Latn")):
        tested, known = sentences(tag)
        for name, lines in (("train", known), ("test_2016_flickr", known[:4])):
            (captions / f"{name}.{tag}.gz").write_bytes(gzip.compress("\n".join(lines).encode() + b"\n"))
        for split, lines in (("train", tested[:14]), ("dev", tested[14:21]), ("test", [*tested[21:27], known[5]])):
            rows = [f"{split}{i}\t{LABELS[i % len(LABELS)]}\t{line}" for i, line in enumerate(lines)]
            table = "\n".join(["index_id\tcategory\ttext", *rows]) + "\n"
            (root / "sib200" / code / f"{split}.tsv").write_text(table, encoding="utf-8")
    return root


def test_what_the_task_tests_on_is_not_trained_on_nor_its_own_sentences(data, tmp_path):
    for tag, task in (("cs", "multi30k"), ("sw", "parallel_text")):
        given = Namespace(data=data, to=tag, updates=160, quick=False)
        recipe = translated_training.translator_recipe(given, tmp_path)
        assert (recipe.task, recipe.config.directions) == (task, (f"en-{tag}",))
        assert recipe.config.tested_on == ("sib200",) and "sib200" not in recipe.config.sources


def test_a_translator_carries_a_task_over_and_filter_trains_on_it(data, encoder_folder, tmp_path, monkeypatch, capsys):
    output, work = tmp_path / "translated_training.json", tmp_path / "work"
    words = ["--data", data, "--to", "ces", "--seeds", "1,2", "--encoder", encoder_folder, "--quick"]
    monkeypatch.setattr(sys, "argv", list(map(str, ["x", *words, "--work", work, "--output", output])))
    translated_training.main()
    found = json.loads(output.read_text(encoding="utf-8"))
    assert found["to"] == "cs" and found["translator"]["updates"] == translated_training.QUICK_TRAIN["updates"]
    accepted = read_parallel_set(work / "set").manifest["translations"]["cs"]["accepted"]
    scored = found["translations"]["scores"]
    assert scored["accepted"]["n"] == accepted and scored["English as it is"]["n"] == 14
    # it has learned the words: far from the English, though it never saw these sentences
    assert scored["all"]["chrF"] > 20 + scored["English as it is"]["chrF"]
    rows = found["downstream"]
    assert len(rows) == 5 and {row["seeds"] for row in rows.values()} == {2}
    gain = rows["FILTER, machine [none]"]
    assert gain["minus zero_shot"]["value"] == pytest.approx(gain["value"] - rows["zero_shot"]["value"], abs=0.01)
    outcome = capsys.readouterr()
    assert "FILTER, human [none]" in outcome.out
    assert "left out: 5 that are tested on" in outcome.err  # four captions, and the sentence of SIB-200
    monkeypatch.setattr(translated_training, "train", None)  # what is finished is not done again
    before = output.read_text(encoding="utf-8")
    translated_training.main()
    assert json.loads(before)["downstream"] == json.loads(output.read_text(encoding="utf-8"))["downstream"]
