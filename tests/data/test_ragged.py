import os

import numpy as np
import pytest

from isogloss.data.ragged import load_ragged, save_ragged
from isogloss.errors import UserError

ARRAYS = {
    "de/1/0": np.array([[1.5, -2.0], [0.25, 4.0], [8.0, 0.0]], dtype=np.float32),
    "zh/题/1": np.array([0.5, 3.0], dtype=np.float32),
    "th/2/0": np.zeros((0, 2), dtype=np.float32),
}


def test_arrays_of_unequal_length_come_back_under_their_names_and_in_their_shapes(tmp_path):
    save_ragged(tmp_path / "a" / "logits.safetensors", ARRAYS)
    found = load_ragged(tmp_path / "a" / "logits.safetensors")
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == np.float32 and found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)


def test_nothing_can_be_saved(tmp_path):
    save_ragged(tmp_path / "none.safetensors", {})
    assert load_ragged(tmp_path / "none.safetensors") == {}


def test_values_are_kept_in_half_precision(tmp_path):
    save_ragged(tmp_path / "x.safetensors", {"a": np.array([1 / 3], dtype=np.float32)})
    assert load_ragged(tmp_path / "x.safetensors")["a"][0] == np.float32(np.float16(1 / 3))


@pytest.mark.parametrize("kept", [0, 7, 0.5, -1])
def test_a_truncated_file_is_a_user_error(tmp_path, kept):
    path = tmp_path / "logits.safetensors"
    save_ragged(path, ARRAYS)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    with pytest.raises(
        UserError, match="is not a complete file of teacher logits .*; delete it and run again"
    ) as caught:
        load_ragged(path)
    assert "\n" not in str(caught.value)


def test_a_file_with_other_tensors_is_a_user_error(tmp_path):
    from safetensors.numpy import save_file

    save_file({"weights": np.zeros(3, dtype=np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match="not a complete file of teacher logits"):
        load_ragged(tmp_path / "model.safetensors")


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "logits.safetensors"
    save_ragged(path, ARRAYS)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            save_ragged(path, {"other": np.ones(2)})
    assert list(load_ragged(path)) == list(ARRAYS)
