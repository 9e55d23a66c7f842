import pytest

from isogloss.translation.prompts import Term
from isogloss.translation.terminology import adherence, glossary, has_term, read_glossary, told


def sources(text, *terms):
    return [term.source for term in glossary([Term(term, ("x",)) for term in terms]).terms_in(text)]


def test_the_longest_term_wins_and_each_is_listed_once_in_the_texts_order():
    assert sources("Dry cough, then a cough and fever.", "cough", "fever", "dry cough") == [
        "dry cough",
        "cough",
        "fever",
    ]
    assert sources("A dry cough.", "cough", "dry cough") == ["dry cough"]


@pytest.mark.parametrize(
    ("text", "term", "found"),
    [
        ("the artist paints", "art", False),
        ("art: a start", "art", True),
        ("Fever and FEVER", "fever", True),
        ("give it to us", "US", False),
        ("the US and us", "US", True),
        ("covid-19 spreads", "COVID-19", True),
        ("die Straße", "straße", True),
        ("他有新冠肺炎了", "肺炎", True),
        ("ผู้ป่วยมีไข้สูง", "ไข้", True),
        ("किताबें", "किताब", False),  # the vowel sign that follows belongs to the word
        ("a  dry\ncough", "dry cough", True),
        ("İstanbul ve art", "art", True),  # a character that two stand for when its case is folded
    ],
)
def test_terms_are_whole_words_in_the_case_that_matters(text, term, found):
    assert bool(sources(text, term)) == found


@pytest.mark.parametrize(
    ("translation", "target", "given", "inflected"),
    [
        ("Das Haus ist alt.", "Haus", True, True),
        ("Die Häuser sind alt.", "Haus", False, True),
        ("Die Mäuse sind alt.", "Haus", False, False),
        ("Watoto wanacheza.", "mtoto", False, True),
        ("Er hat trockenen Husten.", "trockener Husten", False, True),
        ("Trocken ist der Husten.", "trockener Husten", False, False),  # not in a row
        ("他得了肺炎。", "肺炎", True, True),
        ("他得了肝炎。", "肺炎", False, False),
        ("Un œuf", "of", False, False),
    ],
)
def test_terms_are_found_as_given_and_inflected(translation, target, given, inflected):
    term = Term("x", (target,))
    assert (has_term(translation, term), has_term(translation, term, inflected=True)) == (given, inflected)


def test_adherence_counts_required_terms_and_takes_any_of_the_choices():
    house, train = Term("house", ("Haus", "Gebäude")), Term("train", ("Zug",))
    found = adherence([(house, train), (house,), ()], ["Das Gebäude und die Züge", "ein Heim", "nichts"])
    assert found == (3, 1, 2) and found.shares == (pytest.approx(100 / 3), pytest.approx(200 / 3))
    assert adherence([()], ["nichts"]).shares is None and told(adherence([()], ["nichts"])) == "terms: none required"
    assert told(found) == "terms: 3 required, 33.3 % kept as given, 66.7 % with inflected forms"


def test_a_glossary_is_read_like_a_memory_and_gathers_choices(tmp_path):
    path = tmp_path / "terms.tsv"
    path.write_text("en\tde\thi\ncough\tHusten\tखाँसी\ncough\tHustenreiz\tखाँसी\nfever\tFieber\tबुखार\n", encoding="utf-8")
    assert read_glossary(path, "en", "de").terms_in("Fever, cough") == (
        Term("fever", ("Fieber",)),
        Term("cough", ("Husten", "Hustenreiz")),
    )
    assert read_glossary(path, "en", "hi").terms_in("cough") == (Term("cough", ("खाँसी",)),)
