"""The tokenizer is an ordinary fast one after it was saved, with offsets into the original string."""

import pytest
from transformers import AutoTokenizer

from isogloss.errors import UserError
from isogloss.pretraining._tokenizer import build_tokenizer, train_pieces

TEXTS = [
    "The train to Hamburg leaves at 10:45.",
    "Der Zug nach Hamburg fährt um 10:45 Uhr.",
    "The next train leaves at noon.",
    "Das Boot fährt morgen früh nach Norden.",
]


SIZE = 38


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    build_tokenizer(train_pieces(TEXTS, SIZE), max_length=512).save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def test_special_tokens_have_the_ids_of_xlm_r(tokenizer):
    assert tokenizer.is_fast
    assert tokenizer.convert_tokens_to_ids(["<s>", "<pad>", "</s>", "<unk>"]) == [0, 1, 2, 3]
    assert tokenizer.mask_token_id == len(tokenizer) - 1 == SIZE + 4


def test_pairs_are_separated_as_in_xlm_r(tokenizer):
    ids = tokenizer("Zug", "Boot")["input_ids"]
    inner = [i for i, token in enumerate(ids) if token == 2]
    assert ids[0] == 0
    assert len(inner) == 3
    assert inner[1] == inner[0] + 1
    assert inner[2] == len(ids) - 1


def test_offsets_point_into_the_original_string(tokenizer):
    text = "Der  ZUG nach\tHamburg."
    encoding = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
    tokens = tokenizer.convert_ids_to_tokens(encoding["input_ids"])
    for token, (start, end) in zip(tokens, encoding["offset_mapping"], strict=True):
        assert text[start:end].lower() == token.removeprefix("▁") or token == "▁"


def test_unknown_characters_become_unk(tokenizer):
    assert tokenizer.unk_token_id in tokenizer("Zug 車")["input_ids"]


def test_the_same_texts_give_the_same_pieces():
    assert train_pieces(TEXTS, SIZE) == train_pieces(TEXTS, SIZE)


def test_a_vocabulary_that_is_too_large_is_an_error_with_the_limit():
    with pytest.raises(UserError, match="5000 pieces.*value <= [0-9]+"):
        train_pieces(TEXTS, 5000)
