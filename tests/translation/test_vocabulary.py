"""A shared vocabulary: texts come back, language tokens are one id, and no text is cut so that one is in it."""

import pytest
from transformers import AutoTokenizer

from isogloss.translation._vocabulary import LAYOUTS, build_tokenizer, train_pieces
from isogloss.translation.language_tagging import TaggedTokenizer

LINES = ("Two trains leave at 9:45.", "Zwei Züge fahren um 9 Uhr 45.", "二つの 列車。", "deux   trains partent à 21 h")
TEXTS = [*LINES, "<a> </a> <p/>"] * 5


@pytest.mark.parametrize("family", LAYOUTS)
def test_texts_come_back_from_a_tokenizer_that_was_written_and_read(family, tmp_path):
    made = build_tokenizer(train_pieces(TEXTS, 90), [">>de<<", ">>zh-Hant<<"], family, 50)
    made.save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    tagged = TaggedTokenizer(tokenizer, len(tokenizer), "toy")
    assert sorted(tagged.tokens) == ["de", "zh-Hant"] and len(tokenizer) == len(set(tokenizer.get_vocab().values()))
    for text in LINES:
        ids = tagged.source_ids([text], "en", "de")[0]
        assert ids[0] == tagged.tokens["de"].id and ids[-1] == tokenizer.eos_token_id
        assert tagged.text(ids) == " ".join(text.split()) and not tagged.strays(ids)
    assert not tagged.strays(tagged.source_ids(["deux >>de<< </s> <pad>"], "en", "de")[0])


def test_the_same_texts_give_the_same_pieces():
    found = train_pieces(TEXTS, 42)
    assert found == train_pieces(iter(TEXTS), 42) and len(found) == 42
    assert 30 < len(train_pieces(TEXTS, 5000)) < 5000  # the texts yield no more
