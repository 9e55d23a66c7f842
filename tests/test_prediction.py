import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isogloss import prediction
from isogloss.encoders.models import EncoderForTokenClassification
from isogloss.kinds import Example, Lengths, Window, load_kind
from isogloss.prediction import Reader, batches, unlabelled
from isogloss.records import Question, Sentence, TaggedSentence, is_labelled
from isogloss.tasks import load_task


def example(*lengths, name="1"):
    return Example(name, "de", 0, tuple(Window([0] * length) for length in lengths))


@given(st.lists(st.lists(st.integers(1, 900), min_size=1, max_size=3), max_size=60))
def test_every_example_is_in_one_batch_and_batches_keep_to_the_budget(lengths):
    texts = [tuple((0,) * length for length in sides) for sides in lengths]
    found = list(batches(texts, 4096))
    assert sorted(number for batch in found for number in batch) == list(range(len(texts)))
    for batch in found:
        assert len(batch) == 1 or sum(sum(lengths[number]) for number in batch) <= 4096


def test_texts_with_the_same_translation_stand_together():
    texts = [((1,) * length, (7,) * english) for length in (2, 9, 4) for english in (3, 5)]
    found = list(batches(texts, 30))
    assert [[texts[i][1] for i in batch] for batch in found] == [[(7,) * 5] * 3, [(7,) * 3] * 3]
    assert list(batches([((1,),), ((1, 1),), ((1,),)], 2)) == [[1], [0, 2]]


def test_texts_of_the_same_length_stand_together_within_a_batch():
    texts = [((1,) * length, (7,) * english) for length in (2, 9, 4) for english in (3, 5)]
    (order,) = batches(texts, 4096)
    assert [len(texts[i][0]) for i in order] == [2, 2, 4, 4, 9, 9]


@pytest.fixture(scope="module")
def reader(make_encoder, tokenizer):
    torch.manual_seed(0)
    kind = load_kind(load_task("xsid_slots"), tokenizer, Lengths(max_length=32))
    return Reader(EncoderForTokenClassification(make_encoder(), kind.num_labels, (1, 2)), kind)


def sentence(text, name="1", **given_):
    words = tuple((m, m + 1) for m, c in enumerate(text) if not c.isspace())
    return TaggedSentence(id=name, language="de", text=text, words=words, **given_)


def test_logits_come_in_the_order_given_whatever_the_batches(reader, monkeypatch):
    draws = np.random.default_rng(0)
    given_ = []
    for number in range(12):
        sides = [Window([0, *draws.integers(5, 90, draws.integers(1, 20)).tolist(), 2]) for _ in range(1 + number % 2)]
        given_.append(Example(str(number), "de", 0, tuple(sides)))
    together = reader.logits(given_)
    monkeypatch.setattr(prediction, "TOKENS_PER_BATCH", 1)
    alone = reader.logits(given_)
    for each, row, single in zip(given_, together, alone, strict=True):
        assert row.shape == (len(each.sides[0].input_ids), reader.kind.num_labels)
        np.testing.assert_allclose(row, single, atol=2e-5)


def test_a_reader_leaves_the_network_as_it_found_it(reader):
    for training in (True, False):
        reader.network.train(training)
        first = reader.logits([example(5)])[0]
        assert reader.network.training is training
        np.testing.assert_array_equal(first, reader.logits([example(5)])[0])  # no dropout while reading


def test_nothing_gives_nothing(reader):
    assert reader.logits([]) == [] and reader.read([]) == []


def test_predictions_come_in_the_order_given(reader):
    records = [sentence(text, name) for name, text in (("3", "ab"), ("1", "abc " * 30), ("2", "a"))]
    found = reader.read((record,) for record in records)
    assert [each.id for each in found] == ["3", "1", "2"]
    assert [len(each.tags) for each in found] == [len(record.words) for record in records]


def test_what_prediction_sees_holds_neither_label_nor_translation():
    english = Sentence(id="1", language="en", text="a", label="b")
    for record in (
        Sentence(id="1", language="de", text="a", label="b", translations=(english,)),
        sentence("a", tags=("O",)),
        Question(id="1", language="de", question="q", context="c"),
    ):
        assert not is_labelled(unlabelled(record)) and unlabelled(record).translations == ()


def test_no_prediction_depends_on_a_gold_label(trained):
    from dataclasses import replace

    from isogloss.runs import load

    for row in ("zero_shot", "translate_test", "filter"):
        predictor = load(trained("classification", row))
        english = Sentence(id="1", language="en", text="The hotel is big.", label="travel")
        record = Sentence(id="1", language="de", text="Da ist Tor jetzt.", label="sports", translations=(english,))
        wrong = replace(record, label="health", translations=(replace(english, label="health"),))
        assert predictor.predict([record]) == predictor.predict([wrong])


def test_examples_with_the_same_tokens_are_read_once(reader, monkeypatch):
    read = []
    monkeypatch.setattr(reader.network, "forward", _counting(reader.network.forward, read))
    given_ = [example(5, name="1"), example(7, name="2"), example(5, name="3"), example(5, 7, name="4")]
    rows = reader.logits(given_)
    assert sum(read) == 3
    np.testing.assert_array_equal(rows[0], rows[2])
    assert [len(row) for row in rows] == [5, 7, 5, 5]


def _counting(forward, read):
    def counted(input_ids, **rest):
        read.append(len(input_ids))
        return forward(input_ids, **rest)

    return counted
