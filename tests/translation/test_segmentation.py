"""Stretches: exact offsets, nothing lost between them, never across a protected span, in any script."""

import random
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.data.sample import LANGUAGES
from isogloss.tasks import load_task
from isogloss.translation.segmentation import LONGEST, LONGEST_PARAGRAPH, _tell_plain_rules, joined, stretches

ODD = "aB.!?。！\n\r\t\"'“”«»()[]…1é😀\u200f\u202b\u0301\u2028\x0b\x00\x85\u3000;；။།؟．\u200d ที่กอक"
texts = st.text(st.one_of(st.sampled_from(ODD), st.characters(exclude_categories=["Cs"])), max_size=80)
tags = st.sampled_from(["en", "de", "zh", "zh-Hant", "ja", "th", "my", "hi", "ar", "bo", "km", "sw"])


def cut(text, tag="en", protected=(), **more):
    return [text[start:end] for start, end in stretches(text, tag, protected, **more)]


@settings(max_examples=400, deadline=None)
@given(texts, tags, st.data())
def test_every_text_comes_back_and_no_protected_span_is_cut(text, tag, data):
    ends = st.integers(0, len(text))
    protected = [tuple(sorted((data.draw(ends), data.draw(ends)))) for _ in range(data.draw(st.integers(0, 2)))]
    places = stretches(text, tag, protected)
    parts = [text[start:end] for start, end in places]
    assert joined(text, places, parts, tag, tag) == text
    borders = {border for place in places for border in place}
    assert not any(start < border < end for border in borders for start, end in protected)
    covered = {i for start, end in places for i in range(start, end)}
    assert all(i in covered for i, character in enumerate(text) if character.isalpha())
    assert sum(end - start for start, end in places) == len(covered)  # in order, none over another


@pytest.mark.parametrize(
    "tag, text, sentences",
    [
        (
            "en",
            "Dr. Smith left at 3.5 p.m. today.  He  came back!",
            ["Dr. Smith left at 3.5 p.m. today.", "He  came back!"],
        ),
        ("de", "Am 3. Mai kam Dr. Müller. Er ging.", ["Am 3. Mai kam Dr. Müller.", "Er ging."]),
        ("zh", "你好。再见！好吗？", ["你好。", "再见！", "好吗？"]),
        ("ja", "そうです。\u3000次の文。", ["そうです。", "次の文。"]),
        ("hi", "यह है। वह है।", ["यह है।", "वह है।"]),
        ("ar", "\u200fمرحبا. كيف؟\u200f", ["مرحبا.", "كيف؟"]),
        ("my", "သည်။ ဟုတ်။", ["သည်။", "ဟုတ်။"]),
        ("rw", "Muraho. Amakuru?", ["Muraho.", "Amakuru?"]),  # the rules do not know the language
    ],
)
def test_sentences_end_where_the_language_ends_them(tag, text, sentences):
    assert cut(text, tag) == sentences


def test_line_breaks_and_control_characters_are_never_part_of_a_stretch():
    text = "\ufeffOne line\r\nand the next.\n\n\tA cell\tanother\x00\u2028\u202bend\u202c"
    assert cut(text) == ["One line", "and the next.", "A cell", "another", "end"]
    made = joined(text, stretches(text, "en"), list("12345"), "en", "de")
    assert made == "\ufeff1\r\n2\n\n\t3\t4\x00\u2028\u202b5\u202c"


def test_what_holds_no_letter_is_not_translated():
    assert cut("… 1,000.50 ! \n 😀\n---") == []
    assert cut("1999! Go on. 13") == ["Go on."]


def test_a_joiner_at_the_end_belongs_to_its_word():
    assert cut("ന്\u200d ") == ["ന്\u200d"]


