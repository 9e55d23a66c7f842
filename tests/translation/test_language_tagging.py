import re

import pytest
from language_codes import M2M100, MADLAD, MBART50, NLLB, OPUS

from isogloss.errors import UserError
from isogloss.languages import language
from isogloss.translation.language_tagging import TaggedTokenizer


class Vocabulary:
    """A tokenizer of words in a fixed vocabulary, with what `TaggedTokenizer` asks of one."""

    eos_token_id, pad_token_id, unk_token_id = 0, 1, 2
    init_kwargs: dict = {}

    def __init__(self, words, told_by_attribute=False, **stated):
        self.words = ["</s>", "<pad>", "<unk>", *(f"word{n}" for n in range(9)), *words]
        self.init_kwargs = stated
        if told_by_attribute:
            self.src_lang = None

    def __len__(self):
        return len(self.words)

    def get_vocab(self):
        return {word: number for number, word in enumerate(self.words)}

    def convert_tokens_to_ids(self, word):
        return self.get_vocab().get(word, self.unk_token_id)

    def __call__(self, text, add_special_tokens=True, **_):
        texts = [text] if isinstance(text, str) else text
        rows = [[self.convert_tokens_to_ids(word) for word in one.split()] + [0] * add_special_tokens for one in texts]
        return type("Encoding", (), {"input_ids": rows[0] if isinstance(text, str) else rows})


def tagged(words, rows=None, **options):
    vocabulary = Vocabulary(words, **options)
    return TaggedTokenizer(vocabulary, len(vocabulary) if rows is None else rows, "tiny")


FORMS = {
    "nllb": (NLLB, "{}", True),
    "m2m100": (M2M100, "__{}__", True),
    "mbart50": (MBART50, "{}", True),
    "madlad": (MADLAD, "<2{}>", False),
    "opus": (OPUS, ">>{}<<", False),
    "decoder": (OPUS, "<<{}>>", False),
    "both": (OPUS, ">>{}>>", False),
}


@pytest.mark.parametrize("family", FORMS)
def test_every_language_of_a_family_is_told_by_its_own_token(family):
    codes, form, by_attribute = FORMS[family]
    model = tagged([form.format(code) for code in codes], told_by_attribute=by_attribute)
    assert model.family and model.family.name == family
    assert set(model.tokens) == {language(code).tag for code in codes if code != "mass"}
    for tag, token in model.tokens.items():
        assert token.token == form.format(token.code) and language(token.code).tag == tag
        assert model.tokenizer.words[token.id] == token.token


def test_of_several_tokens_for_a_language_the_published_and_the_plain_one_is_taken():
    opus = tagged([f">>{code}<<" for code in ("zho", "cmn", "cmn_Hans", "cmn_Hant", "por", "pt_br", "pt_PT")])
    assert {tag: token.code for tag, token in opus.tokens.items()} == {
        "zh": "cmn_Hans",
        "zh-Hant": "cmn_Hant",
        "pt": "por",
    }
    madlad = tagged([f"<2{code}>" for code in ("fr_CA", "fr", "nds_NL", "nds", "Latn", "NL", "translate")])
    assert {tag: token.code for tag, token in madlad.tokens.items()} == {"fr": "fr", "nds": "nds"}


def test_where_the_languages_go():
    nllb = tagged(["deu_Latn", "fra_Latn"], told_by_attribute=True)
    assert nllb.source_ids(["word1"], "de", "fr") == [[4, 0]]
    assert nllb.tokenizer.src_lang == "deu_Latn"  # its tokenizer writes the token
    assert nllb.forced("fr") == [nllb.tokenizer.convert_tokens_to_ids("fra_Latn")]
    m2m = tagged(["__de__", "__fr__"], told_by_attribute=True)
    m2m.source_ids(["word1"], "de", "fr")
    assert m2m.tokenizer.src_lang == "de"
    madlad = tagged(["<2de>", "<2fr>"])
    assert madlad.source_ids(["word1"], "de", "fr") == [[madlad.tokens["fr"].id, 4, 0]]
    assert madlad.forced("fr") == []
    pair = tagged([], source_lang="de", target_lang="fr")
    assert pair.source_ids(["word1"], "de", "fr") == [[4, 0]]
    assert pair.forced("fr") == []


