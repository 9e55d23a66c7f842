import warnings

import pytest
import seqeval.metrics
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import UserError
from isogloss.metrics import load_metric
from isogloss.metrics.pos_chunks import chunks, cut_type, whole_type
from isogloss.records import TaggedSentence, TagsPrediction
from isogloss.tasks import load_task

UPOS = load_task("ud_pud").labels


def sentences(rows, language="de"):
    return [
        TaggedSentence(
            id=str(i),
            language=language,
            text="a " * len(tags),
            words=tuple((2 * j, 2 * j + 1) for j in range(len(tags))),
            tags=tuple(tags),
        )
        for i, tags in enumerate(rows)
    ]


def counts(name, gold, guesses):
    predictions = [TagsPrediction(r.id, r.language, r.words, tuple(t)) for r, t in zip(gold, guesses, strict=True)]
    return load_metric(name).counts(gold, predictions, UPOS)


def score(name, gold, guesses):
    return load_metric(name).value(counts(name, sentences(gold), guesses).sum(0))


@given(st.data())
def test_the_score_is_seqeval_s(data):
    gold = data.draw(st.lists(st.lists(st.sampled_from(UPOS), min_size=1, max_size=6), min_size=1, max_size=5))
    guesses = [[data.draw(st.sampled_from([tag, *UPOS])) for tag in tags] for tags in gold]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        f1, precision = (
            measure(gold, guesses) for measure in (seqeval.metrics.f1_score, seqeval.metrics.precision_score)
        )
    assert score("upos_F1", gold, guesses) == pytest.approx(100 * f1)
    assert score("upos_precision", gold, guesses) == pytest.approx(100 * precision)


@pytest.mark.parametrize("name", ["upos_F1", "upos_F1_2020"])
def test_one_wrong_word_in_a_run_costs_the_run(name):
    assert score(name, [["NOUN", "NOUN", "VERB"]], [["NOUN", "ADJ", "VERB"]]) == pytest.approx(40)
    assert score("token_accuracy", [["NOUN", "NOUN", "VERB"]], [["NOUN", "ADJ", "VERB"]]) == pytest.approx(200 / 3)


def test_precision_asks_only_about_the_chunks_that_were_given():
    gold, guess = [["NOUN", "NOUN", "VERB", "X"]], [["NOUN", "NOUN", "VERB", "ADJ"]]
    assert score("upos_precision", gold, guess) == score("upos_precision_2020", gold, guess) == pytest.approx(200 / 3)
    assert score("upos_precision", guess, gold) == 100  # X is no chunk there
    assert score("upos_precision_2020", guess, gold) == pytest.approx(200 / 3)


def test_symbols_and_conjunctions_are_chunks_of_their_own():
    assert chunks(["SYM", "SYM", "NOUN", "NOUN"], whole_type) == [("SYM", 0, 0), ("SYM", 1, 1), ("NOUN", 2, 3)]
    assert chunks(["SYM", "SYM", "NOUN", "NOUN"], cut_type) == [("YM", 0, 0), ("YM", 1, 1), ("OUN", 2, 3)]


def test_a_run_of_x_at_the_end_counts_in_the_old_version_alone():
    assert chunks(["NOUN", "X", "X"], whole_type) == [("NOUN", 0, 0), ("X", 1, 2)]
    assert chunks(["NOUN", "X", "X"], cut_type) == [("OUN", 0, 0)]


def test_languages_are_read_apart_and_items_sum_to_the_score():
    german, turkish = [["X", "NOUN"], ["VERB"]], [["X", "X"], ["ADJ", "ADJ"]]
    gold = [record for pair in zip(sentences(german), sentences(turkish, "tr"), strict=True) for record in pair]
    both = counts("upos_F1", gold, [record.tags for record in gold])
    assert both[0::2].tolist() == counts("upos_F1", sentences(german), german).tolist()
    assert both[1::2].tolist() == counts("upos_F1", sentences(turkish), turkish).tolist()


def test_another_number_of_tags_is_named():
    with pytest.raises(UserError, match="record '0' .de. has 2 tags and its prediction 1"):
        counts("upos_F1", sentences([["NOUN", "VERB"]]), [["NOUN"]])
