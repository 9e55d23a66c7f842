import pytest

from isogloss.translation.answers import cleaned, repaired, wrong_language
from isogloss.translation.prompts import Labels

LABELS = Labels("English", "German")
TEXT = "The train to Berlin leaves at nine."
ANSWER = "Der Zug nach Berlin fährt um neun."


@pytest.mark.parametrize(
    "answer",
    [
        ANSWER,
        f"  {ANSWER}\n",
        f"German: {ANSWER}",
        f"{ANSWER}\nEnglish: My bag is lost.\nGerman: Meine Tasche ist weg.",
        f"{ANSWER} English: My bag is lost.",
        f"{ANSWER}\n\nNote: I chose the usual word for train.",
        f"Here is the translation:\n\n{ANSWER}",
        f"```\n{ANSWER}\n```",
        f"“{ANSWER}”",
        f'"{ANSWER}"',
        f"<think>The train, so der Zug.</think>\n\n{ANSWER}",
        f"so it is der Zug.</think>{ANSWER}",
        f"{ANSWER} Die Strecke ist 300 Kilometer lang. Sie wurde im Jahr 1846 eröffnet und ist bis heute in Betrieb.",
    ],
)
def test_what_is_not_the_translation_is_taken_off(answer):
    assert cleaned(answer, TEXT, LABELS) == ANSWER


@pytest.mark.parametrize("answer", ["", " \n ", "<think>The train", "```\n```"])
def test_an_answer_without_a_translation_is_empty(answer):
    assert cleaned(answer, TEXT, LABELS) == ""


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("See English: a grammar.", "Siehe English: eine Grammatik."),
        ('"No", he said, "no"', '"Nein", sagte er, "nein"'),
        ("“Come in”", "„Herein“"),
        ("The list:", "Die Liste:"),
        ("It ends. Or not? It does!", "Es endet. Oder nicht? Doch! Ganz bestimmt."),
    ],
)
def test_what_belongs_to_the_text_stays(text, answer):
    assert cleaned(answer, text, LABELS) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (TEXT, "去柏林的火车九点开。"),
        ("It rains. We stay.", "下雨了。我们留下。"),
        ("Yes.", "はい。そうです。"),  # more sentences, not much longer
        ("Nine.", "รถไฟไปเบอร์ลินออกเก้าโมง"),  # much longer, no more sentences
        ("去柏林的火车九点开。", "The train to Berlin leaves at nine. It is on time."),
    ],
)
def test_scripts_without_spaces_are_not_cut(text, answer):
    assert repaired(answer, text) == answer


def test_as_many_sentences_stay_as_the_text_has_in_any_script():
    more = "它每天都很准时，很多人乘坐它去工作。" * 3
    assert repaired(f"火车九点开。我们走吧。{more}", "The train is at nine. Let us go.") == "火车九点开。我们走吧。"
    assert repaired("ट्रेन नौ बजे है। " + "यह हर दिन समय पर चलती है। " * 5, "The train is at nine.") == "ट्रेन नौ बजे है।"


def test_the_language_of_an_answer_is_told_where_it_is_sure():
    assert wrong_language(TEXT, "en", "de") == "en"
    assert wrong_language(ANSWER, "en", "de") is None
    assert wrong_language("Sure! Here is what you asked me for.", "de", "sw") == "en"
    assert wrong_language("Angela Merkel", "en", "de") is None
    assert wrong_language(TEXT, "en", "wo") is None  # the identifier does not know Wolof
