"""The Hub, played by a server on this machine, and mirrors of it: what is fetched when, and what is said when."""

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import constants, utils
from mirror import TEXT, classes, write_split

from isogloss import online
from isogloss.data.hub import Hub, commit, fingerprint_hub, is_there, on_hub, read_hub
from isogloss.data.text_pairs import pairs_of_rows
from isogloss.errors import MissingFile, UserError

FIRST, SECOND = "1" * 40, "2" * 40
COLUMNS = {"first": TEXT, "second": TEXT, "label": classes("no", "yes")}
ROWS = [("a", "b", 1), ("c", "d", 0), ("e", "f", -1)]
RECORDS = [("1", "a", "b", "1"), ("2", "c", "d", "0"), ("3", "e", "f", None)]
PLACE = Hub(
    repository="some/pairs",
    revision=FIRST,
    files={"test": "{language}/test-*.parquet"},
    languages={"de": "german", "en": "english"},
    columns=("first", "second", "label"),
    labels={"no": "0", "yes": "1"},
    read=pairs_of_rows,
)
HUB = Path("hub")


class Server(ThreadingHTTPServer):
    """`trees` holds the files of the one repository by commit; `branch` is the commit of main; `error` is for all."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.trees: dict[str, dict[str, bytes]] = {}
        self.branch = FIRST
        self.error: tuple[int, str] | None = None
        self.requests: list[str] = []


class Handler(BaseHTTPRequestHandler):
    """The four answers of the Hub that a download needs: the commit of a revision, a list of files, HEAD, GET."""

    server: Server

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.requests.append(f"{self.command} {path}")
        if self.server.error is not None:
            return self.answer(self.server.error[0], X_Error_Code=self.server.error[1])
        kind, revision, name = (path.split("some/pairs/")[-1].split("/", 2) + [""])[:3]
        revision = self.server.branch if revision == "main" else revision
        if "some/pairs" not in path or revision not in self.server.trees:
            return self.answer(404, X_Error_Code="RevisionNotFound" if "some/pairs" in path else "RepoNotFound")
        files = self.server.trees[revision]
        if kind == "revision":
            return self.answer(200, json.dumps({"id": "some/pairs", "sha": revision}).encode())
        if kind == "tree":
            entries = [{"type": "file", "path": p, "size": len(b), "oid": sha1(b)} for p, b in files.items()]
            return self.answer(200, json.dumps(entries).encode())
        if name not in files:
            return self.answer(404, X_Error_Code="EntryNotFound")
        return self.answer(200, files[name], ETag=f'"{sha1(files[name])}"', X_Repo_Commit=revision)

    do_HEAD = do_GET

    def log_message(self, format, *args) -> None:
        """Nothing: the tests' output stays clean."""


def sha1(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


@pytest.fixture
def server(monkeypatch, tmp_path) -> Iterator[Server]:
    """A Hub with one commit of `some/pairs`, an empty cache, and the network on."""
    utils.disable_progress_bars()
    commit.cache_clear()
    with Server() as made:
        url = f"http://127.0.0.1:{made.server_port}"
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(online, "hub_answers", lambda: True)
        made.trees[FIRST] = files_of(tmp_path / "first", ROWS)
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()
    commit.cache_clear()


def files_of(folder: Path, rows: list) -> dict[str, bytes]:
    """The files of a repository with those rows in both languages."""
    for tag in PLACE.languages:
        write_split(folder, PLACE, "test", tag, rows, COLUMNS)
    root = folder / PLACE.repository
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*.parquet")}


def cells(records) -> list[tuple]:
    return [(record.id, record.text, record.text_pair, record.label) for record in records]


def test_the_hub_is_read_and_of_a_commit_nothing_is_asked_for_again(server):
    assert cells(read_hub([PLACE], HUB, "test", "de")) == RECORDS
    asked = list(server.requests)
    assert f"GET /datasets/some/pairs/resolve/{FIRST}/german/test-00000-of-00001.parquet" in asked
    assert not any("english" in request for request in asked)
    assert cells(read_hub([PLACE], HUB, "test", "de")) == RECORDS
    assert server.requests == asked


def test_without_a_network_the_cache_is_read_and_what_it_lacks_is_told(server, monkeypatch):
    read_hub([PLACE], HUB, "test", "de")
    monkeypatch.setattr(online, "hub_answers", lambda: False)
    assert cells(read_hub([PLACE], HUB, "test", "de")) == RECORDS
    with pytest.raises(UserError, match="not in the cache, and the Hub cannot be reached; where there is a"):
        read_hub([PLACE], HUB, "test", "en")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="the Hub is switched off .--offline, HF_HUB_OFFLINE.*--include 'english/test-"):
        read_hub([PLACE], HUB, "test", "en")


def test_a_branch_is_read_at_one_commit_and_the_fingerprint_is_of_the_commit(server, tmp_path):
    branch = replace(PLACE, revision="main")
    before = fingerprint_hub([branch], HUB)
    assert before == fingerprint_hub([PLACE], HUB)
    server.trees[SECOND] = files_of(tmp_path / "second", [("x", "y", 0), *ROWS])
    server.branch = SECOND
    assert cells(read_hub([branch], HUB, "test", "de")) == RECORDS  # as long as this process lives
    commit.cache_clear()
    assert cells(read_hub([branch], HUB, "test", "de"))[0] == ("1", "x", "y", "0")
    assert fingerprint_hub([branch], HUB) == fingerprint_hub([replace(PLACE, revision=SECOND)], HUB) != before


