"""Runs, judgements, topics and documents in the formats of TREC.

A run is a line `query Q0 document rank score name` per ranked document, judgements (qrels) are lines
`query 0 document grade`, documents and topics are elements such as `<DOC><DOCNO>1</DOCNO> ... </DOC>`, without a root.
"""

import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from isogloss.data.checks import some
from isogloss.data.formats import find, open_text
from isogloss.errors import UserError
from isogloss.files import write_atomic
from isogloss.records import Document, RankedQuery, RankingPrediction

RUN, QRELS = ("query", "Q0", "document", "rank", "score", "name"), ("query", "0", "document", "grade")
Run = dict[str, dict[str, float]]  # scores by document, best first, by query
Qrels = dict[str, dict[str, int]]  # grades by document, by query


def read_run(path: Path) -> Run:
    """The ranked documents of each query with their scores, by falling score and of equal ones in the file's order.

    As everywhere in TREC the column of ranks is not looked at.

    Raises:
        UserError: a line has other columns or a score that is no number; a query has a document twice.
    """
    run: Run = {}
    for where, (query, _, document, _, score, _) in _rows(path, RUN):
        _add(run.setdefault(query, {}), query, document, _number(float, score, where, "score"), where)
    return {query: dict(sorted(found.items(), key=lambda pair: -pair[1])) for query, found in run.items()}


def write_run(path: Path, rankings: Iterable[RankingPrediction], name: str) -> None:
    """Nothing; writes the rankings in their order, `name` is that of the system.

    Raises:
        UserError: an id has white space in it, or the place cannot be written.
    """
    write_atomic(path, "".join(run_lines(rankings, name)))


def run_lines(rankings: Iterable[RankingPrediction], name: str) -> Iterator[str]:
    """The lines of a run with the rankings in their order, `name` is that of the system.

    Raises:
        UserError: an id has white space in it.
    """
    for ranking in rankings:
        ranked = zip(ranking.documents, ranking.scores, strict=True)
        for rank, (document, score) in enumerate(ranked, 1):
            yield _line(ranking.id, "Q0", document, str(rank), repr(float(score)), name.replace(" ", "_"))


def read_qrels(path: Path) -> Qrels:
    """The judged documents of each query with their grades, whole numbers; those below 1 are not relevant.

    Raises:
        UserError: a line has other columns or a grade that is no whole number; a document is judged twice.
    """
    qrels: Qrels = {}
    for where, (query, _, document, grade) in _rows(path, QRELS):
        _add(qrels.setdefault(query, {}), query, document, _number(int, grade, where, "grade"), where)
    return qrels


def write_qrels(path: Path, queries: Iterable[RankedQuery]) -> None:
    """Nothing; writes the gains of the queries.

    Raises:
        UserError: an id has white space in it, or the place cannot be written.
    """
    lines = [_line(query.id, "0", document, str(grade)) for query in queries for document, grade in query.gains.items()]
    write_atomic(path, "".join(lines))


def read_elements(path: Path, element: str, fields: Sequence[str]) -> list[tuple[str, ...]]:
    """The texts of the fields of each element, on one line each; `""` is what stands outside of all fields.

    Tags are read in any case. A field that is not there is empty.

    Raises:
        UserError: the file is missing or has no such element.
    """
    with open_text(path) as file:
        text = file.read()
    bodies = re.findall(rf"<{element}>(.*?)</{element}>", text, re.DOTALL | re.IGNORECASE)
    if not bodies:
        raise UserError(f"{find(path)}: no <{element}> in it; this is no file of TREC's documents or topics")
    return [tuple(_field(body, field) for field in fields) for body in bodies]


