from isogloss.checkpoints import COMPLETE, last_checkpoint


def test_checkpoints_are_ordered_by_number_not_by_name(tmp_path):
    for number in (2, 10, 9):
        (tmp_path / f"checkpoint-{number}").mkdir()
        (tmp_path / f"checkpoint-{number}" / COMPLETE).touch()
    (tmp_path / "checkpoint-11").mkdir()
    assert last_checkpoint(tmp_path).name == "checkpoint-10"
    assert last_checkpoint(tmp_path / "nowhere") is None
