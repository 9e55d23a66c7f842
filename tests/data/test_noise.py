from isogloss.data.noise import bitexts_of, learn_lexicon, word_dropout, word_for_word
from isogloss.records import Answer, Bitext, Question, Sentence, Span, TaggedSentence, tagged_sentence

TEXT = " ".join(f"word{i}" for i in range(200))


def bitext(text, translation):
    return Bitext(id=text, language="de", text=text, translation_language="en", translation=translation)


def test_dropout_loses_about_its_share_and_keeps_the_order():
    record = Sentence(id="1", language="en", text=TEXT)
    kept = word_dropout(record, seed=1).text.split()
    assert 120 <= len(kept) <= 160
    assert kept == sorted(kept, key=TEXT.split().index)


def test_dropout_is_the_same_for_the_same_seed_and_id_only():
    def text(name, seed):
        return word_dropout(Sentence(id=name, language="en", text=TEXT), seed).text

    assert text("1", 1) == text("1", 1)
    assert len({text("1", 1), text("2", 1), text("1", 2)}) == 3


def test_dropout_leaves_at_least_one_word():
    record = Sentence(id="1", language="en", text="only", text_pair="two words")
    noisy = word_dropout(record, seed=1, share=1.0)
    assert (noisy.text, noisy.text_pair) == ("only", "two words")


def test_tags_follow_their_words():
    record = tagged_sentence("1", "en", TEXT, [Span(0, 5, "first")])
    noisy = word_dropout(record, seed=1)
    tag_of = dict(zip((record.text[a:b] for a, b in record.words), record.tags, strict=True))
    assert [tag_of[noisy.text[a:b]] for a, b in noisy.words] == list(noisy.tags)
    assert len(noisy.words) < len(record.words)


def test_an_answer_moves_with_its_words_or_is_lost():
    context = "it left at nine from platform two"
    record = Question(id="1", language="en", question="when", context=context, answers=(Answer("nine", 11),))
    for seed in range(20):
        noisy = word_dropout(record, seed=seed)
        assert bool(noisy.answers) == ("nine" in noisy.context)
        assert all(noisy.context.startswith(answer.text, answer.start) for answer in noisy.answers)


def test_word_for_word_replaces_what_the_lexicon_knows():
    record = Sentence(id="1", language="de", text="Das Haus brennt")
    noisy = word_for_word(record, {"das": "the", "haus": "house"}, "en")
    assert (noisy.text, noisy.language, noisy.translations) == ("the house brennt", "en", ())


def test_word_for_word_writes_chinese_as_spaced_words():
    record = tagged_sentence("1", "zh", "去北京", [Span(1, 3, "city")])
    noisy = word_for_word(record, {"去": "go", "北": "Bei", "京": "jing"}, "en")
    assert noisy.text == "go Bei jing"
    assert noisy.spans == [Span(3, 11, "city")]


def test_the_lexicon_finds_the_words_that_meet():
    pairs = [
        bitext("das Haus", "the house"),
        bitext("das Buch", "the book"),
        bitext("ein Buch", "a book"),
        bitext("ein Haus", "a house"),
    ]
    assert learn_lexicon(pairs) == {"das": "the", "haus": "house", "buch": "book", "ein": "a"}


def test_the_lexicon_of_nothing_is_empty():
    assert learn_lexicon([]) == {}
    assert learn_lexicon([bitext("a " * 100, "b")]) == {}


def test_every_text_of_a_record_is_paired_with_its_translation():
    side = Question(id="1", language="en", question="q", context="c")
    record = Question(id="1", language="de", question="f", context="k", translations=(side,))
    pairs = bitexts_of([record, Sentence(id="2", language="de", text="x")])
    assert [(each.text, each.translation) for each in pairs] == [("f", "q"), ("k", "c")]


def test_noise_leaves_its_input_alone():
    record = TaggedSentence(id="1", language="en", text="a b", words=((0, 1), (2, 3)))
    word_dropout(record, seed=3, share=0.9)
    assert record.text == "a b" and record.tags is None
