import math

import pytest
import torch

from isogloss.losses import (
    IGNORED,
    cross_entropy,
    kl_divergence,
    ranking_cross_entropy,
    relevance_cross_entropy,
    span_cross_entropy,
    span_kl_divergence,
    weighted_mean,
)

UNIFORM = torch.zeros(2, 3)
SURE = torch.tensor([[50.0, 0, 0], [0, 50.0, 0]])


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), requires_grad=True)


def test_a_uniform_student_costs_log_c_against_labels_and_against_a_sure_teacher():
    assert cross_entropy(UNIFORM, torch.tensor([0, 1])).item() == pytest.approx(math.log(3))
    assert kl_divergence(UNIFORM, SURE, 1.0).item() == pytest.approx(math.log(3), rel=1e-5)


def test_a_student_that_equals_its_teacher_costs_nothing():
    assert kl_divergence(SURE, SURE, 2.0).item() == pytest.approx(0, abs=1e-6)
    logits = random(4, 5)
    assert kl_divergence(logits, logits.detach(), 0.5).item() == pytest.approx(0, abs=1e-6)


def test_kl_is_from_teacher_to_student():
    p, q = torch.tensor([[0.9, 0.1]]), torch.tensor([[0.5, 0.5]])
    expected = 0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5)
    assert kl_divergence(q.log(), p.log(), 1.0).item() == pytest.approx(expected, rel=1e-5)


def test_temperature_divides_the_logits_and_its_square_multiplies_the_loss():
    student, teacher = random(3, 4), random(3, 4, seed=1)
    expected = kl_divergence(student / 3, teacher / 3, 1.0) * 9
    torch.testing.assert_close(kl_divergence(student, teacher, 3.0), expected)


@pytest.mark.parametrize("copies", [2, 5])
def test_a_batch_of_copies_costs_what_one_costs(copies):
    logits, teacher, labels = random(2, 3), random(2, 3, seed=1), torch.tensor([2, 0])
    many = logits.repeat(copies, 1)
    torch.testing.assert_close(cross_entropy(many, labels.repeat(copies)), cross_entropy(logits, labels))
    torch.testing.assert_close(kl_divergence(many, teacher.repeat(copies, 1), 2.0), kl_divergence(logits, teacher, 2.0))
    spans, answers, real = random(2, 5, 2), torch.tensor([[1, 2], [0, 0]]), torch.ones(2, 5)
    several = span_cross_entropy(spans.repeat(copies, 1, 1), answers.repeat(copies, 1), real.repeat(copies, 1))
    torch.testing.assert_close(several, span_cross_entropy(spans, answers, real))


def test_ignored_labels_do_not_count():
    logits = random(2, 3, 4)
    labels = torch.tensor([[1, IGNORED, 2], [IGNORED, IGNORED, IGNORED]])
    torch.testing.assert_close(cross_entropy(logits, labels), cross_entropy(logits[0, [0, 2]], torch.tensor([1, 2])))


def test_more_classes_do_not_weaken_the_kl():
    """The released code's element mean would halve it."""
    wide = torch.cat([SURE, torch.full((2, 3), -1e4)], 1)
    student = torch.cat([UNIFORM, torch.full((2, 3), -1e4)], 1)
    torch.testing.assert_close(kl_divergence(student, wide, 1.0), kl_divergence(UNIFORM, SURE, 1.0))


def test_a_uniform_answer_costs_the_logarithm_of_the_real_length():
    real = torch.tensor([[1, 1, 1, 1, 0, 0]])
    loss = span_cross_entropy(torch.zeros(1, 6, 2), torch.tensor([[1, 2]]), real)
    assert loss.item() == pytest.approx(math.log(4))


@pytest.mark.parametrize("where", ["left", "right"])
def test_padding_changes_no_answer_loss(where):
    logits, teacher, real = random(2, 5, 2), random(2, 5, 2, seed=1), torch.tensor([[1] * 5, [1, 1, 1, 0, 0]])
    labels = torch.tensor([[1, 3], [0, 2]])
    width, shift = ((3, 0), 3) if where == "left" else ((0, 3), 0)
    wide = torch.nn.functional.pad(logits, (0, 0, *width), value=99.0)  # would win if padding took part
    wide_teacher = torch.nn.functional.pad(teacher, (0, 0, *width), value=-77.0)
    wide_real = torch.nn.functional.pad(real, width)
    torch.testing.assert_close(
        span_cross_entropy(wide, labels + shift, wide_real), span_cross_entropy(logits, labels, real)
    )
    torch.testing.assert_close(
        span_kl_divergence(wide, wide_teacher, 2.0, wide_real), span_kl_divergence(logits, teacher, 2.0, real)
    )


