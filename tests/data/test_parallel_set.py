"""A parallel data set holds what was written, is the same for the same rows, and every defect of it is told."""

import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import assert_one_line

from isogloss.data import parallel_set
from isogloss.data.parallel_set import MANIFEST, Row, read_parallel_set, schema, write_parallel_set
from isogloss.data.parallel_set_check import ALIKE, defects
from isogloss.errors import UserError
from isogloss.files import sha256
from isogloss.records import Answer, Question, Sentence, Span, TaggedSentence, split_words, tagged_sentence

PROVENANCE = {"engine": "fake", "licence": "CC0", "decoding": {"beam": 4}}


def sentences(count=6, tags=("de", "sw"), rejected=(2,)):
    for i in range(count):
        original = Sentence(id=f"s{i}", language="en", text=f"text {i}", label="ab"[i % 2], group="g")
        for tag in tags:
            bad = i in rejected and tag == "de"
            yield Row(
                original=original,
                language=tag,
                translation=replace(original, language=tag, text=f"{tag} {i}"),
                score=None if i == 1 else -i / 7,
                flags=("language",) if i == 3 else (),
                reason="copy" if bad else None,
                detail="the source again" if bad else "",
            )


def tagged():
    original = tagged_sentence("t1", "en", "to New York", [Span(3, 11, "city")])
    plain = TaggedSentence(id="t1", language="de", text="nach New York", words=split_words("nach New York"))
    projected = tagged_sentence("t1", "sw", "kwenda New York", [Span(7, 15, "city")])
    yield Row(original=original, language="de", translation=plain)
    yield Row(original=original, language="sw", translation=projected, status=("aligned",))


def questions():
    original = Question(
        id="q1", language="en", question="Where?", context="In Rome.", answers=(Answer("Rome", 3), Answer("In Rome", 0))
    )
    made = Question(id="q1", language="de", question="Wo?", context="In Rom.", answers=(Answer("Rom", 3),))
    yield Row(original=original, language="de", translation=made, status=("marked",))
    yield Row(original=original, language="sw", reason="engine", detail="cut off")


KINDS = {"classification": sentences, "tagging": tagged, "question_answering": questions}


@pytest.fixture
def make(tmp_path):
    """A function from a kind, and rows if they are not the usual ones, to a set of it."""

    def made(kind="classification", rows=None, name="set"):
        rows = KINDS[kind]() if rows is None else rows
        write_parallel_set(tmp_path / name, rows, kind=kind, provenance=PROVENANCE)
        return tmp_path / name

    return made


def rewrite(path, change, columns=None):
    """Change the rows of a table, given as a list of dictionaries."""
    table = pq.read_table(path)
    lines = table.to_pylist()
    lines = change(lines) or lines
    pq.write_table(pa.Table.from_pylist(lines, columns or table.schema), path)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read_is_what_was_written(make, kind):
    rows = list(KINDS[kind]())
    found = read_parallel_set(make(kind))
    assert found.kind == kind and found.sources == ("en",) and set(found.languages) == {"de", "sw"}
    assert found.originals("en") == list(dict.fromkeys(row.original for row in rows))
    for tag in found.languages:
        accepted = [row.translation for row in rows if row.language == tag and row.reason is None]
        assert found.translations(tag, "en") == accepted
        assert found.translations(tag, "fr") == []
    assert defects(found.folder) == []


def numbered(**change):
    for i in range(5):
        original = Sentence(id=str(i + 1), language="en", text=f"text {i}", text_pair=f"pair {i}", label="ab"[i % 2])
        made = replace(original, **({"language": "de", "text": f"de {i}"} | (change if i == 2 else {})))
        yield Row(original=original, language="de", translation=made)


def test_many_translations_are_opened_instead_of_read(make):
    found = read_parallel_set(make(rows=numbered()))
    opened, read = found.opened("de", "en"), found.translations("de", "en")
    assert list(opened) == read and opened[3] == read[3] and opened[1:3] == read[1:3]
    assert opened.numbers.tolist() == [1, 2, 3, 4, 5] and opened.labels == {"a", "b"}
    assert opened.sizes.tolist() == [len(record.text + record.text_pair) for record in read]


@pytest.mark.parametrize("change", [{"text": " \u3000"}, {"text_pair": None}, {"label": None}, {"text": ""}])
def test_translations_that_lack_something_are_not_opened(make, change):
    found = read_parallel_set(make(rows=numbered(**change)))
    assert found.opened("de", "en") is None and len(found.translations("de", "en")) == 5


def test_ids_that_are_no_plain_numbers_are_not_opened(make):
    assert read_parallel_set(make()).opened("de", "en") is None  # s0, s1 ...
    rows = [replace(row, original=replace(row.original, id=f"0{row.original.id}")) for row in numbered()]
    rows = [replace(row, translation=replace(row.translation, id=row.original.id)) for row in rows]
    assert read_parallel_set(make(rows=rows, name="zeros")).opened("de", "en") is None
    assert read_parallel_set(make("question_answering", name="q")).opened("de", "en") is None


