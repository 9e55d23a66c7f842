import numpy as np
import pytest
import torch

from isogloss.data.collation import collator, model_inputs
from isogloss.kinds import Example, Lengths, Window, load_kind
from isogloss.losses import IGNORED
from isogloss.tasks import load_task

TASKS = {"classification": "sib200", "tagging": "xsid_slots", "question_answering": "xquad"}
LABELS = {"classification": 3, "tagging": [IGNORED, 2, IGNORED], "question_answering": (1, 2)}
IGNORING = {"classification": IGNORED, "tagging": [IGNORED] * 3, "question_answering": [IGNORED, IGNORED]}


@pytest.fixture(params=TASKS)
def kind(request, tokenizer):
    return load_kind(load_task(TASKS[request.param]), tokenizer, Lengths(48, 16, 16))


def example(*sides, teacher=None, name="1"):
    return Example(name, "de", 0, sides, teacher)


def test_sides_are_padded_each_to_its_own_longest(kind):
    label = LABELS[kind.name]
    wide = [IGNORED] * 5 if kind.name == "tagging" else label
    rows = [
        example(Window([0, 9, 2], label), Window([0, 8, 8, 8, 2], wide)),
        example(Window([0, 2]), Window([0, 2]), name="2"),
    ]
    batch = collator(kind)(rows)
    assert batch["input_ids"].tolist() == [[0, 9, 2], [0, 2, kind.pad_token_id]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]
    assert [side.shape for side in batch["translation_input_ids"]] == [(2, 5)]
    assert batch["ids"] == ["de/1/0", "de/2/0"]
    assert batch["labels"].tolist() == [
        list(label) if kind.name != "classification" else label,
        IGNORING[kind.name],
    ]


def test_a_side_that_an_example_lacks_is_all_padding_and_costs_nothing(kind):
    label = LABELS[kind.name]
    side = Window([0, 9, 2], label)
    batch = collator(kind)([example(side, side, side), example(side)])
    for number in (0, 1):
        assert batch["translation_attention_mask"][number].tolist() == [[1, 1, 1], [0, 0, 0]]
        assert batch["translation_labels"][number][1].tolist() == IGNORING[kind.name]
    assert "teacher_logits" not in batch


def test_logits_are_asked_for_where_there_is_a_label_or_a_teacher(kind):
    labelled, bare = Window([0, 9, 2], LABELS[kind.name]), Window([0, 9, 2])
    marked = Window([0, 9, 2], kind.no_label(3))  # as a kind makes it of an unlabelled text
    rows = [example(labelled, bare), example(marked, labelled), example(marked), example(bare, marked)]
    batch = collator(kind)(rows)
    assert batch["asked"].tolist() == [True, False, False, False]
    assert batch["translation_asked"][0].tolist() == [False, True, False, False]
    teacher = np.ones((3, 4), dtype=np.float32)
    taught = collator(kind)([example(marked, bare, teacher=teacher), example(bare, labelled, teacher=teacher)])
    assert taught["asked"].tolist() == [True, True]
    assert taught["translation_asked"][0].tolist() == [False, True]


def test_no_further_side_is_an_empty_list(kind):
    batch = collator(kind)([example(Window([0, 9, 2], LABELS[kind.name]))])
    assert batch["translation_input_ids"] == []


def test_the_model_reads_neither_names_nor_teacher(kind):
    teacher = np.ones((3, 4), dtype=np.float32)
    batch = collator(kind)([example(Window([0, 9, 2], LABELS[kind.name]), teacher=teacher)])
    assert set(batch) - set(model_inputs(batch)) == {"ids", "teacher_logits"}


def test_teacher_logits_are_padded_with_their_side(kind):
    rows = [
        example(Window([0, 9, 2], LABELS[kind.name]), teacher=np.full((3, 4), 2.0)),
        example(Window([0, 2]), teacher=np.full((2, 4), 5.0), name="2"),
    ]
    logits = collator(kind)(rows)["teacher_logits"]
    assert logits.shape == (2, 3, 4) and logits.dtype == torch.float32
    assert logits[:, :, 0].tolist() == [[2, 2, 2], [5, 5, 0]]


def test_teacher_logits_of_classes_are_one_row_each(kind):
    rows = [example(Window([0, 2]), teacher=np.arange(4.0)) for _ in range(2)]
    assert collator(kind)(rows)["teacher_logits"].tolist() == [[0, 1, 2, 3]] * 2


def test_a_teacher_that_skipped_an_example_is_an_error_and_not_a_zero(kind):
    rows = [example(Window([0, 2]), teacher=np.arange(4.0)), example(Window([0, 2]), name="7")]
    with pytest.raises(ValueError, match="no teacher logits for 1 examples of the batch, first de/7/0"):
        collator(kind)(rows)
