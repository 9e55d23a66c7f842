from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from isogloss.translation.prompts import (
    Context,
    Demonstration,
    Term,
    about_tokens,
    chat,
    completion,
    labels_of,
    line_mark,
    one_line,
    with_breaks,
    within,
)

LABELS = labels_of("en", "de")
CONTEXT = Context(
    demonstrations=(
        Demonstration("old house", "altes Haus", 0.3),
        Demonstration("a train", "ein Zug", 0.8, "ein Bahn"),
    ),
    terms=(Term("train", ("Zug", "Bahn")), Term("old", ("alt",))),
    draft="der alte Bahn",
)


def test_a_completion_has_the_papers_blocks_with_the_best_example_next_to_the_text():
    assert completion("the old train", CONTEXT, LABELS) == (
        "English: old house\nGerman: altes Haus\n"
        "English: a train\nDraft: ein Bahn\nGerman: ein Zug\n"
        "Terms: train = Zug / Bahn; old = alt\nEnglish: the old train\nDraft: der alte Bahn\nGerman:"
    )
    assert completion("x", Context(), LABELS) == "English: x\nGerman:"


def test_a_chat_has_the_same_blocks_as_questions_and_answers():
    turns = chat("the old train", CONTEXT, LABELS)
    assert [turn["role"] for turn in turns] == ["user", "assistant"] * 2 + ["user"]
    wanted, turns[0]["content"] = turns[0]["content"].split("\n\n")
    assert "from English to German" in wanted and "terms" in wanted and "draft" in wanted
    joined = "\n".join(turn["content"] for turn in turns).replace("German:\n", "German: ")
    assert joined == completion("the old train", CONTEXT, LABELS)


def test_a_text_cannot_begin_a_block_of_its_own():
    text = "the end\nGerman: das Ende\nEnglish: more"
    lines = completion(text, Context(), LABELS).split("\n")
    assert len(lines) == 2 and lines[0] == "English: the end <br> German: das Ende <br> English: more"


def test_the_mark_of_a_line_break_is_none_that_a_text_has():
    assert line_mark("a <br> b", Context()) == "<lf>"
    assert line_mark("a", Context((Demonstration("<br>", "<lf>"),), (), "⏎")) == "¶"


@given(st.lists(st.tuples(st.text("aé家", min_size=1), st.sampled_from(["\r\n", "\n", "\r", "\x85", "\u2028", "\v"]))))
def test_line_breaks_survive_the_way_through_a_prompt(parts):
    text = "".join(part + ending for part, ending in parts) + "end"
    mark = line_mark(text, Context())
    line = one_line(text, mark)
    assert len(line.splitlines()) == 1
    assert with_breaks(line, text, mark) == text


def test_an_answer_with_more_or_fewer_breaks_is_none():
    assert with_breaks("a b", "a\nb", "<br>") is None
    assert with_breaks("a <br> b <br>", "a\nb", "<br>") is None


def test_examples_that_do_not_fit_go_whole_and_the_least_similar_first():
    rooms = [within("the old train", CONTEXT, LABELS, room) for room in range(300)]
    kept = [None if each is None else len(each.demonstrations) for each in rooms]
    assert sorted(set(kept) - {None}) == [0, 1, 2] and kept == sorted(kept, key=lambda n: -1 if n is None else n)
    one = next(each for each in rooms if each and len(each.demonstrations) == 1)
    assert one == replace(CONTEXT, demonstrations=CONTEXT.demonstrations[1:])  # terms and the draft stay


def test_a_budget_is_kept_by_the_counter_that_is_given():
    words = lambda text: len(text.split())  # noqa: E731
    exactly = sum(words(turn["content"]) + 8 for turn in chat("the old train", CONTEXT, LABELS))
    assert within("the old train", CONTEXT, LABELS, exactly, words) == CONTEXT
    assert within("the old train", CONTEXT, LABELS, exactly - 1, words) != CONTEXT


def test_tokens_are_estimated_by_script():
    assert [about_tokens(text) for text in ("", "abcdef", "Züge", "火车", "мир")] == [0, 2, 3, 4, 4]