def test_rejected_rows_are_kept_with_their_text_and_reason(make):
    folder = make()
    (line,) = pq.read_table(folder / "rejected" / "de.parquet").to_pylist()
    assert (line["id"], line["text"], line["reason"], line["detail"]) == ("s2", "de 2", "copy", "the source again")
    assert not (folder / "rejected" / "sw.parquet").exists()


def test_scores_flags_and_status_are_columns(make):
    lines = pq.read_table(make() / "translations" / "sw.parquet").to_pylist()
    assert [line["score"] for line in lines[:3]] == [0.0, None, -2 / 7]
    assert lines[3]["flags"] == ["language"] and lines[0]["source_language"] == "en"
    (line,) = pq.read_table(make("question_answering", name="q") / "translations" / "de.parquet").to_pylist()
    assert line["spans"] == [{"start": 3, "end": 6, "label": None, "status": "marked"}]
    (line,) = pq.read_table(make("tagging", name="t") / "translations" / "sw.parquet").to_pylist()
    assert line["spans"] == [{"start": 7, "end": 15, "label": "city", "status": "aligned"}]


def test_the_manifest_counts_per_language_reason_and_label(make):
    manifest = json.loads((make() / MANIFEST).read_text())
    assert manifest["originals"] == {"en": 6} and manifest["provenance"] == PROVENANCE
    german = manifest["translations"]["de"]
    assert (german["accepted"], german["rejected"]) == (5, {"copy": 1})
    assert german["labels"] == {"a": {"accepted": 2, "rejected": 1}, "b": {"accepted": 3, "rejected": 0}}
    status = read_parallel_set(make("question_answering", name="q")).manifest["translations"]["de"]["status"]
    assert status == {"marked": 1}


def test_a_table_says_what_made_it(make):
    about = json.loads(pq.read_schema(make() / "translations" / "de.parquet").metadata[b"isogloss"])
    assert about["provenance"] == PROVENANCE and (about["language"], about["kind"]) == ("de", "classification")


def test_the_same_rows_give_the_same_bytes_whatever_the_order_of_languages(make, monkeypatch):
    monkeypatch.setattr(parallel_set, "GROUP", 4)
    rows = list(sentences(11))
    one = make(rows=rows, name="one")
    other = make(rows=sorted(rows, key=lambda row: row.language, reverse=True), name="other")
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert len(files) == 5
    assert [sha256(one / name) for name in files] == [sha256(other / name) for name in files]
    assert pq.ParquetFile(one / "translations" / "sw.parquet").num_row_groups == 3


def test_originals_of_several_languages_share_their_ids(make):
    rows = []
    for source in ("de", "sw"):
        original = Sentence(id="1", language=source, text=source, label="a")
        made = Sentence(id="1", language="en", text=f"from {source}", label="a")
        rows.append(Row(original=original, language="en", translation=made))
    found = read_parallel_set(make(rows=rows))
    assert defects(found.folder) == []
    assert [record.text for record in found.translations("en", "sw")] == ["from sw"]


def test_a_set_that_was_not_finished_leaves_nothing(make, tmp_path):
    def breaking():
        yield from sentences()
        raise UserError("the engine is gone")

    with pytest.raises(UserError, match="the engine is gone"):
        make(rows=breaking())
    assert list(tmp_path.iterdir()) == []


def test_no_rows_and_a_folder_in_use_are_mistakes(make):
    with pytest.raises(UserError, match="no rows"):
        make(rows=[])
    make()
    with pytest.raises(UserError, match="not an empty folder"):
        make()


