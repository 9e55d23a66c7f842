"""A SentencePiece unigram tokenizer (Kudo 2018, arXiv 1804.10959) for small encoders, laid out like XLM-R's.

Text is NFKC-normalised and lower-cased: an encoder with a small vocabulary and little text cannot afford a word in
two spellings. Digits are split. Characters outside the vocabulary become `<unk>`, there are no byte pieces.
"""

import unicodedata
from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from isogloss.data import unigram
from isogloss.data.unigram import Piece

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")  # ids 0 to 3; the last id is <mask>
MASK = "<mask>"
SPACE = "▁"


def normalize(text: str) -> str:
    """The text as the tokenizer sees it."""
    return unicodedata.normalize("NFKC", text).lower()


def train_pieces(texts: Iterable[str], size: int) -> list[Piece]:
    """The `size` pieces of a unigram model of the texts as the tokenizer sees them, most probable first.

    Raises:
        UserError: the texts do not yield that many pieces.
    """
    return unigram.train_pieces((line for text in texts for line in normalize(text).split("\n")), size)


def build_tokenizer(pieces: Iterable[Piece], max_length: int) -> PreTrainedTokenizerBase:
    """A fast tokenizer that writes `<s> A </s>` and `<s> A </s> </s> B </s>`; offsets leave out spaces before words."""
    vocabulary = [(token, 0.0) for token in SPECIAL] + list(pieces) + [(MASK, 0.0)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=SPECIAL.index("<unk>"), byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always")]
    )
    tokenizer.decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[(token, SPECIAL.index(token)) for token in ("<s>", "</s>")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token=MASK,
        model_max_length=max_length,
        model_input_names=["input_ids", "attention_mask"],
    )