@pytest.mark.parametrize(
    "tag, unit, longest",
    [
        ("th", "สวัสดีครับผมชื่อสมชาย ", LONGEST),
        ("km", "ខ្ញុំទៅផ្សារ។", LONGEST),
        ("bo", "བོད་ཡིག།", LONGEST),
        ("zh", "他说，", LONGEST),
        ("en", '"word ', LONGEST),
        ("zh", "字", 10_000),  # no place to be cut
    ],
)
def test_ten_thousand_characters_are_cut_where_there_is_a_place(tag, unit, longest):
    text = (unit * 10_000)[:10_000]
    parts = cut(text, tag)
    assert max(map(len, parts)) <= longest
    assert len(parts) <= 2 * 10_000 / longest + 1
    assert joined(text, stretches(text, tag), parts, tag, tag) == text
    assert len(cut(text, tag, [(100, 9_000)])[0]) >= 8_900


def test_a_long_sentence_is_cut_at_its_end_marks_first_then_at_commas():
    sentence, clause = "ណ" * 300 + "។", "a" * 300 + ", " + "b" * 30 + " "
    assert cut(sentence * 2, "km") == [sentence, sentence]
    assert cut(clause * 2)[0] == "a" * 300 + ","


def test_a_protected_span_holds_sentences_and_line_breaks_together():
    text = "He said: A. B! C?\nD. Then he left."
    start, end = text.index("A."), text.index("Then") - 1
    assert cut(text, protected=[(start, end)]) == [text[:end], "Then he left."]
    assert cut(" x ", protected=[(0, 2)]) == [" x"]


def test_paragraphs_are_whole_lines():
    assert cut("One. Two.\nThree. " + "x " * 600, paragraphs=True) == ["One. Two.", "Three. " + "x " * 599 + "x"]
    assert max(map(len, cut("A sentence. " * 900, paragraphs=True))) <= LONGEST_PARAGRAPH


def test_spaces_between_sentences_are_those_of_the_target_language():
    text = "你好。再见！\n好吗？"
    assert joined(text, stretches(text, "zh"), ["Hello.", "Bye!", "Well?"], "zh", "en") == "Hello. Bye!\nWell?"
    text = "Hello. Bye!  Well?\n End."
    parts = ["你好。", "再见！", "好吗？", "完。"]
    assert joined(text, stretches(text, "en"), parts, "en", "zh") == "你好。再见！  好吗？\n 完。"
    assert joined(text, stretches(text, "en"), parts, "en", "th") == "你好。 再见！  好吗？\n 完。"


def test_without_the_splitter_every_full_stop_ends_a_sentence_which_is_told_once(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sentencex", None)
    _tell_plain_rules.cache_clear()
    assert cut("One. Two? Three", "en") == ["One.", "Two?", "Three"]
    assert cut("你好。再见！好吗", "zh") == ["你好。", "再见！", "好吗"]
    assert cut("Am 3. Mai kam Dr. Müller. Er ging.", "de") == ["Am 3. Mai kam Dr.", "Müller.", "Er ging."]
    (told,) = capsys.readouterr().err.splitlines()
    assert "pip install 'isogloss[translate]'" in told


@pytest.mark.parametrize("tag", LANGUAGES)
def test_without_the_splitter_requests_are_mostly_cut_as_with_it(tag, monkeypatch):
    task = load_task("sample_intent")
    texts = [record.text for record in task.records(None, "test", tag)]
    known = [stretches(text, tag) for text in texts]
    monkeypatch.setitem(sys.modules, "sentencex", None)
    alike = sum(stretches(text, tag) == places for text, places in zip(texts, known, strict=True))
    assert alike >= 0.93 * len(texts)


def test_random_bytes_of_every_plane_survive():
    draws = random.Random(5)
    for _ in range(200):
        text = "".join(chr(draws.choice([draws.randrange(0x3000), draws.randrange(0x20000)])) for _ in range(200))
        text = "".join(character for character in text if unicodedata.category(character) != "Cs")
        places = stretches(text, "en")
        assert joined(text, places, [text[a:b] for a, b in places], "en", "en") == text
