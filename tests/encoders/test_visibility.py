"""Properties of reading several sides together: section by section those that the official code has as well."""

import pytest
import torch
from transformers import (
    DebertaV2Config,
    DebertaV2Model,
    DistilBertConfig,
    DistilBertModel,
    LlamaConfig,
    LlamaModel,
    T5Config,
    T5EncoderModel,
)

from isogloss.encoders.visibility import encode, first_position, prepare
from isogloss.errors import UserError

LAYERS = 4
SCHEDULES = [(m, k) for m in range(LAYERS + 1) for k in range(LAYERS + 1 - m)]  # m + k = N and k = 0 among them
SOURCE = [[0, 41, 52, 63, 74, 85, 96, 2], [0, 30, 31, 32, 2, 1, 1, 1]]
OTHER = [[0, 20, 21, 22, 2], [0, 90, 80, 70, 2]]
TOLERANCE = {"atol": 1e-5, "rtol": 1e-5}


@pytest.fixture(scope="module", params=["xlm-roberta", "bert", "modernbert"])
def pair_of_encoders(request, make_encoder):
    """The same weights twice: as transformers made them, and prepared for visibility."""
    return make_encoder(request.param), prepare(make_encoder(request.param))


@pytest.fixture(scope="module")
def encoder(pair_of_encoders):
    return pair_of_encoders[1]


def side(rows, pad=1):
    """Ids and mask of one side."""
    ids = torch.tensor(rows)
    return ids, (ids != pad).long()


def fused(m, k):
    return range(m, m + k)


def read(encoder, sides, m=1, k=2):
    with torch.inference_mode():
        return encode(encoder, sides, fused(m, k))


def plain(model, ids, mask):
    with torch.inference_mode():
        return model(input_ids=ids, attention_mask=mask).last_hidden_state


def assert_equal_where_real(states, expected, mask):
    torch.testing.assert_close(states[mask.bool()], expected[mask.bool()], **TOLERANCE)


@pytest.mark.parametrize(("m", "k"), SCHEDULES)
def test_a_text_beside_itself_is_read_like_the_plain_encoder_on_both_sides(pair_of_encoders, m, k):
    model, encoder = pair_of_encoders
    ids, mask = side(SOURCE)
    expected = plain(model, ids, mask)
    for states in read(encoder, [(ids, mask), (ids, mask)], m, k):
        assert_equal_where_real(states, expected, mask)


@pytest.mark.parametrize(("m", "k"), [(0, 4), (1, 1), (2, 2), (3, 1)])
def test_exchanging_the_sides_exchanges_the_states(encoder, m, k):
    first, second = side(SOURCE), side(OTHER)
    a, b = read(encoder, [first, second], m, k)
    c, d = read(encoder, [second, first], m, k)
    assert_equal_where_real(a, d, first[1])
    assert_equal_where_real(b, c, second[1])


@pytest.mark.parametrize("m", range(LAYERS + 1))
def test_zero_fusion_layers_are_the_plain_encoder_whatever_lies_beside(pair_of_encoders, m):
    model, encoder = pair_of_encoders
    first, second = side(SOURCE), side(OTHER)
    a, b = read(encoder, [first, second], m, 0)
    assert_equal_where_real(a, plain(model, *first), first[1])
    assert_equal_where_real(b, plain(model, *second), second[1])


def test_fusion_lets_the_translation_change_the_text(encoder):
    first = side(SOURCE)
    alone = read(encoder, [first])[0]
    beside = read(encoder, [first, side(OTHER)])[0]
    assert (alone - beside)[first[1].bool()].abs().max() > 1e-2


def padded(ids, mask, left, right, middle):
    """The same side with padding around it and after its second token; only the mask tells what is padding."""
    filler = 17  # not the padding id: places are padding because the mask says so
    pieces, masks = [], []
    for width, part in ((left, slice(0, 0)), (0, slice(0, 2)), (middle, slice(0, 0)), (0, slice(2, None))):
        pieces += [torch.full((len(ids), width), filler), ids[:, part]]
        masks += [torch.zeros(len(ids), width, dtype=torch.long), mask[:, part]]
    pieces.append(torch.full((len(ids), right), filler))
    masks.append(torch.zeros(len(ids), right, dtype=torch.long))
    return torch.cat(pieces, 1), torch.cat(masks, 1)


