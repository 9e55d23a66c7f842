import numpy as np
import pytest

from isogloss.encoders import load_tokenizer
from isogloss.errors import UserError
from isogloss.kinds import Lengths
from isogloss.retrieval._pair_tokens import DOCUMENT, QUERY, SPECIAL, PairTokens

LONG = Lengths(max_length=100, max_question=50)


@pytest.mark.parametrize("architecture", ["xlm-roberta", "tiny"])
def test_a_row_is_what_the_tokenizer_makes_of_the_pair(architecture, encoder_folders, sentences):
    tokenizer = load_tokenizer(encoder_folders.get(architecture, architecture))
    tokens = PairTokens(tokenizer, LONG, "end")
    for texts in sentences.values():
        (query,), (document,) = tokens.queries(texts[:1]), tokens.documents(texts[1:2])
        encoded = tokenizer(texts[0], texts[1])
        row, parts = tokens.row(query, document), tokens.parts(query, document)
        assert row.tolist() == encoded["input_ids"] and len(row) == tokens.size(query, document)
        sides = [{None: SPECIAL, 0: QUERY, 1: DOCUMENT}[side] for side in encoded.sequence_ids(0)]
        assert parts.tolist() == sides and tokens.fits(query, document)


def test_a_long_query_loses_the_end_that_is_named_and_a_document_what_has_no_room(tokenizer, capsys):
    lengths = Lengths(max_length=28, max_question=8)
    whole = tokenizer(" ".join("abcdefghijkl"), add_special_tokens=False)["input_ids"]
    for cut, kept in (("end", whole[:8]), ("start", whole[-8:])):
        tokens = PairTokens(tokenizer, lengths, cut)
        (query,), (document,) = tokens.queries([" ".join("abcdefghijkl")]), tokens.documents(["a b c d e f g" * 9])
        assert f"1 queries are longer than max_question (8 tokens) and lose their {cut}" in capsys.readouterr().err
        row, parts = tokens.row(query, document), tokens.parts(query, document)
        assert len(row) == 28 == tokens.size(query, document) and not tokens.fits(query, document)
        assert row[parts == QUERY].tolist() == kept
        np.testing.assert_array_equal(row[parts == DOCUMENT], document[: tokens.room(query)])
        assert row[-1] == tokenizer.sep_token_id


def test_lengths_without_room_for_a_document_are_refused(tokenizer):
    with pytest.raises(UserError, match="leaves no room for a context beside a question of 64 tokens"):
        PairTokens(tokenizer, Lengths(max_length=70), "end")