def test_a_full_disk_is_one_line_and_leaves_nothing(make, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(UserError, match="No space left on device; make room"):
        make()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "no parallel data set"),
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"format": 2}', "has format 2, this version reads 1"),
        ('{"format": 1, "kind": "poems", "originals": {}, "translations": {}}', "is damaged"),
        ('{"format": 1, "kind": "tagging", "originals": {}, "translations": {"de": 3}}', "is damaged"),
    ],
)
def test_a_folder_that_is_no_set_is_told(tmp_path, content, complaint):
    if content is not None:
        (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(UserError, match=complaint):
        read_parallel_set(tmp_path)


def drop(number):
    return lambda lines: lines[:number] + lines[number + 1 :]


def put(number, **values):
    return lambda lines: lines[number].update(values)


SPAN = {"start": 3, "end": 9, "label": None, "status": "marked"}
TABLES = [  # kind, table, what happens to it, what is said of it
    ("classification", "originals/en", drop(1), "id 's1': there is no original of that id in en"),
    ("classification", "originals/en", put(1, id="s0"), "originals/en.parquet: row 2, id 's0': the id occurs twice"),
    ("classification", "originals/en", put(0, id=""), "id '': the id is empty"),
    ("classification", "translations/de", drop(0), "de: original 's0' in en: neither translated nor rejected"),
    (
        "classification",
        "translations/de",
        put(1, id="s0"),
        "translations/de.parquet: row 2, id 's0': the id occurs twice",
    ),
    ("classification", "translations/de", put(0, id="s9"), "id 's9': there is no original of that id in en"),
    ("classification", "translations/de", put(0, source_language="fr"), "there is no original of that id in fr"),
    ("classification", "translations/de", put(0, language="nl"), "row 1, id 's0': the language is not de"),
    ("classification", "translations/de", put(0, text=" "), "row 1, id 's0': the text is empty"),
    ("classification", "translations/de", put(0, text=None), "row 1, id 's0': the text is empty"),
    ("classification", "translations/de", put(0, text_pair=" "), "row 1, id 's0': the text_pair is empty"),
    ("classification", "translations/de", put(0, label="b"), "the label is not that of the original"),
    ("classification", "translations/de", drop(0), "translations/de.parquet, 5 here and 4 there"),
    ("classification", "rejected/de", put(0, reason=None), "row 1, id 's2': it is rejected without a reason"),
    ("classification", "rejected/de", put(0, id="s0"), "the id occurs here and in translations"),
    ("question_answering", "translations/de", put(0, spans=[SPAN]), "row 1, id 'q1': a span is not within its text"),
    ("question_answering", "translations/de", put(0, spans=[SPAN | {"start": None}]), "a span is not within its text"),
    ("question_answering", "translations/de", put(0, spans=[SPAN | {"end": 6, "status": ""}]), "a span has no status"),
    ("question_answering", "translations/de", put(0, question=""), "the question is empty"),
    ("question_answering", "translations/de", put(0, context=""), "the context is empty"),
    ("tagging", "translations/de", put(0, words=[]), "words are missing or not within their text"),
    ("tagging", "translations/de", put(0, words=[{"start": 0, "end": 99}]), "words are missing or not within"),
    ("tagging", "translations/de", put(0, words=[{"start": 4, "end": 8}, {"start": 0, "end": 5}]), "words overlap"),
    ("tagging", "originals/en", put(0, tags=["O"]), "there are not as many tags as words"),
    ("tagging", "translations/sw", put(0, spans=[]), "the spans are not those of the tags"),
]


@pytest.mark.parametrize(("kind", "table", "change", "complaint"), TABLES)
def test_a_defect_of_a_table_is_one_of_the_lines(make, kind, table, change, complaint):
    folder = make(kind)
    rewrite(folder / f"{table}.parquet", change)
    found = defects(folder)
    assert any(complaint in line for line in found), found


@pytest.mark.parametrize("damage", ["missing", "no parquet", "damaged", "column", "type", "strange"])
def test_a_defect_of_a_file_is_told(make, damage):
    folder = make()
    path = folder / "translations" / "de.parquet"
    match damage:
        case "missing":
            path.unlink()
            complaint = "translations/de.parquet: the file is missing"
        case "no parquet":
            path.write_text("id,text\n")
            complaint = "translations/de.parquet: this is no Parquet file, or it is damaged"
        case "damaged":
            content = bytearray(path.read_bytes())
            content[4:200] = bytes(196)
            path.write_bytes(content)
            complaint = "translations/de.parquet: the file is damaged, its rows cannot be read"
        case "column":
            rewrite(path, lambda lines: None, schema("classification", "translations").remove(3))
            complaint = "translations/de.parquet: column 'text_pair': a column is missing"
        case "type":
            columns = schema("classification", "translations")
            rewrite(
                path, lambda lines: None, columns.set(columns.get_field_index("score"), pa.field("score", pa.int32()))
            )
            complaint = "translations/de.parquet: column 'score': a column of type double is expected"
        case "strange":
            path.rename(path.with_name("fr.parquet"))
            complaint = f"translations/fr.parquet: {MANIFEST} does not name it"
    found = defects(folder)
    assert complaint in found
    assert len(found) == (1 if damage != "strange" else 2)  # and what the file holds is not missed as well


def test_a_language_that_is_none_is_told(make):
    folder = make()
    manifest = json.loads((folder / MANIFEST).read_text())
    for wrong in ("german!", "de-DE"):
        changed = manifest | {"originals": {wrong: 6}}
        (folder / MANIFEST).write_text(json.dumps(changed))
        assert f"{MANIFEST}: originals, {wrong!r}: it is no language tag" in defects(folder)


def test_of_many_alike_a_few_are_told_and_the_others_counted(make):
    folder = make(rows=list(sentences(40)))

    def blank(lines):
        for line in lines:
            line["text"] = ""

    rewrite(folder / "translations" / "sw.parquet", blank)
    found = defects(folder)
    assert len(found) == ALIKE + 1
    assert found[-1] == "translations/sw.parquet: 35 more: the text is empty"


def test_the_command_is_silent_about_nothing_and_fails_on_defects(make, command):
    folder = make()
    outcome = command("data", "check", folder)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == f"{folder}: classification, fine; originals: 6 en; translations: 5 de, 6 sw\n"
    assert command("data", "check", folder, "--json").out == "[]\n"
    (folder / "translations" / "de.parquet").unlink()
    outcome = command("data", "check", folder)
    assert (outcome.code, outcome.out) == (1, "translations/de.parquet: the file is missing\n")
    assert "1 line(s) of defects" in outcome.err and len(outcome.err.splitlines()) == 1
    assert len(json.loads(command("data", "check", folder, "--json").out)) == 1
    assert_one_line(command("data", "check", folder / "nowhere"), "is no parallel data set")
