"""Sources and languages are read as often as the recipe says, and what is tested on stays out."""

import gzip

import pytest

from isogloss.data.tidy import tidy
from isogloss.errors import UserError
from isogloss.pretraining._texts import assistant_commands, cldr_words, english_texts, weighted
from isogloss.records import Bitext


def pair(identity: str, language: str, text: str = "Zug", english: str = "train") -> Bitext:
    return Bitext(id=identity, language=language, text=text, translation_language="en", translation=english)


def test_passes_follow_source_and_group():
    pairs = [
        pair("a-1", "de"),
        pair("a-2", "it", "treno"),
        pair("a-3", "ku"),
        pair("b-1", "de", "Boot"),
        pair("b-2", "sw"),
    ]
    passes = {"a": (3, 2, 0.5), "b": (1, 1, 1), "b/sw": (0.1, 0.1, 0.1)}
    found = weighted(pairs, passes, (["de"], ["it"]))
    assert [(text.language, text.passes) for text in found] == [
        ("de", 3),
        ("it", 2),
        ("ku", 0.5),
        ("de", 1),
        ("sw", 0.1),
    ]


def test_texts_that_are_never_read_and_repetitions_are_left_out():
    pairs = [pair("a-1", "de"), pair("a-2", "de"), pair("b-1", "de", "Boot")]
    assert len(weighted(pairs, {"a": (1, 1), "b": (0, 1)}, (["de"],))) == 1


def test_a_source_without_passes_is_named():
    with pytest.raises(UserError, match="source 'a'.*given: b"):
        weighted([pair("a-1", "de")], {"b": (1,)}, ())
    with pytest.raises(UserError, match="give 2, one per group"):
        weighted([pair("a-1", "de")], {"a": (1,)}, (["de"],))


@pytest.mark.parametrize(
    ("tokenised", "text"),
    [
        ("I did n't know , really .", "I didn't know, really."),
        ("你 知道 , 在 这个 季节", "你知道,在这个季节"),
        ("it costs 5  % ( five )", "it costs 5% (five)"),
    ],
)
def test_spaces_of_tokenised_text_go(tokenised, text):
    assert tidy(tokenised) == text


def test_commands_that_are_tested_on_are_left_out(tmp_path):
    folder = tmp_path / "xsid"
    folder.mkdir()
    for name, lines in {
        "train.en.text": "Set an alarm\nplay music\n",
        "train.da-mt.text": "Vekkeur\nspil musik\n",
    }.items():
        with gzip.open(folder / f"{name}.gz", "wt", encoding="utf-8") as file:
            file.write(lines)
    (folder / "de.test.conll").write_text("# text-en = Set an alarm!\n# text = Stell den Wecker\n", encoding="utf-8")
    assert [each.translation for each in assistant_commands(tmp_path)] == ["play music"]


def test_english_alone_is_its_own_translation(tmp_path):
    (tmp_path / "ud_train").mkdir()
    (tmp_path / "tydiqa").mkdir()
    words = ["The", "old", "train", "left", "early", "."]
    rows = [f"{i}\t{word}\t{word}\tX\t_\t_\t0\troot\t_\t_" for i, word in enumerate(words, 1)]
    rows[4] = rows[4].removesuffix("_") + "SpaceAfter=No"
    block = "\n".join(["# sent_id = 1", "# text = The old train left early.", *rows])
    (tmp_path / "ud_train" / "en_ewt-ud-train.third.conllu").write_text(f"{block}\n\n", encoding="utf-8")
    (tmp_path / "tydiqa" / "tydiqa.goldp.en.train.json").write_text(
        '{"data": [{"paragraphs": [{"context": "It opened in 1890.[2] It closed again soon.", "qas": [{"id": "1", '
        '"question": "When did it open?", "answers": [{"text": "1890", "answer_start": 13}]}]}]}]}',
        encoding="utf-8",
    )
    texts = [each.text for each in english_texts(tmp_path)]
    assert texts == ["The old train left early.", "When did it open?", "It opened in 1890.", "It closed again soon."]


def test_words_of_the_cldr_are_paired_with_english_and_have_no_gaps():
    pytest.importorskip("babel", reason="babel is in the developer extra")
    words = {(each.language, each.translation): each.text for each in cldr_words(["de", "hi", "ca", "xx"])}
    assert words["de", "Germany"] == "Deutschland"
    assert words["hi", "Monday"] == "सोमवार"
    assert words["de", "3 days"] == "3 Tage"
    assert not [text for text in words.values() if "duration-" in text]
    assert len({(each.id) for each in cldr_words(["de"])}) == len(cldr_words(["de"]))
