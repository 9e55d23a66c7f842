"""Language tags: BCP-47 outside, and one table to the spellings of the data sets and models.

A tag is as short as it can be without losing the variety. The script is kept only where it is not the usual one
(`zh` is simplified, `zh-Hant` traditional; `sr` Cyrillic, `sr-Latn` Latin). The standard member of a macro-language
takes its two letters (`arb_Arab` is `ar`, `swh_Latn` is `sw`) and the other members keep three (`ary`, `arz`). A
region is dropped unless it changes the script (`de_AT` is `de`, `zh_TW` is `zh-Hant`) or the table lists it (`bar-IT`).
`languages.tsv` holds the table; languages outside it are understood through langcodes.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from isogloss.errors import UserError, nearest

DIALECTS = ("flores", "nllb", "m2m100", "mbart50", "madlad", "xtreme", "xsid", "nusax")  # columns of the table
LONGEST_CODE = 3  # letters; what is longer is a name
COMPUTED_DIALECTS = ("bcp47", "iso639_1", "iso639_3", "opus")


@dataclass(frozen=True, slots=True)
class Language:
    """A language: its BCP-47 tag, the ISO 639-3 code of the variety, the ISO 15924 script, its English name."""

    tag: str
    iso639_3: str
    script: str
    name: str

    def __str__(self) -> str:
        return self.tag


@cache
def _table() -> dict[str, dict[str, str]]:
    """Rows of languages.tsv by tag; "-" marks a spelling that does not exist."""
    lines = (files("isogloss") / "languages.tsv").read_text(encoding="utf-8").splitlines()
    header = lines[0].split("\t")
    rows = [dict(zip(header, line.split("\t"), strict=True)) for line in lines[1:]]
    return {row["tag"]: row for row in rows}


@cache
def _spellings() -> dict[str, str]:
    """Every known spelling, folded, with its tag. A tag wins over other uses of the same letters, and the usual
    script over the others (`arb` is `ar`, not `ar-Latn`)."""
    found = {_fold(tag): tag for tag in _table()}
    for tag, row in _table().items():
        columns = [row[column] for column in ("iso639_3", *DIALECTS, "name") if row[column] != "-"]
        for spelling in columns + row["also"].split():
            found.setdefault(_fold(spelling), tag)
    return found


def _fold(code: str) -> str:
    return code.strip().removeprefix("<2").removesuffix(">").lower().replace("_", "-")


@cache
def language(code: str) -> Language:
    """The language of any of its spellings: BCP-47, ISO 639, FLORES, M2M100, mBART, MADLAD, XTREME, English name ...

    Raises:
        UserError: the spelling is unknown; the message names the nearest.
    """
    if code is False:  # type: ignore[comparison-overlap]
        raise UserError("language False: YAML reads a bare no (Norwegian) as False; write it in quotes, or use nb")
    if not isinstance(code, str):
        raise UserError(f"language {code!r} is not text; write a tag such as de, sw or zh-Hant")
    tag = _spellings().get(_fold(code)) or _tag_through_langcodes(code)
    if tag in _table():
        row = _table()[tag]
        return Language(tag, row["iso639_3"], row["script"], row["name"])
    return _outside_the_table(tag)


def languages() -> list[Language]:
    """All languages of the table, sorted by tag."""
    return [language(tag) for tag in sorted(_table())]


def dialect(code: str | Language, name: str) -> str:
    """A language as `name` spells it; `name` is one of DIALECTS or COMPUTED_DIALECTS.

    Raises:
        UserError: there is no such dialect, or it has no code for the language.
    """
    known = code if isinstance(code, Language) else language(code)
    spelling = _table().get(known.tag, {}).get(name, "-")
    base = known.tag.split("-")[0]
    match name:
        case "bcp47":
            spelling = known.tag
        case "iso639_3":
            spelling = known.iso639_3
        case "iso639_1":
            spelling = base if len(base) == 2 else "-"
        case "opus":  # the model names of OPUS-MT: the primary subtag
            spelling = base
        case "madlad":
            spelling = spelling if spelling == "-" else f"<2{spelling}>"
        case _ if name not in DIALECTS:
            raise UserError(f"no language dialect {name!r}; {nearest(name, DIALECTS + COMPUTED_DIALECTS)}")
    if spelling == "-":
        raise UserError(f"{name} has no code for {known.name} ({known.tag}); choose another language or translator")
    return spelling


def from_dialect(spelling: str, name: str) -> Language:
    """The language that the dialect `name` writes so, where that differs from everyday use (xSID's `sr` is Latin).

    Raises:
        UserError: the dialect has no such code.
    """
    for tag, row in _table().items():
        if row.get(name) == spelling:
            return language(tag)
    known = [row[name] for row in _table().values() if row.get(name, "-") != "-"]
    raise UserError(f"{name} has no language {spelling!r}; {nearest(spelling, known)}")


def _tag_through_langcodes(code: str) -> str:
    """The shortest tag for a code outside the table.

    langcodes knows every ISO 639 code and which script a region implies; it is imported only when the table fails.
    """
    import langcodes

    try:
        parsed = langcodes.Language.get(_fold(code))
    except ValueError:
        raise _unknown(code) from None
    if parsed.language in (None, "und", "mul", "mis", "zxx") or not parsed.is_valid():
        raise _unknown(code)
    base = _spellings().get(str(parsed.language), str(parsed.language))
    usual = _table()[base]["script"] if base in _table() else langcodes.Language.get(base).maximize().script
    script = parsed.script or (parsed.maximize().script if parsed.territory else None)
    return base if script in (None, usual) else f"{base}-{script}"


def _outside_the_table(tag: str) -> Language:
    import langcodes

    parsed = langcodes.Language.get(tag)
    script = parsed.maximize().script or "Zyyy"
    if base := _table().get(tag.split("-")[0]):
        return Language(tag, base["iso639_3"], script, f"{base['name']} ({script} script)")
    return Language(tag, parsed.to_alpha3(), script, tag)


def _unknown(code: str) -> UserError:
    """The mistake, with the tags of the languages that may be meant.

    Those are the ones with a name like it. Of a code only what stands before script and region is looked at, and it
    has to be that very code: every code with Latn behind it is like any other, and so are most of three letters.
    """
    asked = _fold(code).split("-")[0]
    if len(asked) > LONGEST_CODE:
        names = {spelling: tag for spelling, tag in _spellings().items() if len(spelling) > LONGEST_CODE}
        near = [names[each] for each in get_close_matches(asked, names, n=9, cutoff=0.8)]
    else:
        near = [tag for spelling, tag in _spellings().items() if asked and spelling == asked]
    told = ", ".join(f"{tag} ({language(tag).name})" for tag in list(dict.fromkeys(near))[:3])
    hint = f"did you mean {told}?" if told else "write a BCP-47 tag such as de, sw or zh-Hant"
    return UserError(f"unknown language {code!r}; {hint} (`isogloss list languages` shows all)")
