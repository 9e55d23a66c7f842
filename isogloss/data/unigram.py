"""Pieces of a unigram model (Kudo 2018, arXiv 1804.10959), which sentencepiece learns from texts."""

import io
from collections.abc import Iterable

from isogloss.errors import UserError

Piece = tuple[str, float]  # the piece and the logarithm of its probability


def train_pieces(texts: Iterable[str], size: int, *, exactly: bool = True) -> list[Piece]:
    """The `size` pieces of a unigram model, most probable first; not `exactly`, fewer where the texts yield no more.

    The texts are taken as they are; digits are split.

    Raises:
        UserError: the texts do not yield that many pieces, or not one for every character.
    """
    import sentencepiece  # only to learn: a vocabulary that is there is read without it

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            model_type="unigram",
            vocab_size=size + 1,  # its own <unk>
            hard_vocab_limit=exactly,
            character_coverage=0.9998,
            normalization_rule_name="identity",
            split_digits=True,
            num_threads=1,  # more threads sum in another order, and the pieces change from run to run
            bos_id=-1,
            eos_id=-1,
            pad_id=-1,
            unk_id=0,
            minloglevel=2,
        )
    except RuntimeError as error:
        reason = str(error).rpartition("] ")[2]
        raise UserError(f"a vocabulary of {size} pieces cannot be made of these texts: {reason}") from None
    known = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return [(known.id_to_piece(i), known.get_score(i)) for i in range(1, known.get_piece_size())]
