"""Beam search over the recurrent decoder against searches that leave nothing out, and the paper's pruning."""

import itertools
import math
from dataclasses import replace

import pytest
import torch

from isogloss.translation._gnmt_network import LSTMTranslator, Shape
from isogloss.translation._gnmt_search import Words, _begun, _pruned, beam_search
from isogloss.translation.decoding import hypothesis_score, ranked
from isogloss.translation.engines._sequences import Candidate
from isogloss.translation.translator import Decoding, Hypothesis

WORDS = Words(start=6, end=0, pad=6, never=(5, 6))  # five pieces can be written
SOURCES = [[2, 3, 4, 1, 0], [4, 4, 0], [1, 0]]
LONGEST = 4
EVERYTHING = Decoding(beam=5**LONGEST, hypotheses=5**LONGEST, length="none")


@pytest.fixture(scope="module", params=["current", "previous"])
def network(request):
    torch.manual_seed(3)
    made = LSTMTranslator(Shape(pieces=7, hidden=8, layers=3, query=request.param, residual=True, bound=1.0)).eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.mul_(3)  # sure of some things and not of others
    return made


@torch.inference_mode()
def said(network, source, ids):
    """Log-probability of a translation and the attention it gave to each source token, from one forward pass."""
    before = torch.tensor([[WORDS.start, *ids[:-1]]])
    memory = network.encode(torch.tensor([source]), torch.ones(1, len(source)))
    outputs, weights, _ = network.decode(before, memory)
    steps = WORDS.log_probabilities(network.logits(outputs))[0]
    return steps[range(len(ids)), ids].sum().item(), weights[0].sum(0).tolist()


def everything(longest):
    """All translations of at most so many tokens."""
    for length in range(longest):
        for words in itertools.product(range(1, 5), repeat=length):
            yield [*words, WORDS.end]


def test_a_beam_as_wide_as_everything_finds_everything(network):
    found = beam_search(network, SOURCES, [LONGEST] * 3, WORDS, EVERYTHING)
    for source, candidates in zip(SOURCES, found, strict=True):
        assert sorted(map(tuple, (c.ids for c in candidates))) == sorted(map(tuple, everything(LONGEST)))
        for candidate in candidates[::9]:
            log_probability, attention = said(network, source, candidate.ids)
            assert candidate.log_probability == pytest.approx(log_probability, abs=1e-4)
            assert candidate.attention == pytest.approx(attention, abs=1e-5)


@pytest.mark.parametrize(
    ("length", "alpha", "coverage"), [("none", 0, 0), ("power", 1, 0), ("gnmt", 0.2, 0.2), ("gnmt", 1, 2)]
)
def test_the_best_is_that_of_a_scorer_that_tries_all(network, length, alpha, coverage):
    decoding = Decoding(beam=5**LONGEST, length=length, alpha=alpha, coverage=coverage)
    found = beam_search(network, SOURCES[:2], [LONGEST] * 2, WORDS, decoding)
    for source, candidates in zip(SOURCES, found, strict=False):
        scores = {}
        for ids in everything(LONGEST):
            log_probability, attention = said(network, source, ids)
            divisor = {"none": 1, "power": len(ids) ** alpha, "gnmt": ((5 + len(ids)) / 6) ** alpha}[length]
            penalty = coverage * sum(math.log(min(total, 1)) for total in attention)
            scores[str(ids)] = log_probability / divisor + penalty
        hypotheses = [Hypothesis(str(c.ids), c.log_probability, len(c.ids), tuple(c.attention)) for c in candidates]
        best = ranked(hypotheses, decoding)[0]
        assert hypothesis_score(best, decoding) == pytest.approx(max(scores.values()), abs=1e-4)
        assert scores[best.text] == pytest.approx(max(scores.values()), abs=1e-4)


def test_a_beam_of_one_takes_the_best_piece_at_every_step(network):
    for source, found in zip(SOURCES, beam_search(network, SOURCES, [9] * 3, WORDS, Decoding(beam=1)), strict=True):
        ids = []
        memory = network.encode(torch.tensor([source]), torch.ones(1, len(source)))
        while len(ids) < 9 and ids[-1:] != [WORDS.end]:
            outputs = network.decode(torch.tensor([[WORDS.start, *ids]]), memory)[0]
            ids.append(WORDS.log_probabilities(network.logits(outputs))[0, -1].argmax().item())
        assert [c.ids for c in found] == ([ids] if ids[-1] == WORDS.end else [])


def test_company_and_the_limits_of_others_change_nothing(network):
    together = beam_search(network, SOURCES, [6, 3, 2], WORDS, Decoding(beam=3))
    for source, most, found in zip(SOURCES, (6, 3, 2), together, strict=True):
        alone = beam_search(network, [source], [most], WORDS, Decoding(beam=3))[0]
        assert [c.ids for c in alone] == [c.ids for c in found] and all(len(c.ids) <= most for c in found)
        for one, other in zip(alone, found, strict=True):
            assert one.log_probability == pytest.approx(other.log_probability, abs=1e-5)
            assert one.attention == pytest.approx(other.attention, abs=1e-5)


def test_what_is_never_written_has_no_part_of_the_probability():
    shares = WORDS.log_probabilities(torch.randn(3, 7)).exp()
    assert shares[:, list(WORDS.never)].eq(0).all()
    torch.testing.assert_close(shares.sum(-1), torch.ones(3))


def test_pruning_drops_pieces_that_are_far_behind_the_best_of_their_place(network):
    wide = beam_search(network, SOURCES, [LONGEST] * 3, WORDS, EVERYTHING)
    for margin in (0.5, 1.5):
        narrow = beam_search(network, SOURCES, [LONGEST] * 3, WORDS, EVERYTHING, margin)
        for source, kept, whole in zip(SOURCES, narrow, wide, strict=True):
            assert len(kept) < len(whole)
            memory = network.encode(torch.tensor([source]), torch.ones(1, len(source)))
            for candidate in kept:
                before = torch.tensor([[WORDS.start, *candidate.ids[:-1]]])
                steps = WORDS.log_probabilities(network.logits(network.decode(before, memory)[0]))[0]
                chosen = steps[range(len(candidate.ids)), candidate.ids]
                assert (chosen >= steps.amax(-1) - margin - 1e-5).all()


def test_pruning_drops_hypotheses_that_are_far_behind_one_that_ended(network):
    begun = _begun(network, SOURCES[:2], WORDS, 4)
    beams = replace(begun, scores=torch.tensor([[-1.0, -3.9, -4.1, -math.inf], [-9.0, -19.0, -29.0, -39.0]]))
    ended = [[Candidate([1, 0], True, -1.0), Candidate([0], True, -5.0)], []]
    plain = _pruned(beams, ended, 3, Decoding(length="none"), 3.0)
    assert plain.scores.isfinite().tolist() == [[True, True, False, False], [True] * 4]
    # GNMT's rule divides them by 8/6 and the best that ended by 7/6: -3.9 and -4.1 count as -2.93 and -3.08
    normalised = _pruned(beams, ended, 3, Decoding(length="gnmt", alpha=1.0), 2.15)
    assert normalised.scores.isfinite().tolist() == [[True, True, False, False], [True] * 4]
