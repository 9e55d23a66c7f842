import numpy as np
import pytest
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

from isogloss.errors import UserError
from isogloss.metrics import load_metric
from isogloss.metrics.spans import lenient_spans, strict_spans
from isogloss.records import Span, TaggedSentence, TagsPrediction

TAGS = ("O", "B-x", "I-x", "B-y", "I-y")


def score(name, gold, guessed):
    def words(tags):
        return tuple((i, i + 1) for i in range(len(tags)))

    records = [
        TaggedSentence(id=str(i), language="en", text=" " * len(tags), words=words(tags), tags=tuple(tags))
        for i, tags in enumerate(gold)
    ]
    predictions = [TagsPrediction(str(i), "en", words(tags), tuple(tags)) for i, tags in enumerate(guessed)]
    metric = load_metric(name)
    return metric.value(metric.counts(records, predictions, TAGS).sum(0))


def random_tags(seed):
    generator = np.random.default_rng(seed)
    return [list(generator.choice(TAGS, length)) for length in np.random.default_rng(99).integers(1, 9, 40)]


@pytest.mark.parametrize("seed", range(5))
def test_strict_f1_equals_seqeval_strict_iob2(seed):
    gold, guessed = random_tags(seed), random_tags(seed + 100)
    expected = np.asarray(f1_score(gold, guessed, mode="strict", scheme=IOB2))
    assert score("span_F1", gold, guessed) == pytest.approx(100 * expected)


@pytest.mark.parametrize("seed", range(5))
def test_lenient_f1_equals_seqeval_default(seed):
    gold, guessed = random_tags(seed), random_tags(seed + 100)
    expected = np.asarray(f1_score(gold, guessed))
    assert score("span_F1_lenient", gold, guessed) == pytest.approx(100 * expected)


def test_the_readings_differ_only_where_an_inside_tag_continues_nothing():
    tags = ["I-x", "O", "B-x", "I-y", "I-y"]
    assert strict_spans(tags) == [Span(2, 3, "x")]
    assert lenient_spans(tags) == [Span(0, 1, "x"), Span(2, 3, "x"), Span(3, 5, "y")]


def test_a_span_needs_both_ends_and_its_label():
    gold = [["B-x", "I-x", "O", "B-y"]]
    assert score("span_F1", gold, gold) == 100
    assert score("span_F1", gold, [["B-x", "O", "O", "B-y"]]) == 50
    assert score("span_F1", gold, [["B-y", "I-y", "O", "B-x"]]) == 0


def test_no_spans_anywhere_score_zero():
    assert score("span_F1", [["O"]], [["O"]]) == 0


def test_token_accuracy_counts_words_not_sentences():
    assert score("token_accuracy", [["NOUN"], ["VERB", "NOUN", "X"]], [["NOUN"], ["NOUN", "NOUN", "X"]]) == 75


def test_missing_tags_and_another_number_of_tags_are_named():
    with pytest.raises(UserError, match="has 2 tags and its prediction 1"):
        score("token_accuracy", [["O", "O"]], [["O"]])
    record = TaggedSentence(id="7", language="de", text="a", words=((0, 1),))
    with pytest.raises(UserError, match="record '7' .de. has no tags"):
        load_metric("span_F1").counts([record], [TagsPrediction("7", "de", ((0, 1),), ("O",))], TAGS)