@pytest.mark.parametrize(
    ("change", "error", "complaint"),
    [
        ({"repository": "some/thing"}, None, "some/thing at 1+: the Hub has no such data set, or not for you"),
        ({"revision": "3" * 40}, None, "some/pairs at 3+: the Hub has no such revision of it; give a mirror"),
        ({}, (403, "GatedRepo"), "its owner asks for consent; give it on its page, then `hf auth login`"),
        ({}, (403, ""), "some/pairs at 1+: .*403 Forbidden.*; where there is a network"),
        ({"files": {"test": "{language}/gone-*"}}, None, "some/pairs at 1+: no file german/gone-.; the repository has"),
        ({"columns": ("first", "third", "label")}, None, "no column 'third'; the columns are first, second, label"),
        ({"labels": {"yes": "1", "no": "0"}}, None, "the classes of 'label' are no, yes where yes, no were expected"),
        ({"labels": {}}, None, "the classes of 'label' are no, yes where none were expected"),
    ],
)
def test_what_the_hub_does_not_give_is_one_clear_line(server, change, error, complaint):
    server.error = error
    with pytest.raises(UserError, match=complaint) as caught:
        read_hub([replace(PLACE, **change)], HUB, "test", "de")
    assert "\n" not in str(caught.value)


@pytest.fixture
def mirror(tmp_path) -> Path:
    """A mirror with German only, as `--data` names it."""
    write_split(tmp_path, PLACE, "test", "de", ROWS, COLUMNS)
    return Path(f"hub:{tmp_path}")


def test_a_mirror_is_read_without_the_hub(mirror):
    assert cells(read_hub([PLACE], mirror, "test", "de")) == RECORDS
    assert [is_there([PLACE], mirror, "test", tag) for tag in ("de", "en", "sw")] == [True, False, False]
    assert [is_there([PLACE], HUB, split, "en") for split in ("test", "dev")] == [True, False]
    assert on_hub(mirror) and on_hub(HUB) and not on_hub(None) and not on_hub(Path("hubs"))


def test_a_file_that_a_mirror_lacks_is_named_with_the_command_that_fetches_it(mirror):
    with pytest.raises(MissingFile, match=f"some/pairs: no file english/test-.*; `hf download .* --revision {FIRST}"):
        read_hub([PLACE], mirror, "test", "en")
    with pytest.raises(UserError, match="--data hub:nowhere: no such folder; a mirror holds repositories as folders"):
        read_hub([PLACE], Path("hub:nowhere"), "test", "en")


def test_a_part_of_the_files_is_not_taken_for_all(mirror, tmp_path):
    (file,) = tmp_path.rglob("*.parquet")
    file.rename(file.with_name("test-00000-of-00002.parquet"))
    assert not is_there([PLACE], mirror, "test", "de")
    with pytest.raises(UserError, match="german: 1 files of german/test-.*, their names say there are more"):
        read_hub([PLACE], mirror, "test", "de")


def test_several_files_are_read_in_their_order(mirror, tmp_path):
    (file,) = tmp_path.rglob("*.parquet")
    for number, rows in enumerate(([("a", "b", 1)], ROWS[1:])):
        write_split(tmp_path, PLACE, "test", "de", rows, COLUMNS).rename(
            file.with_name(f"test-0000{number}-of-00002.parquet")
        )
    assert cells(read_hub([PLACE], mirror, "test", "de")) == RECORDS


def test_a_damaged_table_is_one_line(mirror, tmp_path):
    (file,) = tmp_path.rglob("*.parquet")
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(UserError, match="test-00000-of-00001.parquet: cannot be read .*; fetch it again") as caught:
        read_hub([PLACE], mirror, "test", "de")
    assert "\n" not in str(caught.value)


def test_a_class_number_without_a_class_is_told(tmp_path):
    write_split(tmp_path, PLACE, "test", "de", [("a", "b", 2)], COLUMNS | {"label": TEXT.__class__("int64")})
    with pytest.raises(UserError, match="parquet: class number 2 where there are 2 classes"):
        read_hub([PLACE], Path(f"hub:{tmp_path}"), "test", "de")


def test_the_fingerprint_of_a_mirror_changes_with_a_byte_of_what_is_declared_only(mirror, tmp_path):
    before = fingerprint_hub([PLACE], mirror)
    (tmp_path / PLACE.repository / "README.md").write_text("about")
    write_split(tmp_path, replace(PLACE, repository="other/one"), "test", "de", ROWS, COLUMNS)
    assert fingerprint_hub([PLACE], mirror) == before
    write_split(tmp_path, PLACE, "test", "de", ROWS[:2], COLUMNS)
    assert fingerprint_hub([PLACE], mirror) != before


def test_rows_beyond_one_batch_keep_their_order_and_their_numbers(tmp_path):
    write_split(tmp_path, PLACE, "test", "de", [(f"{i}", "b", i % 2) for i in range(2500)], COLUMNS)
    found = read_hub([PLACE], Path(f"hub:{tmp_path}"), "test", "de")
    assert [(r.id, r.text, r.label) for r in found] == [(str(i + 1), str(i), str(i % 2)) for i in range(2500)]