@pytest.mark.parametrize("place", ["left", "right", "middle"])
@pytest.mark.parametrize("which", ["source", "translation", "both"])
def test_padding_of_any_amount_and_place_changes_nothing(encoder, place, which):
    first, second = side(SOURCE), side(OTHER)
    expected = read(encoder, [first, second])
    for amount in (1, 5):
        around = {"left": 0, "right": 0, "middle": 0} | {place: amount}
        sides = [padded(*first, **around) if which != "translation" else first]
        sides.append(padded(*second, **around) if which != "source" else second)
        for states, before, (_, mask), (_, old) in zip(
            read(encoder, sides), expected, sides, (first, second), strict=True
        ):
            torch.testing.assert_close(states[mask.bool()], before[old.bool()], **TOLERANCE)


def test_a_missing_second_side_is_the_one_sided_call(pair_of_encoders):
    model, encoder = pair_of_encoders
    ids, mask = side(SOURCE)
    second, half = side(OTHER)
    half = half.clone()
    half[1] = 0  # the second example has no translation
    states = read(encoder, [(ids, mask), (second, half)])[0]
    assert_equal_where_real(states[1:], plain(model, ids, mask)[1:], mask[1:])
    everything_missing = read(encoder, [(ids, mask), (second, torch.zeros_like(half))])[0]
    assert_equal_where_real(everything_missing, read(encoder, [(ids, mask)])[0], mask)
    assert torch.isfinite(states).all() and torch.isfinite(everything_missing).all()


def test_three_sides_work_and_the_order_of_the_further_ones_does_not_matter(encoder):
    first, second, third = side(SOURCE), side(OTHER), side([[0, 44, 2], [0, 55, 2]])
    a = read(encoder, [first, second, third])
    b = read(encoder, [first, third, second])
    assert_equal_where_real(a[0], b[0], first[1])
    assert_equal_where_real(a[1], b[2], second[1])
    two = read(encoder, [first, second])[0]
    assert (a[0] - two)[first[1].bool()].abs().max() > 1e-3


def test_examples_of_a_batch_do_not_see_each_other(encoder):
    first, second = side(SOURCE), side(OTHER)
    together = read(encoder, [first, second])[0]
    for row in (0, 1):
        alone = read(encoder, [(x[row : row + 1], m[row : row + 1]) for x, m in (first, second)])[0]
        assert_equal_where_real(alone, together[row : row + 1], first[1][row : row + 1])


def test_modernbert_looks_as_far_as_its_sliding_window(make_encoder):
    model, encoder = make_encoder("modernbert"), prepare(make_encoder("modernbert"))
    assert model.config.local_attention < 20
    ids, mask = side([[0, *range(30, 68), 2]])
    assert_equal_where_real(read(encoder, [(ids, mask)])[0], plain(model, ids, mask), mask)
    assert_equal_where_real(read(encoder, [(ids, mask), (ids, mask)])[0], plain(model, ids, mask), mask)


def test_a_prepared_encoder_is_still_the_plain_encoder_when_called_plainly(pair_of_encoders):
    model, encoder = pair_of_encoders
    ids, mask = side(SOURCE)
    torch.testing.assert_close(plain(encoder, ids, mask), plain(model, ids, mask), **TOLERANCE)


def test_preparing_twice_is_preparing_once(make_encoder):
    once = prepare(make_encoder())
    ids, mask = side(SOURCE)
    states = read(once, [(ids, mask), side(OTHER)])[0]
    torch.testing.assert_close(read(prepare(once), [(ids, mask), side(OTHER)])[0], states, rtol=0, atol=0)


def test_preparing_keeps_the_training_mode(make_encoder):
    assert prepare(make_encoder().train()).training
    assert not prepare(make_encoder().eval()).training


def test_positions_begin_after_the_padding_index_of_roberta_like_encoders(make_encoder):
    assert first_position(make_encoder("xlm-roberta")) == 2
    assert first_position(make_encoder("bert")) == 0


SIZE = {
    "vocab_size": 99,
    "hidden_size": 16,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "intermediate_size": 32,
}
REFUSED = {
    "DebertaV2Model": lambda: DebertaV2Model(DebertaV2Config(**SIZE)),
    "DistilBertModel": lambda: DistilBertModel(DistilBertConfig(vocab_size=99, dim=16, n_layers=2, n_heads=2)),
    "LlamaModel": lambda: LlamaModel(LlamaConfig(**SIZE)),  # causal
    "T5EncoderModel": lambda: T5EncoderModel(  # adds a bias to the scores
        T5Config(vocab_size=99, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2)
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_encoder_that_visibility_cannot_steer_is_refused_in_one_line(name, capfd):
    torch.manual_seed(0)
    with pytest.raises(UserError, match=f"^{name} cannot be used: ") as caught:
        prepare(REFUSED[name]())
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""
