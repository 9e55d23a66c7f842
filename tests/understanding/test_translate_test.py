from dataclasses import replace

import pytest

from isogloss.records import Question, Sentence, TaggedSentence, join_words, split_words
from isogloss.runs import Job, load
from isogloss.understanding.translate_test import Method, Settings


@pytest.mark.parametrize("kind", ["classification", "tagging", "question_answering"])
def test_it_trains_on_the_labelled_language_alone(recipe, tmp_path, kind):
    made = recipe(kind, "translate_test", tmp_path / "run")
    assert {example.language for example in Method(Settings()).examples(Job(made, made.output))} == {"en"}


def test_the_class_of_the_translation_is_the_answer_about_the_text(trained):
    predictor = load(trained("classification", "translate_test"))
    english = Sentence(id="x", language="en", text="The doctor saw a pill.")
    record = Sentence(id="1", language="de", text="Da ist Tor jetzt.", translations=(english,))
    (found,), (expected,) = predictor.predict([record]), predictor.predict([english])
    assert (found.id, found.language, found.probabilities) == ("1", "de", expected.probabilities)


def test_a_text_without_a_translation_is_read_itself(trained):
    texts = {kind: load(trained(kind, "translate_test")) for kind in ("classification", "tagging")}
    sentence = Sentence(id="1", language="de", text="Da ist Tor jetzt.")
    zero_shot = load(trained("classification", "zero_shot"))  # trained on the same, with the same seed
    assert texts["classification"].predict([sentence]) == zero_shot.predict([sentence])
    text, words = join_words(["weck", "mich"], "de")
    tagged = TaggedSentence(id="1", language="de", text=text, words=words)
    assert texts["tagging"].predict([tagged]) == load(trained("tagging", "zero_shot")).predict([tagged])


def test_tags_of_the_translation_come_back_to_every_word_of_the_text(trained):
    predictor = load(trained("tagging", "translate_test"))
    english = TaggedSentence(
        id="1", language="en", text="wake me at half six", words=split_words("wake me at half six")
    )
    text = "væk mig klokken halv seks"
    record = TaggedSentence(id="1", language="da", text=text, words=split_words(text), translations=(english,))
    bare = replace(record, id="2", translations=())
    first, second = predictor.predict([record, bare])
    assert (first.id, second.id) == ("1", "2")
    assert len(first.tags) == len(record.words) and first.words == record.words


def test_an_answer_in_the_translation_comes_back_as_a_slice_of_the_text(trained):
    predictor = load(trained("question_answering", "translate_test"))
    english = Question(id="1", language="en", question="Where?", context="Person A lives in Rome. The mill is old.")
    record = Question(
        id="1", language="zh", question="哪里？", context="A住在罗马。磨坊很老。", translations=(english,)
    )
    (found,) = predictor.predict([record])
    assert found.language == "zh" and found.text
    assert record.context.startswith(found.text, found.start)
