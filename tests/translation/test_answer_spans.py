"""Answers are found where they are, whatever became of the markers; no marker is left, and offsets are right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.translation.answer_spans import MARKERS, find, mark, trimmed, unmark

CONTEXT = "He lives in Berlin today. Berlin is big."
EVERY_MARK = "".join(mark for pair in MARKERS for mark in "".join(pair))


def test_markers_stand_around_the_stretch_and_are_protected_with_it():
    text, (start, end) = mark(CONTEXT, (12, 18))
    assert text == "He lives in [Berlin] today. Berlin is big."
    assert text[start:end] == "[Berlin]"


@pytest.mark.parametrize(
    ("context", "marked"),
    [("a [1] b", "a [1] {b}"), ("a [1] {x} b", "a [1] {x} <b>"), ("a ］ b", "a ］ {b}"), ("[ { < b", "[ { < b")],
)
def test_markers_are_characters_that_the_text_has_not(context, marked):
    start = context.index("b")
    text, place = mark(context, (start, start + 1))
    assert text == marked
    assert unmark(text, context)[0] == context
    assert text[slice(*place)] in ("{b}", "<b>", "b")


@pytest.mark.parametrize(
    ("translation", "text", "answer"),
    [
        ("Er wohnt in [Berlin] heute.", "Er wohnt in Berlin heute.", "Berlin"),
        ("Er wohnt in [ Berlin ] heute.", "Er wohnt in Berlin heute.", "Berlin"),
        ("Er wohnt in[ Berlin ]heute.", "Er wohnt in Berlin heute.", "Berlin"),
        ("他今天住在［柏林］。", "他今天住在柏林。", "柏林"),
        ("他今天住在【柏林】。", "他今天住在柏林。", "柏林"),
        ("[Berlin] ist es.", "Berlin ist es.", "Berlin"),
        ("Es ist [Berlin]", "Es ist Berlin", "Berlin"),
        ("Es ist [Berlin.", "Es ist Berlin.", None),
        ("Es ist ]Berlin[.", "Es ist Berlin.", None),
        ("[Es] ist [Berlin].", "Es ist Berlin.", None),
        ("Es ist [] Berlin.", "Es ist Berlin.", None),
        ("Es ist Berlin.", "Es ist Berlin.", None),
    ],
)
def test_the_stretch_between_one_pair_is_the_answer_and_no_marker_is_left(translation, text, answer):
    found, place = unmark(translation, CONTEXT)
    assert found == text
    assert (place and found[slice(*place)]) == answer


@given(st.text("a [b]{c}\n柏é", max_size=30), st.data())
def test_a_text_that_is_not_translated_comes_back_as_it_was(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    found, place = unmark(mark(text, (start, end))[0], text)
    assert found.replace(" ", "") == text.replace(" ", "")
    if place is not None:
        assert found[slice(*place)] == text[start:end].strip()


@given(st.text("ab[]{}<>［】 ", max_size=30))
def test_whatever_an_engine_does_with_them_no_marker_remains(translation):
    found, place = unmark(translation, "plain")
    assert not set(found) & set("".join(MARKERS[0]))
    if place is not None:
        start, end = place
        assert 0 <= start < end <= len(found) and found[start:end] == found[start:end].strip()


def test_markers_win_over_a_place_that_says_the_same():
    assert find("Rom oder Rom", "Rom", 0.0, (9, 12)) == ((9, 12), "marked")


def test_markers_around_half_the_text_are_not_believed():
    text = "Er wohnt seit vielen langen Jahren in Berlin."
    assert find(text, "Berlin", 0.5, (0, 44)) == ((38, 44), "exact")
    assert find(text, "", 0.5, (0, 44)) == ((0, 44), "marked")  # nothing to hold against them


def test_of_several_places_the_one_that_stands_as_the_original_does_is_taken():
    text = "Berlin oder Berlin"
    assert find(text, "Berlin", 0.0) == ((0, 6), "exact")
    assert find(text, "Berlin", 0.9) == ((12, 18), "exact")


def test_an_answer_is_never_found_inside_a_word():
    assert find("Das Haus ist rot", "aus", 0.0) is None
    assert find("我住在柏林市", "柏林", 0.0) == ((3, 5), "exact")  # where words are not divided, characters are words


def test_capitals_may_differ():
    assert find("DER EIFFELTURM steht", "der Eiffelturm", 0.0) == ((0, 14), "exact")


def test_another_ending_is_found_as_the_whole_word():
    place, how = find("Hän asuu Berliinissä nyt", "Berliini", 0.4)
    assert ("Hän asuu Berliinissä nyt"[slice(*place)], how) == ("Berliinissä", "fuzzy")
    place, how = find("steht auf dem großen Eiffelturm von Paris", "der große Eiffelturm", 0.4)
    assert ("steht auf dem großen Eiffelturm von Paris"[slice(*place)], how) == ("dem großen Eiffelturm", "fuzzy")


def test_another_number_is_not_alike_and_a_short_word_is_like_nothing():
    assert find("im Mai 1998 in Rom", "im Mai 1999", 0.0) is None
    assert find("am 3. Mai 1999 in Rom", "am 3 Mai 1999", 0.0) == ((0, 14), "fuzzy")
    assert find("Roms Mitte", "Rom", 0.0) is None


@pytest.mark.parametrize("text", ["", "   ", "Nichts davon steht hier", "!?"])
def test_what_is_not_there_is_not_found(text):
    assert find(text, "Eiffelturm", 0.5) is None
    assert find(text, "", 0.5) is None


@pytest.mark.parametrize(
    ("alone", "original", "left"),
    [
        ("Berlin.", "Berlin", "Berlin"),
        (" 柏林。 ", "Berlin", "柏林"),
        ("U.S.", "the U.S.", "U.S."),
        ("Ja!", "Yes", "Ja"),
        ("...", "x", ""),
    ],
)
def test_a_full_stop_that_the_answer_has_not_is_taken_off(alone, original, left):
    assert trimmed(alone, original) == left
