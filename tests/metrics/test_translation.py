import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics.chrf import CHRF

from isogloss.errors import UserError
from isogloss.metrics.translation import character_ngrams, off_target_rate, sentence_chrf, translation_scores

REFERENCES = ["The train leaves at nine.", "My bag is lost.", "How much is a room?"]
OTHERS = ["A train leaves at ten.", "The bag is lost!", "What costs a room?"]


def test_a_translation_that_is_the_reference_is_perfect():
    scores = {
        score.name: score.value for score in translation_scores(REFERENCES, REFERENCES, "en", ("chrF", "BLEU", "TER"))
    }
    assert scores == pytest.approx({"chrF": 100, "BLEU": 100, "TER": 0})


def test_a_score_carries_the_signature_that_names_its_tokeniser():
    bleu = translation_scores(OTHERS, REFERENCES, "en", ["BLEU"])[0]
    assert 0 < bleu.value < 100 and "tok:13a" in bleu.signature and "version:" in bleu.signature
    assert str(bleu) == f"BLEU = {bleu.value:.1f} |{bleu.signature}"
    assert "tok:zh" in translation_scores(["火车九点开。"], ["火车十点开。"], "zho_Hans", ["BLEU"])[0].signature
    assert "tok:char" in translation_scores(["รถไฟ"], ["รถไฟ"], "th", ["BLEU"])[0].signature
    assert "tok:intl" in translation_scores(OTHERS, REFERENCES, "en", ["BLEU"], tokenizer="intl")[0].signature
    assert "nw:2" in translation_scores(OTHERS, REFERENCES, "en", ["chrF++"])[0].signature


def test_words_of_a_language_without_spaces_are_found():
    one, other = ["火车九点开往柏林。"], ["火车十点开往柏林。"]
    assert translation_scores(one, other, "zh", ["BLEU"])[0].value > 20
    assert translation_scores(one, other, "zh", ["BLEU"], tokenizer="none")[0].value < 1


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: translation_scores(OTHERS, REFERENCES[:2], "en"), "3 translations and 2 references"),
        (lambda: translation_scores([], [], "en"), "0 translations and 0 references"),
        (lambda: translation_scores(OTHERS, REFERENCES, "en", ["CHRF"]), "no score 'CHRF'.*chrF"),
        (lambda: translation_scores(OTHERS, REFERENCES, "en", tokenizer="13b"), "no tokeniser '13b'.*13a"),
        (lambda: translation_scores(OTHERS, REFERENCES, "xx"), "unknown language 'xx'"),
        (lambda: off_target_rate([], "de", str), "no translations"),
    ],
)
def test_a_mistake_is_named(call, complaint):
    with pytest.raises(UserError, match=complaint):
        call()


def test_the_off_target_rate_counts_other_languages_and_nothing():
    languages = {"Hallo": "deu", "Hello": "en", "Moin": "de_DE"}
    assert off_target_rate([*languages, " "], "de", languages.__getitem__) == pytest.approx(50)
    assert off_target_rate(["x"], "zh-Hant", lambda _: "zh") == 0


texts = st.text(alphabet="ab c.ä", max_size=12)


@given(texts, texts)
def test_chrf_of_a_sentence_is_sacrebleus(hypothesis, reference):
    ours = sentence_chrf(character_ngrams(hypothesis), character_ngrams(reference))
    assert ours == pytest.approx(CHRF().sentence_score(hypothesis, [reference]).score)


def test_chrf_of_sentences_in_several_scripts_is_sacrebleus():
    for one, other in [
        *zip(OTHERS, REFERENCES, strict=True),
        ("火车九点开往柏林。", "火车十点开往柏林。"),
        ("รถไฟออก", "รถไฟมา"),
    ]:
        ours = sentence_chrf(character_ngrams(one), character_ngrams(other))
        assert ours == pytest.approx(CHRF().sentence_score(one, [other]).score)
