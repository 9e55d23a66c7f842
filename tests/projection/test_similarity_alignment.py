import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isogloss.encoders.models import EncoderForTokenClassification
from isogloss.kinds import Lengths, load_kind
from isogloss.prediction import Reader
from isogloss.projection.similarity_alignment import (
    Method,
    Settings,
    mutual_argmax,
    project_answer,
    project_tags,
    word_vectors,
)
from isogloss.records import AnswerPrediction, Question, TaggedSentence, TagsPrediction, split_words
from isogloss.tasks import load_task


@pytest.fixture(scope="module")
def reader(make_encoder, tokenizer):
    torch.manual_seed(0)
    kind = load_kind(load_task("xsid_slots"), tokenizer, Lengths(max_length=32))
    return Reader(EncoderForTokenClassification(make_encoder(), kind.num_labels), kind)


def tagged(text, language="de"):
    return TaggedSentence(id="t", language=language, text=text, words=split_words(text))


def tags(text, *given_):
    return TagsPrediction("s", "en", split_words(text), given_)


def permutation(*targets):
    """Similarities under which source word i is the translation of target word targets[i]."""
    matrix = np.zeros((len(targets), len(targets)))
    matrix[range(len(targets)), targets] = 1
    return matrix


def test_words_are_paired_if_each_is_the_other_s_nearest():
    assert mutual_argmax(np.array([[0.9, 0.1], [0.6, 0.7]])) == {(0, 0), (1, 1)}
    assert mutual_argmax(np.array([[0.9, 0.1], [0.95, 0.7]])) == {(1, 0)}


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_nothing_is_paired_with_nothing(shape):
    assert mutual_argmax(np.zeros(shape)) == set()


@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 99))
def test_no_word_is_in_two_pairs(sources, targets, seed):
    pairs = mutual_argmax(np.random.default_rng(seed).normal(size=(sources, targets)))
    assert len({s for s, _ in pairs}) == len({t for _, t in pairs}) == len(pairs) >= 1


def test_a_span_goes_to_the_stretch_between_its_aligned_words():
    answer = tags("wake me at half six", "O", "O", "O", "B-time", "I-time")
    found = project_tags(answer, tagged("halb sechs weck mich um"), permutation(2, 3, 4, 0, 1))
    assert found.tags == ("B-time", "I-time", "O", "O", "O")
    assert (found.id, found.language) == ("t", "de")


def test_a_word_between_two_aligned_ones_belongs_to_the_span():
    answer = tags("a b c", "B-x", "I-x", "O")
    similarity = np.array([[1, 0, 0], [0, 0, 1], [0, 0.1, 0]])
    assert project_tags(answer, tagged("d e f"), similarity).tags == ("B-x", "I-x", "I-x")


def test_spans_that_would_overlap_are_not_both_kept():
    answer = tags("a b c d", "B-x", "I-x", "B-y", "I-y")
    found = project_tags(answer, tagged("e f g h"), permutation(0, 2, 1, 3))
    assert found.tags == ("B-x", "I-x", "I-x", "O")


def test_parts_of_speech_go_word_by_word_from_the_nearest():
    answer = tags("a b", "DET", "NOUN")
    similarity = np.array([[0.1, 0.9, 0.2], [0.8, 0.3, 0.7]])
    assert project_tags(answer, tagged("c d e"), similarity).tags == ("NOUN", "DET", "NOUN")


def test_without_a_span_every_word_is_outside():
    assert project_tags(tags("a b", "O", "O"), tagged("c d"), permutation(1, 0)).tags == ("O", "O")


def test_without_source_words_every_word_is_outside():
    assert project_tags(TagsPrediction("s", "en", (), ()), tagged("c d"), np.zeros((0, 2))).tags == ("O", "O")


SOURCE = Question(id="s", language="en", question="?", context="in old Rome")
TARGET = Question(id="t", language="de", question="?", context="Rom, das alte")  # four words: the comma is one


def answer_at(text):
    return AnswerPrediction("s", "en", text, SOURCE.context.index(text), 1.5)


def test_an_answer_goes_to_the_stretch_between_its_aligned_words():
    similarity = np.array([[0, 0, 0.2, 0], [0, 0, 0, 1], [1, 0, 0, 0]])  # in, old, Rome
    assert project_answer(answer_at("Rome"), SOURCE, TARGET, similarity) == AnswerPrediction("t", "de", "Rom", 0, 1.5)
    assert project_answer(answer_at("old Rome"), SOURCE, TARGET, similarity).text == TARGET.context


def test_an_answer_without_partners_goes_to_the_most_similar_word():
    similarity = np.array([[0.9, 0.9, 0.9, 0.9], [0.1, 0.1, 0.1, 0.3], [0, 0, 0, 0]])
    assert project_answer(answer_at("old"), SOURCE, TARGET, similarity).text == "alte"


def test_an_empty_answer_stays_empty():
    found = project_answer(AnswerPrediction("s", "en", "", 0, 0.0), SOURCE, TARGET, np.ones((3, 4)))
    assert (found.text, found.start, found.id) == ("", 0, "t")


def test_a_text_is_aligned_with_itself_word_by_word(reader):
    sources = [tagged(text, "en") for text in ("The train to Berlin leaves", "my bag is lost , help me")]
    answers = [TagsPrediction("s", "en", s.words, ("B-x", "I-x", *["O"] * (len(s.words) - 2))) for s in sources]
    found = Method(Settings()).project(reader, sources, answers, sources)
    assert [each.tags for each in found] == [each.tags for each in answers]


def test_vectors_have_unit_length_and_come_in_the_order_given(reader, sentences):
    texts = [(text, split_words(text)) for group in sentences.values() for text in group]
    together = word_vectors(reader, texts, 0.67, 4)
    for (text, words), vectors in zip(texts, together, strict=True):
        assert vectors.shape == (len(words), 32)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
        np.testing.assert_allclose(word_vectors(reader, [(text, words)], 0.67, 1)[0], vectors, atol=1e-4)


def test_words_beyond_the_encoder_s_limit_have_no_vector_and_break_nothing(reader):
    text = "bag " * 300
    (vectors,) = word_vectors(reader, [(text, split_words(text))], 0.67, 4)
    lengths = np.linalg.norm(vectors, axis=1)
    assert lengths[0] == pytest.approx(1, abs=1e-4) and lengths[-1] == 0


def test_a_text_without_words_has_no_vectors(reader):
    (vectors,) = word_vectors(reader, [("\u200b", ())], 0.67, 4)
    assert vectors.shape == (0, 32)