def read_documents(path: Path, language: str, fields: Sequence[str] = ("",), element: str = "doc") -> list[Document]:
    """The documents of a file in TREC's format, the texts of their fields joined; those without any text are told.

    Raises:
        UserError: the file is missing or no such file, a document has no number, or two have the same.
    """
    rows = read_elements(path, element, ("docno", *fields))
    documents = [Document(id=name, language=language, text=" ".join(filter(None, texts))) for name, *texts in rows]
    check_ids([document.id for document in documents], f"{find(path)}: documents")
    empty = [document.id for document in documents if not document.text]
    if empty:
        print(f"{find(path)}: documents {some(empty)} have no text and are left out", file=sys.stderr)
    return [document for document in documents if document.text]


def judged(
    queries: Mapping[str, str], language: str, documents: tuple[Document, ...], qrels: Qrels, where: str
) -> list[RankedQuery]:
    """The queries by id and text, with the documents that they share and their grades among these.

    Judgements about documents that are not there are left out, and told.

    Raises:
        UserError: there is no document, a query has no text, or judgements are about an unknown query.
    """
    if not documents:
        raise UserError(f"{where}: no documents; the collection is empty")
    empty = [name for name, text in queries.items() if not text.strip()]
    if empty:
        raise UserError(f"{where}: queries {some(empty)} have no text; fill it in or take them out")
    check_known(qrels, queries, f"{where}: judgements of", "queries")
    known = {document.id for document in documents}
    missing = sorted({name for grades in qrels.values() for name in grades} - known)
    if missing:
        print(f"{where}: judged documents {some(missing)} are not in the collection and do not count", file=sys.stderr)
    return [
        RankedQuery(
            id=name,
            language=language,
            text=text,
            documents=documents,
            gains={document: grade for document, grade in qrels.get(name, {}).items() if document in known},
        )
        for name, text in queries.items()
    ]


def check_ids(names: Sequence[str], where: str) -> None:
    """Nothing, if every name is there once.

    Raises:
        UserError: one is empty or occurs twice.
    """
    seen, twice = set[str](), []
    for name in names:
        if name in seen:
            twice.append(name)
        seen.add(name)
    if "" in seen:
        raise UserError(f"{where}: one has no id; each needs its own")
    if twice:
        raise UserError(f"{where}: duplicate ids {some(twice)}; each needs its own")


def check_known(names: Iterable[str], known: Collection[str], where: str, what: str) -> None:
    """Nothing, if all names are known.

    Raises:
        UserError: `where` has some that are not; `what` they should name.
    """
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UserError(f"{where} the unknown {what} {some(unknown)}; the files do not belong together")


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """The fields of each line and where it stands; blank lines are passed over."""
    empty = True
    with open_text(path) as text:
        for number, line in enumerate(text, 1):
            if cells := line.split():
                empty = False
                where = f"{find(path)}:{number}"
                if len(cells) != len(columns):
                    raise UserError(f"{where}: {len(cells)} columns, expected {len(columns)}: {' '.join(columns)}")
                yield where, cells
    if empty:
        raise UserError(f"{find(path)}: no lines; the file is empty")


def _add(found: dict[str, float] | dict[str, int], query: str, document: str, value: float, where: str) -> None:
    if document in found:
        raise UserError(f"{where}: query {query!r} has document {document!r} twice")
    found[document] = value  # pyright: ignore[reportArgumentType]


def _number(kind: type, text: str, where: str, what: str) -> float:
    try:
        value = kind(text)
    except ValueError:
        value = float("nan")
    if value != value:
        raise UserError(f"{where}: {what} {text!r} is not a {'whole ' * (kind is int)}number")
    return value


def _line(*cells: str) -> str:
    for cell in cells:
        if not cell or cell.split() != [cell]:
            raise UserError(f"id {cell!r} cannot be written in TREC's format, which ends a column at white space")
    return " ".join(cells) + "\n"


def _field(body: str, field: str) -> str:
    if field:
        found = re.search(rf"<{field}>(.*?)</{field}>", body, re.DOTALL | re.IGNORECASE)
        text = found[1] if found else ""
    else:
        text = re.sub(r"<(\w+)>.*?</\1>", " ", body, flags=re.DOTALL)
    return " ".join(text.split())
