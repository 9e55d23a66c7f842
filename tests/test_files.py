import stat

import pytest

from isogloss.errors import UserError
from isogloss.files import new_folder, write_atomic


def test_a_new_folder_appears_only_when_all_went_well(tmp_path):
    with new_folder(tmp_path / "deep" / "out") as folder:
        (folder / "a").write_text("1")
        assert not (tmp_path / "deep" / "out").exists()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]
    assert (tmp_path / "deep" / "out" / "a").read_text() == "1"
    assert stat.S_IMODE((tmp_path / "deep" / "out").stat().st_mode) & 0o700 == 0o700


def test_what_goes_wrong_leaves_nothing_behind(tmp_path):
    with pytest.raises(KeyError), new_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("1")
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_taken_and_a_full_one_or_a_file_is_not(tmp_path):
    (tmp_path / "empty").mkdir()
    with new_folder(tmp_path / "empty") as folder:
        (folder / "a").write_text("1")
    for name in ("empty", "empty/a"):
        with pytest.raises(UserError, match="is not an empty folder"), new_folder(tmp_path / name):
            pass
    assert (tmp_path / "empty" / "a").read_text() == "1"


def test_an_error_of_the_work_inside_is_not_told_as_one_of_writing(tmp_path):
    with pytest.raises(FileNotFoundError), new_folder(tmp_path / "out"):
        (tmp_path / "nowhere").read_text()


def test_a_place_below_a_file_cannot_be_written(tmp_path):
    write_atomic(tmp_path / "file", "1")
    with pytest.raises(UserError, match="cannot write"), new_folder(tmp_path / "file" / "out"):
        pass
    with pytest.raises(UserError, match="cannot write"):
        write_atomic(tmp_path / "file" / "out", "1")
