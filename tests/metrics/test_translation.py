import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics.chrf import CHRF

from isogloss.errors import UserError
from isogloss.metrics import load_metric
from isogloss.metrics.translation import (
    character_ngrams,
    off_target_rate,
    sentence_chrf,
    sentence_gleu,
    signature,
    translation_scores,
)
from isogloss.records import Bitext, TranslationPrediction

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


@pytest.mark.parametrize(
    ("hypothesis", "reference", "expected"),
    [
        ("a b c", "a b d", 3 / 6),  # a, b, a b; both have 3 + 2 + 1
        ("a b", "a b c d", 3 / 10),  # all of it is right, three tenths of the reference is there
        ("a b c d", "a b", 3 / 10),
        ("a a a", "a", 1 / 6),  # what the reference says once is right once
        ("a b c d e f", "a b c d e f", 1),  # 6 + 5 + 4 + 3, and no longer ones
        ("a b c d e", "b c d e a", (5 + 3 + 2 + 1) / 14),
        ("", "a", 0),
        ("", "", 0),
    ],
)
def test_gleu_is_the_smaller_of_precision_and_recall(hypothesis, reference, expected):
    assert sentence_gleu(hypothesis.split(), reference.split()) == pytest.approx(expected)
    assert value_of("GLEU", [hypothesis], [reference], "de") == pytest.approx(100 * expected)


def test_gleu_of_a_corpus_sums_the_n_grams_of_its_sentences():
    assert value_of("GLEU", ["a b c", "a b"], ["a b d", "a b c d"], "de") == pytest.approx(100 * (3 + 3) / (6 + 10))
    assert value_of("GLEU", ["A dog."], ["A dog ."], "en") == 100  # the words are BLEU's


NAMES = ("chrF", "chrF++", "BLEU", "TER")
CORPORA = {
    "en": (OTHERS, REFERENCES),
    "de": (
        ["Ein Mann fährt ein Rad.", "", "(Zwei) Hunde - spielen!", "Ja"],
        ["Ein Mann fährt Rad.", "Es regnet heute sehr stark.", "Zwei Hunde spielen.", "Nein"],
    ),
    "zho_Hans": (["火车九点开往柏林。", "他"], ["火车十点开往柏林。", "她是我的"]),
    "th": (["รถไฟออกเก้าโมง"], ["รถไฟออกสิบโมง"]),
}


def pairs(hypotheses, references, target):
    """Gold records and predictions from English into the language; an empty translation is one that failed."""
    about = {"language": "en", "translation_language": target, "text": "x"}
    gold = [Bitext(id=str(i), translation=text, **about) for i, text in enumerate(references)]
    made = [TranslationPrediction(id=str(i), translation=text or None, **about) for i, text in enumerate(hypotheses)]
    return gold, made


def value_of(name, hypotheses, references, target):
    metric = load_metric(name)
    return float(metric.value(metric.counts(*pairs(hypotheses, references, target), ()).sum(0)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", CORPORA)
def test_the_value_of_summed_counts_is_sacrebleus_corpus_score(name, target):
    hypotheses, references = CORPORA[target]
    (expected,) = translation_scores(hypotheses, references, target, [name])
    assert value_of(name, hypotheses, references, target) == pytest.approx(expected.value, abs=1e-9)
    assert value_of(name, references, references, target) == pytest.approx(0 if name == "TER" else 100)


corpora = st.lists(st.tuples(st.text("ab (.ä", max_size=9), st.text("ab (.ä", min_size=1, max_size=9)), min_size=1)


@pytest.mark.parametrize("name", NAMES)
@given(corpora)
def test_no_corpus_is_scored_otherwise_than_by_sacrebleu(name, corpus):
    hypotheses, references = zip(*corpus, strict=True)
    if not any(text.split() for text in references):  # an error rate of nothing, which no task has
        return
    (expected,) = translation_scores(hypotheses, references, "de", [name])
    assert value_of(name, hypotheses, references, "de") == pytest.approx(expected.value, abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_a_resample_of_sentences_is_scored_as_the_corpus_that_was_drawn(name):
    hypotheses, references = CORPORA["de"]
    metric, weights = load_metric(name), np.array([[1, 1, 1, 1], [2, 0, 1, 1], [0, 1, 3, 0], [4, 0, 0, 0]])
    values = metric.value(weights @ metric.counts(*pairs(hypotheses, references, "de"), ()))
    for row, value in zip(weights, values, strict=True):
        drawn = [
            [text for text, n in zip(side, row, strict=True) for _ in range(n)] for side in (hypotheses, references)
        ]
        assert value == pytest.approx(translation_scores(*drawn, "de", [name])[0].value, abs=1e-9)


@pytest.mark.parametrize("name", [*NAMES, "GLEU", "off_target"])
def test_no_sentences_have_no_rows(name):
    metric = load_metric(name)
    width = metric.counts(*pairs(["x"], ["x"], "de"), ()).shape[1]
    assert metric.counts([], [], ()).shape == (0, width)


def test_a_signature_names_the_tokeniser_of_the_target_language():
    assert (
        "tok:13a" in signature("BLEU", "de")
        and "tok:zh" in signature("BLEU", "zh")
        and "version:" in signature("TER", "de")
    )
    assert signature("chrF", "de").startswith("chrF|nrefs:1|case:mixed|eff:yes|nc:6|nw:0")
    for name in ("chrF", "chrF++", "TER"):
        assert load_metric(name).signature.split("|")[1:6] == signature(name, "de").split("|")[1:6]


def test_an_output_in_another_language_or_none_is_off_target():
    english, german = "The train to Berlin leaves at nine o'clock.", "Der Zug nach Berlin fährt um neun Uhr ab."
    french = "Le train pour Berlin part à neuf heures du matin."
    metric = load_metric("off_target")
    gold, made = pairs([german, english, french, "", "Ja."], ["x"] * 5, "de")
    assert metric.counts(gold, made, ("de", "en", "fr")).tolist() == [[0, 1], [1, 1], [1, 1], [1, 1], [0, 1]]
    assert metric.counts(gold, made, ()).tolist()[:2] == [[0, 1], [1, 1]]
    unknown = metric.counts(*pairs([german, ""], ["x"] * 2, "wo"), ("wo", "en"))
    assert unknown.sum() == 0 and metric.value(unknown.sum(0)) == 0