def test_which_tokens_stand_for_the_text():
    madlad = tagged(["<2de>"])
    assert madlad.of_the_text(madlad.source_ids(["word1 word2"], "en", "de")[0]) == [False, True, True, False]


@pytest.mark.parametrize(
    ("model", "direction", "complaint"),
    [
        (
            lambda: tagged(["deu_Latn", "quy_Latn"], told_by_attribute=True),
            ("de", "qu"),
            "no Quechua .qu.; .* nearest: quy",
        ),
        (
            lambda: tagged(["deu_Latn", "srp_Cyrl"], told_by_attribute=True),
            ("sr-Latn", "de"),
            "no Serbian .* nearest: sr",
        ),
        (
            lambda: tagged(["__de__", "__fr__"], told_by_attribute=True),
            ("de", "yo"),
            "no Yoruba .yo.; of its 2 languages",
        ),
        (lambda: tagged(["<2de>"]), ("en", "fr"), "no French"),
        (lambda: tagged([], source_lang="de", target_lang="en"), ("en", "de"), "from de to en, not from en to de"),
        (lambda: tagged([">>fra<<"], source_lang="en", target_lang="roa"), ("de", "fr"), "from en to several"),
        (lambda: tagged([">>fra<<"], source_lang="en", target_lang="roa"), ("en", "es"), "no Spanish"),
        (lambda: tagged(["<2de>"]), ("deu", "de"), "nothing to translate"),
        (lambda: tagged(["<2de>"]), ("germn", "de"), "unknown language 'germn'"),
    ],
)
def test_a_direction_that_the_model_has_not_names_the_nearest(model, direction, complaint):
    with pytest.raises(UserError, match=complaint):
        model().check(*direction)


@pytest.mark.parametrize(
    "stated",
    [("ROMANCE", "en"), ("mul", "eng"), ("gem", "en"), ("de+nl+af", "en")],
)
def test_a_group_of_languages_may_be_any_of_them(stated):
    source, target = stated
    model = tagged([], source_lang=source, target_lang=target)
    model.check("sw", "en")
    with pytest.raises(UserError, match="to en, not from"):
        model.check("en", "sw")


def test_a_direction_to_try_is_one_of_the_models():
    for model in (
        tagged(["deu_Latn", "fra_Latn"], told_by_attribute=True),
        tagged(["eng_Latn", "fra_Latn"], told_by_attribute=True),
        tagged(["<2en>", "<2sw>"]),
        tagged([">>fra<<"], source_lang="mul", target_lang="roa"),
        tagged([], source_lang="de", target_lang="en"),
        tagged([], source_lang="mul", target_lang="en"),
    ):
        model.check(*model.a_direction())


def test_a_language_token_without_an_embedding_is_none():
    words = ["deu_Latn", "fra_Latn"]
    assert set(tagged(words, told_by_attribute=True).tokens) == {"de", "fr"}
    with pytest.raises(UserError, match="14 entries, its word table 13; they do not belong together"):
        tagged(words, rows=13, told_by_attribute=True)


def test_a_piece_of_text_that_looks_like_a_language_is_none():
    model = tagged(["abc_Defg", "de_DE"], source_lang="de", target_lang="en")  # no attribute tells this tokenizer
    assert model.family is None and not model.tokens


def test_a_model_that_says_nothing_is_not_guessed_at():
    with pytest.raises(UserError, match=re.escape('add "source_lang": "de", "target_lang": "en"')):
        tagged([])
    broken = Vocabulary([], source_lang="de", target_lang="en")
    broken.eos_token_id = None
    with pytest.raises(UserError, match="no end or no padding token"):
        TaggedTokenizer(broken, 100, "tiny")


@pytest.mark.parametrize(("form", "source", "target"), [("<<{}>>", False, True), (">>{}>>", True, True)])
def test_the_token_goes_to_the_decoder_or_to_both_sides(form, source, target):
    model = tagged([form.format("de"), form.format("sr-Latn")])
    token = model.tokens["sr-Latn"].id
    assert model.source_ids(["word1"], "en", "sr_Latn") == [[token, 4, 0] if source else [4, 0]]
    assert model.forced("sr-Latn") == ([token] if target else [])
    model.check("fr", "de")  # a source needs no token