def test_an_answer_kl_is_per_example_not_over_the_whole_batch():
    student, teacher, real = random(2, 4, 2), random(2, 4, 2, seed=1), torch.ones(2, 4)
    each = [span_kl_divergence(student[i : i + 1], teacher[i : i + 1], 1.0, real[:1]) for i in (0, 1)]
    torch.testing.assert_close(span_kl_divergence(student, teacher, 1.0, real), sum(each) / 2)


def test_an_example_without_a_teacher_does_not_count():
    student, teacher = random(2, 4, 2), random(2, 4, 2, seed=1)
    half = torch.tensor([[1, 1, 1, 1], [0, 0, 0, 0]])
    torch.testing.assert_close(
        span_kl_divergence(student, teacher, 1.0, half),
        span_kl_divergence(student[:1], teacher[:1], 1.0, half[:1]),
    )


def test_tokens_that_are_not_real_do_not_count_in_the_kl():
    student, teacher = random(1, 4, 3), random(1, 4, 3, seed=1)
    real = torch.tensor([[1, 1, 0, 0]])
    torch.testing.assert_close(
        kl_divergence(student, teacher, 1.0, real), kl_divergence(student[:, :2], teacher[:, :2], 1.0)
    )


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: cross_entropy(x, torch.full((2, 4), IGNORED)),
        lambda x: span_cross_entropy(x, torch.full((2, 2), IGNORED), torch.zeros(2, 4)),
        lambda x: span_cross_entropy(x, torch.full((2, 2), IGNORED), torch.ones(2, 4)),
        lambda x: kl_divergence(x, x.detach() + 1, 1.0, torch.zeros(2, 4)),
        lambda x: span_kl_divergence(x, -x.detach(), 1.0, torch.zeros(2, 4)),
    ],
    ids=["no labels", "no side", "no answers", "no real tokens", "no teacher"],
)
def test_nothing_to_learn_costs_zero_with_a_finite_zero_gradient(loss):
    logits = random(2, 4, 2)
    value = loss(logits)
    value.backward()
    assert value.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_one_missing_side_in_a_batch_leaves_the_gradient_finite():
    logits, real = random(2, 4, 2), torch.tensor([[1, 1, 1, 0], [0, 0, 0, 0]])
    span_cross_entropy(logits, torch.tensor([[1, 2], [IGNORED, IGNORED]]), real).backward()
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[0].abs().max() > 0
    assert logits.grad[1].abs().max() == 0


def test_half_precision_logits_are_summed_in_float32():
    logits = torch.zeros(70_000, 2, dtype=torch.float16)
    assert cross_entropy(logits, torch.zeros(70_000, dtype=torch.long)).item() == pytest.approx(math.log(2), rel=1e-4)


def test_an_answer_that_scores_as_its_negatives_costs_the_log_of_their_number():
    losses = ranking_cross_entropy(torch.zeros(2, 5), torch.tensor([0, 3]))
    torch.testing.assert_close(losses, torch.full((2,), math.log(5)))


def test_a_hidden_document_is_no_negative_and_an_answer_is_never_hidden():
    scores, answers = random(3, 4), torch.tensor([0, 2, 3])
    hidden = torch.zeros(3, 4, dtype=torch.bool)
    hidden[:, 1] = True
    hidden[0, 0] = True
    shown = scores[:, [0, 2, 3]]
    expected = ranking_cross_entropy(shown, torch.tensor([0, 1, 2]))
    losses = ranking_cross_entropy(scores, answers, hidden)
    torch.testing.assert_close(losses, expected)
    losses.sum().backward()
    assert scores.grad is not None and scores.grad[:, 1].abs().max() == 0


def test_a_query_whose_documents_are_all_hidden_but_its_answer_costs_nothing():
    hidden = torch.tensor([[False, True, True]])
    assert ranking_cross_entropy(random(1, 3), torch.tensor([0]), hidden).item() == pytest.approx(0, abs=1e-6)


def test_relevance_costs_log_two_where_nothing_is_known_and_little_where_all_is_right():
    relevant = torch.tensor([[1, 0, 0], [1, 0, 0]])
    hidden = torch.tensor([[False, False, False], [False, False, True]])
    torch.testing.assert_close(
        relevance_cross_entropy(torch.zeros(2, 3), relevant, hidden), torch.full((2,), math.log(2))
    )
    scores = torch.tensor([[50.0, -50, -50], [50.0, -50, 50]])
    assert relevance_cross_entropy(scores, relevant, hidden).max() < 1e-6


def test_a_weighted_mean_is_that_of_copies_and_nothing_counts_nothing():
    losses = random(3)
    copies = losses[[0, 0, 2]]
    torch.testing.assert_close(weighted_mean(losses, torch.tensor([2.0, 0, 1])), copies.mean())
    assert weighted_mean(losses, torch.zeros(3)).item() == 0
