"""Records as JSON lines, the form in which users bring their own data (see the README for one line of each)."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from isogloss.data.checks import check_records, some
from isogloss.data.formats import align_words, check_answers, find, open_text
from isogloss.errors import UserError
from isogloss.languages import language
from isogloss.records import (
    Answer,
    Bitext,
    Document,
    Question,
    RankedQuery,
    Record,
    Sentence,
    Span,
    TaggedSentence,
    by_language,
    join_words,
    split_words,
    tagged_sentence,
)

COMMON = ("id", "language", "translation")
FIELDS = {
    "classification": ("text", "text_pair", "label"),
    "tagging": ("text", "words", "tags", "spans"),
    "question_answering": ("question", "context", "answers"),
}
RANKED = ("text", "documents", "gains")
TO_TRANSLATE = ("id", "language", "text", "translation_language", "translation")
Line = Mapping[str, Any]


def read_jsonl(path: Path, kind: str | None = None) -> list[Record]:
    """The records of a JSON-lines file; `kind` is that of the task, or None to tell it from the fields.

    Raises:
        UserError: a line is not a record; ids occur twice within a language; there is no line.
    """
    where = str(find(path))
    with open_text(path) as text:
        records = list(parse_lines(text, where, kind))
    if not records:
        raise UserError(f"{where}: no items; the file is empty")
    for tag, group in by_language(records).items():
        check_records(group, f"{where} ({tag})")
    return records


def parse_lines(lines: Iterable[str], where: str, kind: str | None = None) -> Iterator[Record]:
    """The records of JSON lines as they come; blank lines are passed over, `where` names the file in errors."""
    for content, place in _objects(lines, where):
        yield parse_record(content, place, kind)


def parse_documents(lines: Iterable[str], where: str) -> Iterator[Document]:
    """The documents of JSON lines as they come; see `parse_document`."""
    for content, place in _objects(lines, where):
        yield parse_document(content, place)


def parse_bitexts(lines: Iterable[str], where: str) -> Iterator[Bitext]:
    """The texts of JSON lines that name the language they are to be in, `translation_language`, as they come.

    A translation that is there already is taken along as it is; without one it is empty.
    """
    for content, place in _objects(lines, where):
        yield _bitext(_checked(content, TO_TRANSLATE, place), place)


def parse_queries(lines: Iterable[str], where: str) -> Iterator[RankedQuery]:
    """The queries of JSON lines with the documents that are to be ranked for them, as they come."""
    for content, place in _objects(lines, where):
        yield parse_query(content, place)


def parse_query(line: Any, where: str) -> RankedQuery:
    """The query of one object, with its documents, gains and translations.

    Raises:
        UserError: a field is missing, misspelt or of the wrong type; there is no document, or two of the same id; a
            gain is of none of them.
    """
    _checked(line, (*COMMON, *RANKED), where)
    name, tag, text = _identifier(line, where), _tag(line, where), _text(line, "text", where)
    if not line.get("documents"):
        raise UserError(f"{where}: no documents; give those that are to be ranked, {{id, language, text}} each")
    documents: dict[str, Document] = {}
    for number, content in enumerate(_list(line, "documents", where), 1):
        found = parse_document(content, f"{where}, document {number}", tag)
        if found.id in documents:
            raise UserError(f"{where}: two documents have the id {found.id!r}; ids must be unique among them")
        documents[found.id] = found
    query = RankedQuery(id=name, language=tag, text=text, documents=tuple(documents.values()))
    asked = tuple(  # in any language it is asked of the same documents
        replace(query, language=_tag(side, where), text=_text(side, "text", f"{where} (translation)"))
        for side in _sides(line, where)
    )
    return replace(query, gains=_gains(line, documents, where), translations=asked)


def parse_document(line: Any, where: str, usual: str | None = None) -> Document:
    """The document of one object; `usual` is the language of those that name none.

    Raises:
        UserError: a field is missing, misspelt or of the wrong type, or the text is empty.
    """
    _checked(line, ("id", "language", "text"), where)
    tag = usual if usual is not None and "language" not in line else _tag(line, where)
    return Document(id=_identifier(line, where), language=tag, text=_text(line, "text", where))


def _objects(lines: Iterable[str], where: str) -> Iterator[tuple[Any, str]]:
    """The values of JSON lines, each with its place."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{where}:{number}"
        try:
            content = json.loads(line)
        except json.JSONDecodeError as error:
            raise UserError(f"{place}: not JSON ({error.msg} at column {error.colno})") from error
        except RecursionError:
            raise UserError(f"{place}: nested too deeply for a record") from None
        yield content, place


def parse_record(line: Any, where: str, kind: str | None = None) -> Record:
    """One record from the object of one line.

    Raises:
        UserError: a field is missing, misspelt or of the wrong type; spans or answers do not fit the text.
    """
    kind = kind or _kind(_checked(line, (), where), where)
    _checked(line, (*COMMON, *FIELDS[kind]), where)
    record = _record(line, _identifier(line, where), where, kind)
    sides = _sides(line, where)
    translations = tuple(_record(side, record.id, f"{where} (translation)", kind) for side in sides)
    return replace(record, translations=translations)


def _sides(line: Line, where: str) -> list[Line]:
    """The translations of a line: a list, or one alone."""
    sides = line.get("translation") or []
    sides = [sides] if isinstance(sides, Mapping) else sides
    if not isinstance(sides, list) or not all(isinstance(side, Mapping) for side in sides):
        raise UserError(f"{where}: translation must be an object or a list of objects")
    return sides


