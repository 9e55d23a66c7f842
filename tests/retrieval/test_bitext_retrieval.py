from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import UserError
from isogloss.metrics import load_metric
from isogloss.records import Bitext, ComparableSentence, Sentence
from isogloss.retrieval.bitext_retrieval import (
    Matches,
    Method,
    Settings,
    best_matches,
    best_threshold,
    mine,
    ratio_margin,
)
from isogloss.retrieval.nearest import Neighbours


def units(rows, width=8, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class ToyEncoder:
    """Every word is a direction of its own; "x7" and "e7" are the same one."""

    device = torch.device("cpu")
    config = SimpleNamespace(num_hidden_layers=1, pad_token_id=0, model_type="toy", max_position_embeddings=64)

    def __call__(self, inputs, attention_mask, output_hidden_states):
        states = torch.nn.functional.one_hot(inputs, 64).float()
        return SimpleNamespace(hidden_states=(states, states))


def toy_tokenizer(texts, truncation, max_length):
    return {"input_ids": [[1 + int(word[1:]) for word in text.split()][:max_length] for text in texts]}


def bitext(name, text, translation):
    return Bitext(id=str(name), language="de", text=text, translation_language="en", translation=translation)


def comparable(texts, corpus, pairs):
    """Records of comparable corpora given as {id: text}; pairs are (id, English id)."""
    english = tuple(Sentence(id=name, language="en", text=text) for name, text in corpus.items())
    return [
        ComparableSentence(
            id=name,
            language="zh",
            text=text,
            corpus=english,
            translations=tuple(there for here, there in pairs if here == name),
        )
        for name, text in texts.items()
    ]


def test_the_ratio_margin_of_two_by_two_by_hand():
    # sources a, b; targets c, d; cosines ac 0.8, ad 0.4, bc 0.6, bd 0.2; k = 2, so all are neighbours
    forward = Neighbours(np.array([[0.8, 0.4], [0.6, 0.2]]), np.array([[0, 1], [0, 1]]))
    backward = Neighbours(np.array([[0.8, 0.6], [0.4, 0.2]]), np.array([[0, 1], [0, 1]]))
    own, theirs = forward.cosines.mean(1, keepdims=True), backward.cosines.mean(1)[forward.places]
    expected = [[0.8 / 0.65, 0.4 / 0.45], [0.6 / 0.55, 0.2 / 0.35]]  # means: a 0.6, b 0.4, c 0.7, d 0.3
    np.testing.assert_allclose(ratio_margin(forward.cosines, own, theirs), expected)
    found = best_matches(forward, backward, ratio_margin)
    assert found.places.tolist() == [0, 0]
    np.testing.assert_allclose(found.scores, [0.8 / 0.65, 0.6 / 0.55])


def test_a_sentence_close_to_everything_loses_by_margin():
    # target 1 is a hub: highest cosine of all sources
    forward = Neighbours(np.array([[0.9, 0.8], [0.9, 0.2]]), np.array([[1, 0], [1, 0]]))
    backward = Neighbours(np.array([[0.8, 0.2], [0.9, 0.9]]), np.array([[0, 1], [0, 1]]))
    assert best_matches(forward, backward, lambda cosines, *_: cosines).places.tolist() == [1, 1]
    assert best_matches(forward, backward, ratio_margin).places.tolist() == [0, 1]


def test_opposite_directions_divide_by_nothing():
    assert np.isfinite(ratio_margin(np.array([[-1.0]]), np.array([[-1.0]]), np.array([[-1.0]]))).all()


def test_mining_keeps_the_best_pairs_and_every_sentence_once():
    forward = Matches(np.array([0, 0, 1]), np.array([1.5, 1.9, 1.1]))  # sources 0 and 1 both want target 0
    backward = Matches(np.array([1, 2]), np.array([1.9, 1.1]))
    assert mine(forward, backward) == [(1, 0, 1.9), (2, 1, 1.1)]


def test_mining_falls_back_to_the_other_direction():
    forward = Matches(np.array([0, 0]), np.array([1.5, 1.9]))
    backward = Matches(np.array([1, 0]), np.array([1.9, 1.2]))  # target 1's best is source 0, which lost target 0
    assert mine(forward, backward) == [(1, 0, 1.9), (0, 1, 1.2)]


@pytest.mark.parametrize(
    ("scores", "right", "gold", "threshold"),
    [
        ([9, 8, 7, 6], [1, 1, 0, 0], 2, 7.5),  # F1 100 after two
        ([6, 9, 7, 8], [0, 1, 0, 1], 2, 7.5),  # in any order
        ([9, 8, 7], [1, 1, 1], 3, 7.0),  # all of them: the last score itself
        ([9, 8, 7, 6], [1, 0, 0, 1], 8, 5.5 + 0.5),  # 2*1/(1+8) = .22 after one, 2*2/(4+8) = .33 after four
        ([9, 8, 8, 7], [1, 1, 0, 0], 2, 7.5),  # a cut between the equal ones would keep both all the same
        ([9, 8], [0, 0], 2, 8.5),  # nothing right: the first cut
        ([], [], 2, 0.0),
    ],
)
def test_the_threshold_of_the_best_f1(scores, right, gold, threshold):
    assert best_threshold(scores, right, gold) == threshold


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=12), st.integers(0, 4))
def test_no_other_threshold_has_a_higher_f1(pairs, missed):
    scores, right = [float(s) for s, _ in pairs], [r for _, r in pairs]
    gold = sum(right) + missed

    def f1(threshold):
        kept = [r for s, r in zip(scores, right, strict=True) if s >= threshold]
        return 2 * sum(kept) / (len(kept) + gold) if kept else 0.0

    assert f1(best_threshold(scores, right, gold)) == pytest.approx(max(map(f1, scores)))


