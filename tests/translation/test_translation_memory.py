import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import UserError
from isogloss.translation.pair_files import Pair
from isogloss.translation.translation_memory import (
    TranslationMemory,
    clean,
    exact,
    folded,
    read_memory,
)

PAIRS = [
    Pair("The train to Berlin leaves at nine.", "Der Zug nach Berlin fährt um neun."),
    Pair("How much is a room for two people?", "Was kostet ein Zimmer für zwei?"),
    Pair("My bag is lost, help me.", "Meine Tasche ist weg, helfen Sie mir."),
]


def written(path, *rows):
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    return path


def letters(texts):
    """Unit vectors of the counts of a to z."""
    counts = np.array([[text.lower().count(chr(97 + i)) for i in range(26)] for text in texts], np.float32)
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def test_the_most_similar_pair_by_letters_is_first_with_its_closed_form():
    memory = TranslationMemory([Pair("abcd", "1"), Pair("abxx", "2"), Pair("abcx", "3")])
    (matches,) = memory.most_similar(["abcdefgh"], 2)
    assert [(match.pair.target, match.similarity) for match in matches] == [("1", 0.5), ("3", 0.375)]


def test_vectors_are_compared_by_their_cosine():
    memory = TranslationMemory([Pair("ab", "1"), Pair("aabb", "2"), Pair("cd", "3")], letters)
    (matches,) = memory.most_similar(["abab a"], 3)
    assert [match.pair.target for match in matches] == ["1", "2", "3"]  # equal ones in the memory's order
    assert matches[0].similarity == pytest.approx(5 / (2 * 13) ** 0.5) and matches[2].similarity == 0


@pytest.mark.parametrize("similarity", ["edit", letters])
def test_a_text_never_finds_its_own_pair_unless_that_is_allowed(similarity):
    memory = TranslationMemory(PAIRS, similarity)
    text = "the TRAIN to Berlin  leaves at nine"  # the same but for case, marks and spaces
    assert memory.own(text) == [0]
    assert PAIRS[0] not in [match.pair for match in memory.most_similar([text], 3)[0]]
    assert memory.most_similar([text], 1, allow_exact=True)[0][0].pair == PAIRS[0]


def test_pairs_below_the_threshold_are_left_out():
    memory = TranslationMemory(PAIRS)
    assert [len(matches) for matches in memory.most_similar(["The train to Berlin leaves at ten."], 3)] == [3]
    (near,) = memory.most_similar(["The train to Berlin leaves at ten."], 3, at_least=0.8)
    assert [match.pair for match in near] == [PAIRS[0]]


def test_many_texts_are_answered_as_each_one_alone(monkeypatch):
    monkeypatch.setattr("isogloss.translation.translation_memory.SIMILARITIES_AT_ONCE", 7)  # two texts at a time
    memory, texts = TranslationMemory(PAIRS), ["a train", "rooms", "bags of people", "nine", "help"]
    assert memory.most_similar(texts, 2) == [memory.most_similar([text], 2)[0] for text in texts]


def test_an_empty_memory_finds_nothing():
    assert TranslationMemory([]).most_similar(["a"], 3) == [[]]


@given(st.text())
def test_a_text_is_its_own_whatever_its_case_and_spaces(text):
    assert folded(folded(text)) == folded(text)
    assert exact(f"  {text}\n") == exact(text)


def test_marks_alone_are_told_apart():
    assert folded("?!") != folded("...") and folded("Yes?") == folded("yes!")


def test_of_several_translations_the_newest_stays_and_what_cannot_be_one_is_counted(tmp_path, capsys):
    rows = [(pair.source, pair.target) for pair in PAIRS]
    rows += [("A  room", "ein Raum"), ("A room", "ein Zimmer"), ("empty", " ")]
    rows += [("The hotel is near the beach, you see.", "Ja"), ("Wo ist der Bahnhof, bitte?", "Where is the station?")]
    memory = read_memory(written(tmp_path / "tm.tsv", *rows), "en", "de")
    assert memory.pairs == [*PAIRS, Pair("A room", "ein Zimmer")]
    told = "left out: 1 with an empty side, 1 of a repeated source, 1 with a side in the wrong language, 1 of unlikely"
    assert told in capsys.readouterr().err


def test_a_memory_the_wrong_way_round_is_refused(tmp_path):
    path = written(tmp_path / "tm.tsv", *((pair.target, pair.source) for pair in PAIRS))
    with pytest.raises(UserError, match=r"3 of 3 pairs are de-en, not en-de; swap the columns"):
        read_memory(path, "en", "de")


def test_a_memory_in_another_language_is_refused_unless_it_says_so_itself(tmp_path):
    rows = [(pair.source, pair.target) for pair in PAIRS]
    with pytest.raises(UserError, match="its targets look like de, not sw"):
        read_memory(written(tmp_path / "tm.tsv", *rows), "en", "sw")
    assert len(read_memory(written(tmp_path / "tm.tsv", ("en", "sw"), *rows), "en", "sw"))


def test_lengths_are_compared_with_the_usual_ratio_of_the_languages():
    english = "The train to Berlin leaves at nine in the morning and the bus to Rome at ten in the evening."
    chinese = "去柏林的火车早上九点开，去罗马的汽车晚上十点开。"
    pairs = [Pair(f"{english} {i}", f"{chinese}{i}") for i in range(5)]
    kept, dropped = clean([*pairs, Pair(english, "去柏林" * 60)], "en", "zh", "tm.tsv")
    assert kept == pairs and dropped == {"of unlikely lengths": 1}


def test_only_pairs_of_the_wanted_style_are_read(tmp_path):
    rows = ("source", "target", "style"), ("you", "du", "informal"), ("you", "Sie", "formal")
    path = written(tmp_path / "tm.tsv", *rows)
    assert read_memory(path, "en", "de", style="formal").pairs == [Pair("you", "Sie", "formal")]
    with pytest.raises(UserError, match="no pair of style 'rude'; it has formal, informal"):
        read_memory(path, "en", "de", style="rude")
