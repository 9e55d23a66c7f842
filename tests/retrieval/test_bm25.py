"""BM25 with tokens that know the script."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import UserError
from isogloss.records import Document, RankedQuery
from isogloss.retrieval.bm25 import BM25, Settings, tokens
from isogloss.retrieval.rankers import load_ranker


def query(text, documents, name="1"):
    made = tuple(Document(id=str(i), language="en", text=each) for i, each in enumerate(documents))
    return RankedQuery(id=name, language="en", text=text, documents=made)


def test_words_are_folded_and_punctuation_is_no_word():
    assert tokens("The Train's late, ﬁnally!") == ["the", "train", "s", "late", "finally"]
    assert tokens("Straße STRASSE") == ["strasse", "strasse"]
    assert tokens("…?!") == []


def test_chinese_is_cut_into_pairs_of_characters_within_a_run():
    assert tokens("火车九点，开。") == ["火车", "车九", "九点", "开"]
    assert tokens("去Berlin的车") == ["去", "berlin", "的车"]


def test_thai_marks_stay_with_their_character():
    word = "ที่นี่"  # two consonants, each with a vowel sign and a tone mark
    assert tokens(word) == [word]
    assert "".join(first[0] for first in tokens("รถไฟ")) == "รถไ"
    assert all(len(a) >= 2 and a[1:][0] == b[0] for a, b in pairwise(tokens("รถไฟ")))


def test_arabic_matches_with_and_without_vowel_signs_and_stretches():
    assert tokens("كِتَابٌ") == tokens("كتاب") == tokens("كتـــاب")
    assert tokens("أحمد") != tokens("احمد")  # hamza is a letter


@given(st.text(st.characters(codec="ascii"), max_size=30))
def test_plain_english_is_cut_as_any_other_text(text):
    assert tokens(text) == tokens(f"{text} é")[:-1]


def test_scores_are_the_formula():
    documents = ["a b b", "a", "c c c c"]
    (found,) = BM25(Settings(k1=1.2, b=0.75)).rank([query("b", documents)], 3)
    idf = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    expected = idf * 2 / (2 + 1.2 * (1 - 0.75 + 0.75 * 3 / (8 / 3)))
    assert found.documents == ("0",) and found.scores == pytest.approx((expected,), rel=1e-5)


def test_documents_without_a_word_of_the_query_are_not_found_and_ties_keep_their_order():
    (found,) = BM25().rank([query("x", ["a", "x b", "x b", "x c"])], 2)
    assert found.documents == ("1", "2") and found.scores[0] == found.scores[1]
    assert BM25().rank([query("nothing", ["a"]), query("a", ["!", "?"], "2")], 2)[0].documents == ()


def test_queries_of_one_collection_and_of_their_own_candidates_are_answered_in_their_order():
    one, other = query("a", ["a", "b"]), query("b", ["x b", "y", "b"], "3")
    shared = RankedQuery(id="2", language="de", text="b", documents=one.documents)
    found = BM25().rank([one, other, shared], 5)
    assert [(each.id, each.documents) for each in found] == [("1", ("0",)), ("3", ("2", "0")), ("2", ("1",))]


def test_frequent_words_can_be_left_out():
    documents = ["the cat", "the dog", "the end"]
    (found,) = BM25(Settings(stop_share=0.5)).rank([query("the dog", documents)], 3)
    assert found.documents == ("1",)
    assert len(BM25().rank([query("the dog", documents)], 3)[0].documents) == 3


@pytest.mark.parametrize(
    ("spec", "setting", "told"),
    [
        ("bm25", "k2=1", "unknown key 'k2'; known: b, k1"),
        ("bm25", "b=2", "b = 2"),
        ("bm25:x", "k1=1", "bm25 reads no files"),
    ],
)
def test_a_wrong_setting_is_told(spec, setting, told):
    with pytest.raises(UserError, match=told):
        load_ranker(spec, [setting])