def test_a_known_permutation_is_found_in_both_directions():
    order = np.random.default_rng(0).permutation(20)
    records = [bitext(i, f"x{i}", f"e{order[i]}") for i in range(20)]
    answers = Method(Settings()).answer(ToyEncoder(), toy_tokenizer, records)
    back = {int(there): here for here, there in enumerate(order)}
    assert [p.label for p in answers.predictions] == [str(order[i]) for i in range(20)]
    assert [p.reverse for p in answers.predictions] == [str(back[i]) for i in range(20)]
    assert not answers.tuned


@pytest.mark.parametrize("scoring", ["cosine", "margin"])
@pytest.mark.parametrize("pooling", ["mean", "first"])
@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_translations_in_the_same_direction_have_accuracy_100(scoring, pooling, batch_size):
    records = [bitext(i, f"x{i} x40", f"e{i} e40 e40" if i % 2 else f"e{i}") for i in range(20)]
    settings = Settings(scoring=scoring, pooling=pooling, batch_size=batch_size)
    predictions = Method(settings).answer(ToyEncoder(), toy_tokenizer, records).predictions
    for name in ("accuracy", "reverse_accuracy"):
        metric = load_metric(name)
        assert metric.value(metric.counts(records, predictions, ()).sum(0)) == 100


def test_mining_finds_the_hidden_pairs_with_the_threshold_of_dev():
    dev = comparable(
        {"z1": "x1 x2", "z2": "x3", "z3": "x5 x6"}, {"e1": "e1 e2", "e2": "e4", "e3": "e5 e7"}, [("z1", "e1")]
    )
    test = comparable({"y1": "x9 x8", "y2": "x10", "y3": "x12 x13"}, {"f1": "e11", "f2": "e8 e9", "f3": "e12"}, [])
    method = Method(Settings())
    answers = method.answer(ToyEncoder(), toy_tokenizer, test, dev)
    on_dev = method.answer(ToyEncoder(), toy_tokenizer, dev, dev)
    assert [p.translation for p in on_dev.predictions] == ["e1", None, None]
    assert [p.translation for p in answers.predictions] == ["f2", None, None]
    assert answers.tuned == on_dev.tuned and set(answers.tuned) == {"threshold"}


def test_the_threshold_comes_from_dev_alone():
    dev = comparable({"z1": "x1", "z2": "x2 x3"}, {"e1": "e1", "e2": "e2 e4"}, [("z1", "e1"), ("z2", "e2")])
    test = [comparable({"y1": "x1", "y2": "x2 x3"}, {"f1": "e1", "f2": "e2 e4"}, gold) for gold in ([], [("y1", "f1")])]
    found = [Method(Settings()).answer(ToyEncoder(), toy_tokenizer, each, dev) for each in test]
    assert found[0] == found[1]
    assert [p.translation for p in found[0].predictions] == ["f1", "f2"]


def test_sentences_that_occur_twice_are_left_out():
    dev = comparable(
        {"z1": "x1", "z2": "x2", "z3": "x2"}, {"e1": "e1", "e2": "e2", "e3": "e1"}, [("z1", "e1"), ("z2", "e2")]
    )
    answers = Method(Settings()).answer(ToyEncoder(), toy_tokenizer, dev, dev)
    assert [p.translation for p in answers.predictions] == [None, None, None]


def test_dev_that_is_scored_itself_is_read_once():
    class Counting(ToyEncoder):
        read = 0

        def __call__(self, inputs, **given):
            self.read += len(inputs)
            return super().__call__(inputs, **given)

    encoder = Counting()
    dev = comparable({"z1": "x1", "z2": "x2"}, {"e1": "e1", "e2": "e5"}, [("z1", "e1")])
    Method(Settings()).answer(encoder, toy_tokenizer, dev, dev)
    assert encoder.read == 4


def test_mining_without_dev_is_refused():
    records = comparable({"z1": "x1"}, {"e1": "e1"}, [("z1", "e1")])
    with pytest.raises(UserError, match="needs a dev split to tune its threshold on"):
        Method(Settings()).answer(ToyEncoder(), toy_tokenizer, records)
