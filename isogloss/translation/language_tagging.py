"""How a translation model is told the languages: which tokens name them, and where these go.

    family    token       source language          target language        model
    pair      none        fixed                    fixed                  Marian and OPUS-MT of one pair
    opus      >>deu<<     not told                 first source token     OPUS-MT with several targets
    madlad    <2de>       not told                 first source token     MADLAD-400 and other T5
    m2m100    __de__      by the tokenizer         first target token     M2M-100
    nllb      deu_Latn    by the tokenizer         first target token     NLLB-200
    mbart50   de_DE       by the tokenizer         first target token     mBART-50
    decoder   <<de>>      not told                 first target token     multilingual_nmt with tag = decoder
    both      >>de>>      not told                 first of both sides    multilingual_nmt with tag = both

The model's own vocabulary says which languages it has: every token of a family's form is looked up in the table of
languages, so a model that was taught more of them has more. transformers takes an unknown language for `<unk>` without
a word. Here a language without a token of its own is an error before anything is translated.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any

from isogloss.errors import UserError
from isogloss.languages import Language, dialect, language, languages

# OPUS-MT has models of whole families of languages; these are their codes in ISO 639-5, and some of its own
GROUPS = re.compile(
    "aav|afa|alv|art|bat|bnt|cau|ccs|cel|cpf|cpp|cus|dra|fiu|gem|gmq|gmw|grk|iir|inc|ine|itc|map|mkh|mul|myn|nic|phi|"
    "poz|pqe|pqw|roa|sal|sem|sit|sla|tai|trk|tut|urj|zhx|zle|zls|zlw"
)


@dataclass(frozen=True, slots=True)
class Family:
    """The language tokens of a family of models: the form, with the code as its group, and where they go."""

    name: str
    form: str
    on_source: bool  # the target's is the first source token
    on_target: bool  # it is the first target token
    source_told: bool  # the tokenizer writes the source's own beside the text


FAMILIES = (
    Family("opus", r">>([A-Za-z].*)<<", True, False, False),
    Family("madlad", r"<2([a-z]\w*)>", True, False, False),  # <2Latn> names a script
    Family("m2m100", r"__([a-z]{2,3})__", False, True, True),
    Family("nllb", r"([a-z]{3}_[A-Z][a-z]{3})", False, True, True),
    Family("mbart50", r"([a-z]{2}_[A-Z]{2})", False, True, True),
    Family("decoder", r"<<([A-Za-z][\w-]*)>>", False, True, False),
    Family("both", r">>([A-Za-z][\w-]*)>>", True, True, False),
)


@dataclass(frozen=True, slots=True)
class LanguageToken:
    """A language of a model: the code by which its tokenizer knows it, the token and the token's id."""

    code: str
    token: str
    id: int


