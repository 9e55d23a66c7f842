import numpy as np
import pytest

from isogloss.kinds import Lengths
from isogloss.kinds.classification import Classification
from isogloss.losses import IGNORED
from isogloss.records import Sentence

LABELS = ("bad", "fair", "good")
LONG, SHORT = "hotel " * 30, "hotel"


@pytest.fixture(scope="module")
def kind(tokenizer):
    return Classification(LABELS, tokenizer, Lengths(max_length=24))


def sentence(text, pair=None, label=None):
    return Sentence(id="1", language="en", text=text, text_pair=pair, label=label)


@pytest.mark.parametrize("language", ["en", "de", "zh", "ja", "th", "ar", "hi"])
def test_a_short_text_is_what_the_tokenizer_makes_of_it(tokenizer, sentences, language):
    kind = Classification(LABELS, tokenizer, Lengths(max_length=128))
    for text in sentences[language]:
        (window,) = kind.windows(sentence(text))
        assert window.input_ids == tokenizer(text)["input_ids"]
        assert not window.cut


def parts(tokenizer, window):
    """Lengths of the two texts of a window `<s> A </s></s> B </s>`."""
    ends = [i for i, token in enumerate(window.input_ids) if token == tokenizer.eos_token_id]
    return ends[0] - 1, ends[2] - ends[1] - 1


def test_a_long_text_is_cut_to_the_limit(kind, tokenizer):
    (window,) = kind.windows(sentence(LONG))
    assert len(window.input_ids) == 24 and window.cut
    assert window.input_ids[-1] == tokenizer.eos_token_id


def test_the_longer_of_two_texts_is_cut_first(kind, tokenizer):
    short = len(tokenizer(SHORT, add_special_tokens=False)["input_ids"])
    for pair in ((LONG, SHORT), (SHORT, LONG)):
        (window,) = kind.windows(sentence(*pair))
        assert len(window.input_ids) == 24 and window.cut
        assert min(parts(tokenizer, window)) == short
    (window,) = kind.windows(sentence(LONG, LONG))
    assert sorted(parts(tokenizer, window)) == [10, 10]


def test_a_perfect_classifier_gives_the_gold_back(kind):
    for label in LABELS:
        record = sentence(SHORT, label=label)
        windows = kind.windows(record)
        prediction = kind.decode(record, windows, [np.eye(3, dtype=np.float32)[windows[0].label] * 9])
        assert prediction.label == label
        assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert list(prediction.probabilities) == list(LABELS)


def test_probabilities_stay_finite_for_extreme_logits(kind):
    record = sentence(SHORT)
    prediction = kind.decode(record, kind.windows(record), [np.array([1e4, -1e4, 0], dtype=np.float32)])
    assert prediction.probabilities == {"bad": 1.0, "fair": 0.0, "good": 0.0}


def test_an_unlabelled_text_costs_nothing(kind):
    assert kind.windows(sentence(SHORT))[0].label == IGNORED == kind.no_label(3)


def test_a_text_longer_than_the_tokenizer_allows_writes_nothing(kind, capfd):
    kind.windows(sentence("word " * 400))
    assert capfd.readouterr().err == ""
