from types import SimpleNamespace

from isogloss.translation.engines._sequences import batches_of_tokens, content_hash, licence, longest_source


def test_batches_hold_all_rows_once_and_no_more_than_their_tokens():
    lengths = [9, 8, 8, 5, 3, 3, 1, 40, 1]
    parts = list(batches_of_tokens(lengths, 16))
    assert [i for part in parts for i in range(*part.indices(len(lengths)))] == list(range(len(lengths)))
    for part in parts:
        rows = lengths[part]
        assert len(rows) == 1 or max(rows) * len(rows) <= 16
    assert list(batches_of_tokens([], 16)) == []
    assert len(list(batches_of_tokens([1] * 32, 16))) == 2


def test_the_longest_source_is_the_positions_or_the_tokenizers_limit_or_unknown():
    unknown, known = SimpleNamespace(model_max_length=10**30), SimpleNamespace(model_max_length=512)
    assert longest_source(SimpleNamespace(max_position_embeddings=1024), known) == 1024
    assert longest_source(SimpleNamespace(n_positions=256), unknown) == 256
    assert longest_source(SimpleNamespace(), known) == 512
    assert longest_source(SimpleNamespace(), unknown) is None


def test_a_content_hash_changes_with_a_file_and_not_with_the_card(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    first = content_hash(tmp_path)
    (tmp_path / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\nA card.")
    assert content_hash(tmp_path) == first
    assert licence(tmp_path) == "cc-by-nc-4.0"
    (tmp_path / "model.safetensors").write_bytes(b"x")
    assert content_hash(tmp_path) != first


def test_a_card_without_a_licence_states_none(tmp_path):
    assert licence(tmp_path) is None
    for text in ("no head", "---\n[\n---\n", "---\ntags: x\n---\n", "---\n- x\n---\n"):
        (tmp_path / "README.md").write_text(text)
        assert licence(tmp_path) is None
