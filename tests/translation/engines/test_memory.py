import pytest

from isogloss.errors import UserError
from isogloss.translation.translator import Decoding, load_translator


@pytest.fixture
def path(tmp_path):
    """A memory of three pairs."""
    made = tmp_path / "tm.tsv"
    made.write_text("en\tde\nYes.\tJa.\nYes?\tJa?\nthe old  house\tdas alte Haus\n", encoding="utf-8")
    return made


def test_texts_of_the_memory_are_translated_and_others_are_failures(path):
    made = load_translator(f"memory:{path}").translate(["Yes?", "no", "the old house ", "yes."], "en", "de", Decoding())
    assert [each.text for each in made] == ["Ja?", None, "das alte Haus", None]
    assert made[1].failure == "not in the memory"


def test_a_memory_serves_both_directions_that_it_names(path):
    made = load_translator(f"memory:{path}")
    assert made.translate(["Ja."], "deu", "eng", Decoding())[0].text == "Yes."
    with pytest.raises(UserError, match="no column of sw"):
        made.check("en", "sw")


def test_the_fingerprint_is_the_files_content(path, tmp_path):
    copy = tmp_path / "copy.tsv"
    copy.write_bytes(path.read_bytes())
    prints = [load_translator(f"memory:{each}").fingerprint for each in (path, copy)]
    assert prints[0] == prints[1]
    copy.write_text("en\tde\nNo.\tNein.\n", encoding="utf-8")
    changed = load_translator(f"memory:{copy}")
    assert changed.fingerprint != prints[0] and changed.translate(["No."], "en", "de", Decoding())[0].text == "Nein."


def test_what_a_memory_cannot_do_is_said(path):
    made = load_translator(f"memory:{path}")
    for decoding in (Decoding(samples=2), Decoding(hypotheses=2)):
        with pytest.raises(UserError, match="this engine (draws no samples|gives one hypothesis)"):
            made.translate(["Yes."], "en", "de", decoding)
    with pytest.raises(UserError, match="no probabilities"):
        made.score([("Yes.", "Ja.")], "en", "de")
    with pytest.raises(UserError, match="no such file"):
        load_translator("memory:nowhere.tsv")
