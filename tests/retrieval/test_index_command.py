"""`isogloss index` and `isogloss search` from the command line, with a small encoder; every mistake is one line."""

import json

import pytest
from helpers import assert_one_line
from tiny_collections import write_collections

from isogloss.retrieval.index_command import table

TEXTS = {
    "de": ("Der Zug nach Berlin fährt um neun.", "Was kostet ein Zimmer für zwei?"),
    "en": ("The train to Berlin leaves at nine.", "How much is a room for two people?"),
    "zh": ("去柏林的火车九点开。", "两个人住一间房多少钱？"),
}
LINES = [
    {"id": f"{tag}/{i}", "language": tag, "text": text} for tag, texts in TEXTS.items() for i, text in enumerate(texts)
]


def write(path, lines):
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def index(command, encoder_folder, tmp_path):
    """The folder of an index of six documents."""
    made = command(
        "index", write(tmp_path / "docs.jsonl", LINES), "--encoder", encoder_folder, "--output", tmp_path / "i"
    )
    assert made.code == 0, made.err
    assert "6 documents (6 added)" in made.out
    return tmp_path / "i"


def test_documents_are_indexed_searched_changed_and_searched_again(command, index, tmp_path):
    found = command("search", index, TEXTS["de"][1], "--top-k", "2", "--json")
    rows = json.loads(found.out)
    assert (rows[0]["rank"], rows[0]["id"], rows[0]["language"], rows[0]["text"]) == (1, "de/1", "de", TEXTS["de"][1])
    assert rows[0]["score"] == pytest.approx(1, abs=1e-5) and len(rows) == 2
    printed = command("search", index, TEXTS["de"][1], "--top-k", "2").out.splitlines()
    assert len(printed) == 2 and printed[0].split()[:4] == ["1", "1.0000", "de/1", "de"]
    (tmp_path / "ids").write_text("de/1\nzh/0\n\n")
    more = write(tmp_path / "more.jsonl", [LINES[0], {"id": "en/1", "language": "en", "text": "The beach is big."}])
    words = ("index", more, "--into", index, "--delete", tmp_path / "ids", "--update", "--compact", "--json")
    told = json.loads(command(*words).out)
    assert told["documents"] == 4
    assert told["changes"] == {"added": 0, "replaced": 1, "deleted": 2, "there_already": 1}
    rows = json.loads(command("search", index, TEXTS["de"][1], "--top-k", "9", "--json", "--exact").out)
    assert {row["id"] for row in rows} == {"de/0", "en/0", "en/1", "zh/1"}
    assert "4 documents\n" in command("index", "--into", index).out


def test_a_file_of_queries_becomes_a_run(command, index, tmp_path):
    queries = write(tmp_path / "q.jsonl", [{"id": f"q{i}", "language": "zh", "text": TEXTS["zh"][i]} for i in (0, 1)])
    assert command("search", index, "--queries", queries, "--top-k", "3", "--output", tmp_path / "run.trec").code == 0
    lines = [line.split() for line in (tmp_path / "run.trec").read_text().splitlines()]
    assert [(line[0], line[3]) for line in lines] == [(f"q{i}", str(rank)) for i in (0, 1) for rank in (1, 2, 3)]
    assert lines[0][2] == "zh/0" and lines[3][2] == "zh/1"
    assert [float(line[4]) for line in lines[:3]] == sorted((float(line[4]) for line in lines[:3]), reverse=True)


def test_the_collection_of_a_task_is_indexed_and_ranked_as_without_an_index(command, encoder_folder, tmp_path):
    write_collections(tmp_path)
    words = ("--task", "xquad_r", "--data", tmp_path)
    made = command("index", *words, "--encoder", encoder_folder, "--output", tmp_path / "i")
    assert made.code == 0, made.err
    found = [
        json.loads(command("evaluate", ranker, *words, "--json").out)
        for ranker in (f"index:{tmp_path / 'i'}", f"dense:{encoder_folder}")
    ]
    assert found[0]["languages"] == found[1]["languages"] and set(found[0]["languages"]) == {"de", "en"}
    assert [each["method"] for each in found] == ["index", "dense"]
    assert {each["encoder"] for each in found} == {str(encoder_folder)}
    assert found[0]["settings"]["config"] == {"precision": "float32", "store": "files"}