class TaggedTokenizer:
    """A Hugging Face tokenizer of a translation model together with the languages that the model can be told."""

    def __init__(self, tokenizer: Any, rows: int, name: str) -> None:
        """
        rows: tokens that the model has embeddings for. name: the model, for messages.

        Raises:
            UserError: tokenizer and model do not belong together, or the model does not say what it translates.
        """
        self.tokenizer, self.name = tokenizer, name
        if tokenizer.eos_token_id is None or tokenizer.pad_token_id is None:
            raise UserError(f"translator {name}: its tokenizer has no end or no padding token; it is no translator's")
        highest = max(tokenizer.get_vocab().values())
        if len(tokenizer) < 10 or highest >= rows:
            raise UserError(
                f"translator {name}: its tokenizer has {max(len(tokenizer), highest + 1)} entries, its word table "
                f"{rows}; they do not belong together (was the tokenizer saved whole?)"
            )
        self.family, self.tokens = _language_tokens(tokenizer, rows)
        self.source, self.target = (_stated(tokenizer, f"{side}_lang") for side in ("source", "target"))
        ends = {tokenizer.eos_token_id, tokenizer.pad_token_id}
        self._special = ends | {token.id for token in self.tokens.values()}
        if not self.family and (self.source is None or not self.target):
            raise UserError(
                f"translator {name}: its vocabulary has no language tokens, and its tokenizer_config.json does not say "
                'what it translates; add "source_lang": "de", "target_lang": "en" (your languages) there'
            )

    def check(self, source: str, target: str) -> None:
        """Nothing, if the model translates from the one language to the other.

        Raises:
            UserError: it does not; the message names the nearest that it has.
        """
        wanted = {"source": language(source), "target": language(target)}
        if wanted["source"] == wanted["target"]:
            raise UserError(f"translator {self.name}: from {source} to {target} there is nothing to translate")
        for side, known in wanted.items():
            stated = self.source if side == "source" else self.target
            told = self.family and (side == "target" or self.family.source_told)
            if told and known.tag not in self.tokens:
                raise UserError(f"translator {self.name} has no {known.name} ({known.tag}); {self._nearest(known)}")
            if not told and stated not in (None, "", known.tag):
                raise UserError(
                    f"translator {self.name} translates from {self.source or 'several languages'} to "
                    f"{self.target or 'several'}, not from {wanted['source']} to {wanted['target']}; take another model"
                )

    def a_direction(self) -> tuple[str, str]:
        """Some direction in which the model translates, English first where it can."""
        known = ["en", "de", *sorted(self.tokens)]
        target = self.target or next(tag for tag in known[1:] if tag in self.tokens and tag != self.source)
        told = self.tokens if self.family and self.family.source_told else known
        return self.source or next(tag for tag in known if tag in told and tag != target), target

    def source_ids(self, texts: Sequence[str], source: str, target: str) -> list[list[int]]:
        """For each text the tokens that the encoder reads, the languages and the end included.

        What looks like a special token inside a text stays text, where the tokenizer can do so; see `strays`.
        """
        if not self.family:
            return self._ids(texts)
        if self.family.on_source:
            token = self.tokens[language(target).tag]
            head = self.tokenizer(token.token, add_special_tokens=False).input_ids
            if token.id not in head:  # a tokenizer that does not take its own token for one
                head = [token.id]
            return [head + ids for ids in self._ids(texts)]
        if self.family.source_told:
            self.tokenizer.src_lang = self.tokens[language(source).tag].code
        return self._ids(texts)

    def target_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """For each translation the tokens that the decoder writes after `forced`, the end included."""
        # only a pair's tokenizer may cut the sides in different ways; others would want to be told the language
        key = "text" if hasattr(self.tokenizer, "src_lang") else "text_target"
        bare = self._ids(texts, key, add_special_tokens=False)
        return [[*ids, self.tokenizer.eos_token_id] for ids in bare]

    def forced(self, target: str) -> list[int]:
        """What the decoder has to begin with, after its own start."""
        if not self.family or not self.family.on_target:
            return []
        return [self.tokens[language(target).tag].id]

    def text(self, ids: Sequence[int]) -> str:
        """The text of tokens that the decoder wrote, without special ones; its spaces as they are."""
        kept = [i for i in ids if i not in self._special]
        return self.tokenizer.decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=False).strip()

    def of_the_text(self, ids: Sequence[int]) -> list[bool]:
        """For each source token whether it stands for a part of the text; languages and end do not."""
        return [i not in self._special for i in ids]

    def strays(self, ids: Sequence[int]) -> bool:
        """Whether a text's source tokens have more special ones than belong there, so that its words are misread.

        The vocabularies of T5 and mBART have `</s>` among their pieces, and find it in a text as they find any other.
        """
        return sum(i in self._special for i in ids) > (2 if self.family else 1)

    def _ids(self, texts: Sequence[str], key: str = "text", add_special_tokens: bool = True) -> list[list[int]]:
        if not texts:
            return []
        # plain lists, uncut whatever the tokenizer's own limit says: who is too long is told so, later
        options = {"add_special_tokens": add_special_tokens, "split_special_tokens": True, "verbose": False}
        return self.tokenizer(**{key: list(texts)}, **options).input_ids

    def _nearest(self, wanted: Language) -> str:
        """The nearest languages that the model has: other scripts and varieties first, then what is spelt alike."""
        base = wanted.tag.split("-")[0]
        kin = [tag for tag in sorted(self.tokens) if tag.startswith(base) or base.startswith(tag)]
        close = kin or get_close_matches(wanted.tag, self.tokens, n=3, cutoff=0.5) or sorted(self.tokens)[:20]
        return f"of its {len(self.tokens)} languages the nearest: {', '.join(close)}"


def _language_tokens(tokenizer: Any, rows: int) -> tuple[Family | None, dict[str, LanguageToken]]:
    """The family with the most language tokens in a vocabulary, and these by BCP-47 tag; None and {} without any."""
    any_form = re.compile("|".join(family.form for family in FAMILIES))
    vocabulary = {token: number for token, number in tokenizer.get_vocab().items() if any_form.fullmatch(token)}
    found = {}
    for family in FAMILIES:
        # M2M-100's tokenizer may know its language tokens and yet not count them among its vocabulary
        hidden = {token: tokenizer.convert_tokens_to_ids(token) for token in _published(family) - set(vocabulary)}
        ids = {token: number for token, number in (vocabulary | hidden).items() if number is not None}
        real = {token: number for token, number in ids.items() if number != tokenizer.unk_token_id and number < rows}
        found[family] = _by_tag(family, real)
    family = max(FAMILIES, key=lambda family: len(found[family]))
    # a piece of text may look like a language's name; the tokens of many-to-many models are set by an attribute
    if not found[family] or (family.source_told and not hasattr(tokenizer, "src_lang")):
        return None, {}
    return family, found[family]


def _by_tag(family: Family, ids: dict[str, int]) -> dict[str, LanguageToken]:
    """The language tokens of a family by BCP-47 tag; of several the published one, then the one with its script."""
    ranked = []
    for token, number in ids.items():
        if not (match := re.fullmatch(family.form, token)):
            continue
        try:
            known = language(match[1])
        except UserError:  # >>unk<<, a task, a language that nobody else knows
            continue
        rank = (token in _published(family), match[1].endswith(f"_{known.script}"), -len(token), token)
        ranked.append((rank, known.tag, LanguageToken(match[1], token, number)))
    return {tag: found for _, tag, found in sorted(ranked, key=lambda item: item[0])}  # the last one stays


@cache
def _published(family: Family) -> frozenset[str]:
    """The tokens of the family's published models that the table of languages knows."""
    if family.name in ("opus", "decoder", "both"):
        return frozenset()
    shape = {"m2m100": "__{}__"}.get(family.name, "{}")
    found = set()
    for known in languages():
        try:
            found.add(shape.format(dialect(known, family.name)))
        except UserError:
            continue
    return frozenset(found)


def _stated(tokenizer: Any, side: str) -> str | None:
    """The language that a tokenizer's configuration states for a side, "" for a group of them, None for nothing."""
    code = getattr(tokenizer, side, None) or tokenizer.init_kwargs.get(side)
    if not isinstance(code, str):
        return None
    try:
        return "" if GROUPS.fullmatch(code) else language(code).tag
    except UserError:
        return ""
