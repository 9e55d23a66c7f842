import pytest
from tiny_translators import LINES, marian

from isogloss.errors import UserError
from isogloss.translation.engines.pivot import PivotTranslator
from isogloss.translation.translator import (
    Capabilities,
    Decoding,
    Hypothesis,
    Translation,
    load_translator,
)


class Dictionary:
    """A translator by a dictionary; what it does not know is a failure."""

    fingerprint = "words"
    provenance = {"engine": "words"}
    capabilities = Capabilities(n_best=True, attention=True, scores=True)

    def __init__(self, words, direction, scores=True):
        self.words, self.direction, self.scores = words, direction, scores

    def check(self, source, target):
        if (source, target) != self.direction:
            raise UserError(f"this dictionary is from {self.direction[0]} to {self.direction[1]}")

    def translate(self, texts, source, target, decoding):
        self.check(source, target)
        return [self.one(text, decoding) for text in texts]

    def one(self, text, decoding):
        if text not in self.words:
            return Translation(failure=f"{text} is not in the dictionary")
        options = self.words[text].split("/")[: decoding.hypotheses]
        told = [(-1.0 - n, 2 + n) if self.scores else (None, None) for n in range(len(options))]
        return Translation(tuple(Hypothesis(word, *known) for word, known in zip(options, told, strict=True)))


GERMAN = Dictionary({"Zug": "train/draught", "Tasche": "bag", "Uhr": "clock"}, ("de", "en"))
FRENCH = Dictionary({"train": "train/convoi", "bag": "sac"}, ("en", "fr"))


def test_a_chain_goes_through_the_best_and_adds_both_legs():
    chain = PivotTranslator("en", GERMAN, FRENCH)
    found = chain.translate(["Tasche", "Zug"], "de", "fr", Decoding(hypotheses=2))
    assert [[h.text for h in t.hypotheses] for t in found] == [["sac"], ["train", "convoi"]]
    assert [(h.log_probability, h.tokens) for h in found[1].hypotheses] == [(-2.0, 4), (-3.0, 5)]


def test_a_failure_names_its_leg():
    found = PivotTranslator("en", GERMAN, FRENCH).translate(["Haus", "Uhr", "Tasche"], "de", "fr", Decoding())
    assert found[0].failure == "first leg (de to en): Haus is not in the dictionary"
    assert found[1].failure == "second leg (en to fr): clock is not in the dictionary"
    assert found[2].text == "sac"


def test_a_leg_that_tells_no_scores_leaves_none():
    silent = Dictionary({"train": "train"}, ("en", "fr"), scores=False)
    found = PivotTranslator("en", GERMAN, silent).translate(["Zug"], "de", "fr", Decoding())
    assert found[0].hypotheses == (Hypothesis("train"),)


@pytest.mark.parametrize(
    ("direction", "complaint"),
    [
        (("de", "en"), "one leg only"),
        (("en", "fr"), "one leg only"),
        (("sw", "fr"), r"first leg \(sw to en\): this dictionary is from de to en"),
        (("de", "sw"), r"second leg \(en to sw\): this dictionary is from en to fr"),
        (("xx", "fr"), "unknown language"),
    ],
)
def test_a_direction_that_a_leg_has_not_is_named(direction, complaint):
    with pytest.raises(UserError, match=complaint):
        PivotTranslator("en", GERMAN, FRENCH).check(*direction)


def test_what_a_chain_cannot_do_is_an_error():
    chain = PivotTranslator("en", GERMAN, FRENCH)
    with pytest.raises(UserError, match="cannot score a pair"):
        chain.score([("Zug", "train")], "de", "fr")
    with pytest.raises(UserError, match="tells no attention"):
        chain.translate(["Zug"], "de", "fr", Decoding(coverage=0.2))
    assert not chain.capabilities.scores and chain.capabilities.n_best


def test_real_engines_are_chained_from_the_command_line(tiny_translator, converted, tmp_path):
    back = marian(tmp_path / "back", ("de", "en"))
    two = load_translator(f"pivot:eng_Latn:hf:{back},,ctranslate2:{converted('opus')}")
    assert [t.text for t in two.translate(LINES["de"], "de", "fr", Decoding())] == list(LINES["fr"])
    nllb = tiny_translator("nllb")
    one = load_translator(f"pivot:en:hf:{nllb}")
    assert one.first is one.second and two.first is not two.second
    found = one.translate(LINES["de"], "de", "fr", Decoding())
    assert [t.text for t in found] == list(LINES["fr"])
    leg = load_translator(f"hf:{nllb}")
    legs = [leg.translate(LINES["de"], "de", "en", Decoding()), leg.translate(LINES["en"], "en", "fr", Decoding())]
    for whole, first, second in zip(found, *legs, strict=True):
        total = first.hypotheses[0].log_probability + second.hypotheses[0].log_probability
        assert whole.hypotheses[0].log_probability == pytest.approx(total, abs=1e-4)
    assert one.fingerprint == f"pivot:en:{leg.fingerprint},,{leg.fingerprint}" != two.fingerprint
    assert two.provenance["pivot"] == "en" and two.provenance["second"]["engine"] == "ctranslate2"


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("pivot:en", "write pivot:LANGUAGE:ENGINE"),
        ("pivot:en:", "write pivot:LANGUAGE:ENGINE"),
        ("pivot:en:hf:a,,", "write pivot:LANGUAGE:ENGINE"),
        ("pivot:en:hf:a,,hf:b,,hf:c", "write pivot:LANGUAGE:ENGINE"),
        ("pivot:germn:hf:a", "unknown language 'germn'"),
        ("pivot:en:hff:a", "no translation engine 'hff'"),
        ("pivot:en:hf:./nowhere", "no such folder"),
    ],
)
def test_a_chain_that_cannot_be_read_is_one_clear_line(spec, complaint):
    with pytest.raises(UserError, match=complaint):
        load_translator(spec)
