import sys

import pytest

from isogloss import language_id
from isogloss.errors import UserError
from isogloss.language_id import language_among, other_language


@pytest.mark.parametrize("tag", ["en", "de", "zh", "ja", "th", "ar", "hi"])
def test_sentences_are_in_their_own_language_and_in_no_other(sentences, tag):
    for text in sentences[tag]:
        for other in sentences:
            if other != tag:
                assert language_among(text, (tag, other)) in (tag, None)
    assert language_among(" ".join(sentences[tag]), sentences) == tag


def test_nothing_is_said_of_a_short_text_an_unknown_language_or_two_of_the_same_name():
    text = "The train to Berlin leaves at nine."
    assert language_among("Berlin 1999", ("en", "de")) is None
    assert language_among(text, ("en", "wo")) is None
    assert language_among(text, ("zh", "zh-Hant")) is None
    assert language_among(text, ("en",)) is None


def test_norwegian_is_found_under_its_own_tag():
    assert language_among("Jeg vet ikke hva jeg skal gjøre med denne boken.", ("nb", "en")) == "nb"


def test_a_long_text_in_another_language_is_noticed(sentences):
    assert other_language(" ".join(sentences["de"]), "sw") == "de"
    assert other_language(" ".join(sentences["de"]), "de") is None
    assert other_language(sentences["de"][0], "sw") is None  # too short
    assert other_language(" ".join(sentences["de"]), "wo") is None


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    with pytest.raises(UserError, match=r"pip install 'isogloss\[translate\]'"):
        language_id._identifier.__wrapped__(None)
