"""Alignments are learned from pairs alone, and only believed where both directions agree."""

import numpy as np

from isogloss.pretraining._word_alignment import align

# three texts in a language whose words are 10 + the English ones, in the same order
ENGLISH = [np.array([1, 2, 3]), np.array([2, 4]), np.array([3, 1])]
TEXTS = [np.array([11, 12, 13]), np.array([12, 14]), np.array([13, 11])]


def test_a_word_is_aligned_with_its_translation():
    _, agreed = align(TEXTS, ENGLISH)
    assert agreed.pair.tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert (agreed.text_token - agreed.english_token == 10).all()
    assert agreed.text_position.tolist() == agreed.english_position.tolist() == [0, 1, 2, 0, 1, 0, 1]


def test_words_are_found_in_another_order():
    order = np.random.default_rng(1)
    english = [order.permutation(30)[:6] for _ in range(300)]
    verb_last = [np.concatenate([row[:1], row[2:], row[1:2]]) + 50 for row in english]
    _, agreed = align(verb_last, english)
    right = agreed.text_token - agreed.english_token == 50
    assert right.mean() > 0.95
    assert len(right) > 1500  # of 1,800


def test_every_candidate_has_a_probability():
    every, _ = align(TEXTS, ENGLISH)
    assert len(every.pair) == 9 + 4 + 4
    assert ((every.probability >= 0) & (every.probability <= 1 + 1e-9)).all()


def test_no_pairs_give_no_links():
    every, agreed = align([], [])
    assert len(every.pair) == len(agreed.pair) == 0