def _checked(line: Any, known: Sequence[str], where: str) -> Line:
    """The line, if it is an object in which no known field is misspelt; others are nobody's business."""
    if not isinstance(line, Mapping):
        raise UserError(f"{where}: a JSON object was expected, not {type(line).__name__}")
    for field in line:
        if field not in known and (close := get_close_matches(field, known, n=1, cutoff=0.75)):
            raise UserError(f"{where}: unknown field {field!r}; did you mean {close[0]}?")
    return line


def _kind(line: Line, where: str) -> str:
    for kind, marks in (
        ("question_answering", ("question", "context")),
        ("tagging", ("words", "tags", "spans")),
        ("classification", ("text",)),
    ):
        if any(mark in line for mark in marks):
            return kind
    raise UserError(f"{where}: no text, words or question; the fields are {', '.join(line) or 'none'}")


def _identifier(line: Line, where: str) -> str:
    name = line.get("id")
    if isinstance(name, bool) or not isinstance(name, str | int) or name == "":
        raise UserError(f"{where}: every line needs an id; the fields are {', '.join(line)}")
    return str(name)


def _record(line: Line, name: str, where: str, kind: str) -> Record:
    tag = _tag(line, where)
    match kind:
        case "classification":
            pair, label = _string(line, "text_pair", where, False), _string(line, "label", where, False)
            return Sentence(id=name, language=tag, text=_text(line, "text", where), text_pair=pair, label=label)
        case "tagging":
            return _tagged(line, name, tag, where)
        case "question_answering":
            question, context = _text(line, "question", where), _text(line, "context", where)
            answers = _answers(line, context, where)
            return Question(id=name, language=tag, question=question, context=context, answers=answers)
    raise ValueError(f"no record form for kind {kind!r}")


def _gains(line: Line, documents: Mapping[str, Document], where: str) -> dict[str, int]:
    gains = line.get("gains") or {}
    if not isinstance(gains, Mapping) or not all(type(grade) is int for grade in gains.values()):
        raise UserError(f"{where}: gains must be an object of whole numbers by the ids of documents, not {gains!r}")
    if unknown := sorted(gains.keys() - documents.keys()):
        raise UserError(f"{where}: gains of the unknown documents {some(unknown)}; name those of this line")
    return dict(gains)


def _bitext(line: Line, where: str) -> Bitext:
    return Bitext(
        id=_identifier(line, where),
        language=_tag(line, where),
        text=_text(line, "text", where),
        translation_language=_tag(line, where, "translation_language"),
        translation=_string(line, "translation", where, False) or "",
    )


def _tagged(line: Line, name: str, tag: str, where: str) -> TaggedSentence:
    if "spans" in line:
        spans = [_span(span, where) for span in _list(line, "spans", where)]
        text = _text(line, "text", where)
        try:
            return tagged_sentence(name, tag, text, spans)
        except UserError as error:
            raise UserError(f"{where}: {error}") from error
    if "words" not in line:
        text = _text(line, "text", where)
        words = split_words(text)
    else:
        given = [str(word) for word in _list(line, "words", where)]
        if not given or not all(word.strip() for word in given):
            raise UserError(f"{where}: words holds {'an empty word' if given else 'nothing'}")
        text, words = join_words(given, tag)
        if line.get("text") is not None:
            text = _text(line, "text", where)
            words = align_words(given, text, where)
    tags = None if line.get("tags") is None else tuple(str(each) for each in _list(line, "tags", where))
    if tags is not None and len(tags) != len(words):
        raise UserError(f"{where}: {len(words)} words but {len(tags)} tags; give one tag per word")
    return TaggedSentence(id=name, language=tag, text=text, words=words, tags=tags)


def _span(span: Any, where: str) -> Span:
    match span:
        case {"start": int(start), "end": int(end), "label": str(label)} | [int(start), int(end), str(label)]:
            return Span(start, end, label)
    raise UserError(f"{where}: a span must be {{start, end, label}} with character offsets, not {span!r}")


def _answers(line: Line, context: str, where: str) -> tuple[Answer, ...]:
    found = []
    for answer in _list(line, "answers", where) if line.get("answers") is not None else []:
        match answer:
            case {"text": str(text), "answer_start": int(start)}:
                found.append(Answer(text, start))
            case _:
                raise UserError(f"{where}: an answer must be {{text, answer_start}}, not {answer!r}")
    check_answers(found, context, where)
    return tuple(found)


def _tag(line: Line, where: str, field: str = "language") -> str:
    if field not in line:
        raise UserError(f'{where}: no {field}; add one such as "{field}": "de"')
    try:
        return language(line[field]).tag
    except UserError as error:
        raise UserError(f"{where}: {error}") from error


def _string(line: Line, field: str, where: str, needed: bool = True) -> str | None:
    value = line.get(field)
    if value is None and not needed:
        return None
    if not isinstance(value, str):
        found = "is missing" if value is None else f"is {type(value).__name__}, not text"
        raise UserError(f"{where}: {field} {found}; the fields are {', '.join(line)}")
    if not value.isprintable() and any("\ud800" <= character <= "\udfff" for character in value):
        raise UserError(f"{where}: {field} holds half a character (a lone surrogate); write the text as UTF-8")
    return value


def _text(line: Line, field: str, where: str) -> str:
    value = _string(line, field, where) or ""
    if not value.strip():
        raise UserError(f"{where}: {field} is empty; fill it in or take the line out")
    return value


def _list(line: Line, field: str, where: str) -> list[Any]:
    value = line[field]
    if not isinstance(value, list):
        raise UserError(f"{where}: {field} must be a list, not {type(value).__name__}")
    return value
