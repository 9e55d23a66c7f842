"""The manifest: complete, safe, and every mistake in it is told."""

import re

import pytest

from isogloss.data.sources import find_set, read_sources
from isogloss.errors import UserError

GOOD = 'title = "t"\nlicence = "l"\nurls = ["https://a.org/"]\n'


def test_xtreme_has_its_nine_tasks_and_squad():
    tasks = read_sources()["xtreme"].tasks
    assert " ".join(tasks) == "xnli pawsx udpos panx xquad mlqa tydiqa squad bucc2018 tatoeba"
    assert {task.name: task.way for task in tasks.values() if task.way != "automatic"} == {
        "panx": "by hand",
        "udpos": "licence to accept",
    }
    assert (len(tasks["xquad"].files), len(tasks["tatoeba"].files)) == (11, 72)


def test_every_address_is_https_and_every_file_lies_in_its_tasks_folder():
    files = [file for one in read_sources().values() for task in one.tasks.values() for file in task.files]
    assert files
    for file in files:
        assert all(url.startswith("https://") and url.endswith(f"/{file.name}") for url in file.urls)
        assert file.path == f"{file.task}/{file.name}" and file.path.count("/") == 1
        assert (file.sha256 is None) == (file.bytes is None)


def test_what_has_no_published_hash_is_pinned_to_a_commit():
    files = [file for one in read_sources().values() for task in one.tasks.values() for file in task.files]
    unpublished = [file for file in files if file.sha256 is None]
    assert len(unpublished) == 23
    assert all(re.search("[0-9a-f]{40}", url) for file in unpublished for url in file.urls)


def test_the_published_hashes_differ_from_each_other():
    files = [file for one in read_sources().values() for task in one.tasks.values() for file in task.files]
    digests = [file.sha256 for file in files if file.sha256]
    assert len(digests) == len(set(digests)) == 98


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[toy", "cannot be read as TOML"),
        ('[toy]\ntitel = "t"', "unknown key 'titel'; did you mean title?"),
        ('[toy]\ntitle = "t"', "has no tasks"),
        (f'[toy]\ntitle = "t"\n[toy.tasks.a]\n{GOOD}', "either files or a manual step"),
        (f'[toy]\ntitle = "t"\n[toy.tasks.a]\n{GOOD}files = [{{ name = "../x" }}]', "'../x' is no plain file name"),
        (f'[toy]\ntitle = "t"\n[toy.tasks.a]\n{GOOD}files = [{{ name = "x", sha256 = "1" }}]', "64 hexadecimal digits"),
        (f'[toy]\ntitle = "t"\n[toy.tasks.a]\n{GOOD}files = [{{ name = "x", bytes = 0 }}]', "positive whole number"),
        (f'[toy]\ntitle = "t"\n[toy.tasks.a]\n{GOOD}files = [{{ name = "x", unpack = [] }}]', "folders of the archive"),
        (f'[toy]\ntitle = "t"\n[toy.tasks.a]\n{GOOD}files = [{{ name = "x" }}, {{ name = "x" }}]', "listed twice"),
        (
            f'[toy]\ntitle = "t"\n[toy.tasks.a]\n{GOOD.replace("https", "http")}files = [{{ name = "x" }}]',
            "https addresses that end in '/'",
        ),
        (f'[toy]\ntitle = "t"\n[toy.tasks.a]\n{GOOD}files = [{{ name = "x", size = 1 }}]', "unknown key 'size'"),
        (
            "".join(f'[{s}]\ntitle = "t"\n[{s}.tasks.a]\n{GOOD}files = [{{ name = "x" }}]\n' for s in ("b", "c")),
            "'a' is in two sets",
        ),
    ],
)
def test_a_mistake_in_the_manifest_is_told_with_its_place(tmp_path, text, told):
    path = tmp_path / "sources.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(told)) as error:
        read_sources(path)
    assert "sources.toml" in str(error.value)


def test_a_file_may_have_addresses_of_its_own(tmp_path):
    path = tmp_path / "sources.toml"
    entry = 'files = [{ name = "x", urls = ["https://b.org/", "https://c.org/d/"] }, { name = "y" }]'
    path.write_text(f'[toy]\ntitle = "t"\n[toy.tasks.a]\n{GOOD}{entry}', encoding="utf-8")
    first, second = read_sources(path)["toy"].tasks["a"].files
    assert (first.urls, second.urls) == (("https://b.org/x", "https://c.org/d/x"), ("https://a.org/y",))


def test_an_unknown_set_or_task_names_the_nearest():
    with pytest.raises(UserError, match="no data set 'xtrem'; did you mean xtreme?"):
        find_set("xtrem")
    with pytest.raises(UserError, match="'xquad' is a task of set xtreme: isogloss data get xtreme --tasks xquad"):
        find_set("xquad")
    with pytest.raises(UserError, match="set xtreme has no task 'xnly'; did you mean xnli?"):
        find_set("xtreme").choose("xquad, xnly")


def test_tasks_are_chosen_in_the_order_given_and_once():
    assert [task.name for task in find_set("xtreme").choose("xquad, mlqa,xquad,")] == ["xquad", "mlqa"]
    assert len(find_set("xtreme").choose("")) == 10