def test_a_language_that_the_encoder_never_saw_is_warned_of_where_its_card_says_so(
    command, index, encoder_folder, tmp_path
):
    assert command("search", index, "nani", "--language", "swh_Latn").err == ""
    card = encoder_folder / "README.md"
    card.write_text("---\nlanguage: [en, de]\n---\n")
    try:
        assert (
            "in Swahili, which the encoder was not trained on" in command("search", index, "x", "--language", "sw").err
        )
        assert command("search", index, "was", "--language", "de").err == ""
        queries = [{"id": f"q{i}", "language": tag, "text": "x y"} for i, tag in enumerate(("sw", "de", "sw"))]
        told = command("search", index, "--queries", write(tmp_path / "q.jsonl", queries)).err
        assert "2 queries are in Swahili" in told and "German" not in told
        long = "Поезд в Берлин отправляется завтра утром в девять часов, а билеты можно купить на вокзале."
        assert "the query is in Russian" in command("search", index, long).err
    finally:
        card.unlink()


@pytest.mark.parametrize(
    "words, complaint",
    [
        (("docs.jsonl", "--task", "xquad_r", "--into", "i"), "give documents or a task, not both"),
        (("--task", "sib200", "--data", ".", "--into", "i"), "nothing is ranked in it"),
        (("docs.jsonl",), "give --output FOLDER for a new index, or --into FOLDER"),
        (("docs.jsonl", "--output", "new"), "a new index needs documents and an encoder"),
        (("docs.jsonl", "--output", "new", "--encoder", "tiny", "--compact"), "are for an index that is there"),
        (("docs.jsonl", "--output", "i", "--encoder", "tiny"), "i is an index already; `--into i` adds to it"),
        (("none.jsonl", "--output", "new", "--encoder", "tiny"), "none.jsonl: no such file"),
        (("empty.jsonl", "--output", "new", "--encoder", "tiny"), "no documents"),
        (("bad.jsonl", "--into", "i"), "bad.jsonl:2: text is empty"),
        (("docs.jsonl", "--into", "new"), "new is no index"),
        (("docs.jsonl", "--into", "i", "--store", "lance"), "are those of a new index"),
        (("--into", "i", "--update"), "--update needs documents"),
        (("--into", "i", "--delete", "empty.jsonl"), "no ids; write one a line"),
        (("--into", "i", "--delete", "docs.jsonl"), "nothing is deleted"),
    ],
)
def test_mistakes_with_an_index_are_one_line(words, complaint, command, index, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.jsonl").write_text("\n")
    write(tmp_path / "bad.jsonl", [LINES[0], {"id": "x", "language": "de", "text": " "}])
    before = sorted(path for path in index.rglob("*"))
    assert_one_line(command("index", *words), complaint)
    assert not (tmp_path / "new").exists() or not any((tmp_path / "new").glob("*.json"))
    assert sorted(path for path in index.rglob("*")) == before


@pytest.mark.parametrize(
    "words, complaint",
    [
        (("i",), "give a query, or --queries FILE"),
        (("i", "x", "--queries", "q.jsonl"), "give a query, or --queries FILE"),
        (("i", " "), "an empty query"),
        (("i", "x", "--language", "xx-yy"), "unknown language"),
        (("i", "x", "--output", "run"), "--output is for --queries FILE"),
        (("i", "--queries", "q.jsonl", "--json"), "are for one query"),
        (("i", "--queries", "q.jsonl", "--output", "run"), "query 'q' occurs twice"),
        (("nowhere", "x"), "nowhere is no index"),
        (("i", "x", "--encoder", "tiny"), "gives other vectors"),
    ],
)
def test_mistakes_in_a_search_are_one_line(words, complaint, command, index, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "q.jsonl", [{"id": "q", "language": "de", "text": "Zug"}] * 2)
    assert_one_line(command("search", *words), complaint)
    assert not (tmp_path / "run").exists()


def test_an_encoder_that_has_moved_is_named(command, encoder_folder, tmp_path):
    import shutil

    moved = shutil.copytree(encoder_folder, tmp_path / "e")
    docs = write(tmp_path / "docs.jsonl", LINES)
    assert command("index", docs, "--encoder", moved, "--output", tmp_path / "i").code == 0
    moved.rename(tmp_path / "f")
    assert_one_line(command("search", tmp_path / "i", "Zug"), "if it has moved, --encoder says where it is now")
    assert command("search", tmp_path / "i", "Zug", "--encoder", tmp_path / "f").code == 0


def test_lines_are_cut_by_the_columns_that_letters_take():
    hits = [
        {"rank": 1, "score": 0.5, "id": "zh/1", "language": "zh", "text": "火车" * 100},
        {"rank": 2, "score": 0.25, "id": "de/100", "language": "de", "text": "Zug\nund " + "Bahn " * 50},
    ]
    first, second = table(hits).splitlines()
    assert first.startswith("  1  0.5000  zh/1    zh  火车火车") and first.endswith("…")
    assert second.startswith("  2  0.2500  de/100  de  Zug und Bahn") and len(second) == 120
    assert 2 * (first.count("火") + first.count("车")) + len(first.split("火")[0]) + 1 in (119, 120)
    assert table([]) == "no documents"
