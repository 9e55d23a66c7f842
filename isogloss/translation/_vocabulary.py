"""A vocabulary that all languages of a translator share, as a fast tokenizer: pieces, special tokens, language tokens.

The pieces are those of a unigram model (Kudo 2018, arXiv 1804.10959) that sentencepiece trains. Text is NFC-normalised
and keeps its case; digits are split; a run of spaces is one. Nothing of it needs code to be loaded again.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from isogloss.data import unigram
from isogloss.data.unigram import Piece

RARE = -1000.0  # log-probability of a special token: no text is cut so that one is in it


class Layout(NamedTuple):
    """The special tokens in front of the pieces, and those behind the languages."""

    first: tuple[str, ...]
    last: tuple[str, ...] = ()


LAYOUTS = {  # where each shape of network has its special tokens; CTranslate2 takes Marian's padding for the last
    "marian": Layout(("</s>", "<unk>"), ("<pad>",)),
    "m2m100": Layout(("<s>", "<pad>", "</s>", "<unk>")),
    "t5": Layout(("<pad>", "</s>", "<unk>")),
    "bart": Layout(("<s>", "<pad>", "</s>", "<unk>")),
}


def train_pieces(texts: Iterable[str], size: int) -> list[Piece]:
    """The `size` pieces of a unigram model, most probable first; fewer where the texts yield no more.

    Raises:
        UserError: there is not a piece for every character.
    """
    tidied = (unicodedata.normalize("NFC", " ".join(text.split())) for text in texts)
    return unigram.train_pieces(tidied, size, exactly=False)


def build_tokenizer(
    pieces: Iterable[Piece], languages: Sequence[str], family: str, longest: int
) -> PreTrainedTokenizerBase:
    """A tokenizer for a network of the family; each of the language tokens is one id, in their order."""
    layout = LAYOUTS[family]
    special = [*layout.first, *languages, *layout.last]
    vocabulary = [(token, RARE) for token in layout.first] + [each for each in pieces if each[0] not in special]
    vocabulary += [(token, RARE) for token in (*languages, *layout.last)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=layout.first.index("<unk>"), byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in special])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", layout.first.index("</s>"))]
    )
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        model_max_length=longest,
        model_input_names=["input_ids", "attention_mask"],
        **({"bos_token": "<s>"} if "<s>" in layout.first else {}),
    )
    for token in languages:
        assert made(token, add_special_tokens=False)["input_ids"] == [made.convert_tokens_to_ids(token)], token
    return made
