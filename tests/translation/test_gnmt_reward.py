"""The second stage of GNMT: its gradient is that of the expected reward, it draws what it says, and rewards rise."""

import math
from dataclasses import replace
from itertools import product

import pytest
import torch
import toy_language
from helpers import Stopped
from safetensors.torch import load_file
from toy_language import sentences, toy_job

from isogloss.errors import UserError
from isogloss.losses import IGNORED
from isogloss.metrics.translation import sentence_gleu
from isogloss.translation._gnmt_network import LSTMTranslator, Shape
from isogloss.translation._gnmt_reward import drawn, log_probabilities, pieces_of, reinforced, rewarded_loss
from isogloss.translation._gnmt_search import Words
from isogloss.translation._gnmt_translator import LSTMEngine
from isogloss.translation.gnmt import Method, Settings

END, PAD = 0, 1
WORDS = Words(start=PAD, end=END, pad=PAD, never=(PAD, 4))
SOURCES = torch.tensor([[2, 3, 0, 1], [3, 2, 2, 0]])
MASK = SOURCES != PAD
BATCH = {
    "input_ids": SOURCES,
    "attention_mask": MASK.long(),
    "labels": torch.tensor([[2, 3, END], [3, END, IGNORED]]),
}
SMALL = {
    "vocabulary": 60, "layers": 2, "hidden": 32, "dropout": 0.0, "check_languages": False, "leave_out_tested": False,
}  # fmt: skip


@pytest.fixture
def network():
    torch.manual_seed(1)
    return LSTMTranslator(Shape(pieces=5, hidden=8, layers=2, query="current", residual=True, bound=1.0))


def every_translation(most):
    """All that can be written with two pieces, in at most so many tokens with the end, or cut off there."""
    for length in range(most + 1):
        for pieces in product((2, 3), repeat=length):
            if length < most:
                yield [*pieces, END]
            else:
                yield [*pieces]


def said_by(network, memory, translations):
    """The log-probability of each translation by each source of the memory, (B, N)."""
    length = max(map(len, translations))
    tokens = torch.tensor([row + [PAD] * (length - len(row)) for row in translations])
    rows = [memory.chosen(torch.full((len(tokens),), i)) for i in range(len(memory.states))]
    return torch.stack([log_probabilities(network, each, tokens, WORDS) for each in rows])


def test_all_that_can_be_written_has_a_probability_of_one_in_all(network):
    memory = network.encode(SOURCES, MASK)
    said = said_by(network, memory, list(every_translation(4)))
    torch.testing.assert_close(said.exp().sum(1), torch.ones(2))


def test_the_gradient_is_on_average_that_of_the_expected_reward(network):
    """Enumerated: every translation of at most three tokens, and every way to draw two of them."""
    translations = list(every_translation(3))
    rewards = torch.tensor([sentence_gleu([t for t in row if t != END], [2, 3]) for row in translations])
    assert len(set(rewards.tolist())) > 3

    def gradient_of(value):
        return torch.cat([each.flatten() for each in torch.autograd.grad(value, list(network.parameters()))])

    said = said_by(network, network.encode(SOURCES, MASK), translations)
    wanted = gradient_of(-(said.exp() * rewards).sum(1).mean())
    said = said_by(network, network.encode(SOURCES, MASK), translations)
    pairs = list(product(range(len(translations)), repeat=2))
    weights = [(said[:, a] + said[:, b]).exp().detach() for a, b in pairs]
    found = sum(
        reinforced(rewards[[a, b]][None], said[i, [a, b]][None]) * weight[i] / 2
        for (a, b), weight in zip(pairs, weights, strict=True)
        for i in range(2)
    )
    assert found.item() == pytest.approx(-(said.exp() * rewards).sum(1).mean().item(), abs=1e-5)
    torch.testing.assert_close(gradient_of(found), wanted, atol=1e-6, rtol=1e-4)
    assert wanted.abs().max() > 1e-3


def test_the_baseline_is_the_mean_of_the_siblings():
    rewards, said = torch.tensor([[1.0, 0.0, 0.5]]), torch.zeros(1, 3, requires_grad=True)
    loss = reinforced(rewards, said)
    assert loss.item() == pytest.approx(-0.5)
    loss.backward()
    siblings = torch.tensor([[0.25, 0.75, 0.5]])
    torch.testing.assert_close(said.grad, -(rewards - siblings) / 3)


def test_translations_are_drawn_as_often_as_they_are_likely(network):
    torch.manual_seed(2)
    memory, often = network.encode(SOURCES, MASK), 3000
    made = drawn(network, memory.chosen(torch.arange(2).repeat_interleave(often)), WORDS, 3)
    assert made.shape == (2 * often, 3)
    translations = list(every_translation(3))
    shares = said_by(network, memory, translations).exp()
    for source, rows in enumerate(made.view(2, often, 3).tolist()):
        for number, wanted in enumerate(translations):
            count = sum(row == wanted + [PAD] * (3 - len(wanted)) for row in rows)
            share = shares[source, number].item()
            assert abs(count / often - share) < 4.5 * math.sqrt(share * (1 - share) / often)


def test_the_loss_is_the_mean_reward_and_the_likelihood_of_the_targets(network):
    loss = {}
    for likelihood in (0.0, 0.5):
        torch.manual_seed(3)
        loss[likelihood] = rewarded_loss(network, BATCH, WORDS, 4, likelihood)
    torch.manual_seed(3)
    memory = network.encode(SOURCES, MASK)
    made = drawn(network, memory.chosen(torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])), WORDS, 13)
    wanted = [[2, 3]] * 4 + [[3]] * 4
    rewards = [sentence_gleu(ids, ref) for ids, ref in zip(pieces_of(made, WORDS), wanted, strict=True)]
    assert loss[0.0].item() == pytest.approx(-sum(rewards) / 8)
    nats = -(said_by(network, memory, [[2, 3, END]])[0] + said_by(network, memory, [[3, END]])[1]) / 2
    assert (loss[0.5] - loss[0.0]).item() == pytest.approx(0.5 * nats.item(), rel=1e-5)
    loss[0.0].backward()
    assert all(each.grad.isfinite().all() for each in network.parameters())


def test_the_scores_are_those_of_the_translator(tmp_path):
    made = Method(Settings(**SMALL))
    toy_language.trained(toy_job(tmp_path, settings=made.settings, languages=("de", "en")), made)
    engine, texts = LSTMEngine(tmp_path), [("one two three", "eins zwei drei"), ("six", "sechs sieben")]
    ids, mask = engine.words.padded(engine.tagged.source_ids([text for text, _ in texts], "en", "de"), engine.device)
    tokens, _ = engine.words.padded(engine.tagged.target_ids([text for _, text in texts]), engine.device)
    with torch.no_grad():
        found = log_probabilities(engine.network, engine.network.encode(ids, mask), tokens, engine.words)
    assert found.tolist() == pytest.approx([sum(row) for row in engine.score(texts, "en", "de")], abs=1e-4)


def mean_gleu(folder):
    """What a run's drawn translations of the training sentences get on average."""
    engine = LSTMEngine(folder)
    sources, targets = ([each.text for each in sentences("train", tag)] for tag in ("en", "de"))
    ids, mask = engine.words.padded(engine.tagged.source_ids(sources, "en", "de"), engine.device)
    references = engine.tagged.target_ids(targets)
    torch.manual_seed(1)
    with torch.no_grad():
        memory = engine.network.encode(ids, mask).chosen(torch.arange(len(sources)).repeat_interleave(10))
        made = pieces_of(drawn(engine.network, memory, engine.words, 20), engine.words)
    gleu = [sentence_gleu(row, references[i // 10][:-1]) for i, row in enumerate(made)]
    return sum(gleu) / len(gleu)


def test_from_a_run_of_the_first_stage_the_mean_reward_rises(tmp_path):
    first = Method(Settings(**SMALL))
    job = toy_job(tmp_path / "first", settings=first.settings, languages=("de", "en"), updates=50, learning_rate=2e-2)
    toy_language.trained(job, first)
    second = Method(Settings(**(SMALL | {"samples": 8, "dropout": 0.3})))
    job = toy_job(
        tmp_path / "second", settings=second.settings, languages=("de", "en"), encoder=str(tmp_path / "first"),
        updates=40, learning_rate=3e-3,
    )  # fmt: skip
    network, report = toy_language.trained(job, second)
    before, after = mean_gleu(tmp_path / "first"), mean_gleu(tmp_path / "second")
    assert 0.2 < before < 0.8 and after > before + 0.1, (before, after)
    assert network.dropout == 0 and network.shape.hidden == 32
    assert report.loss < report.curve[0][1]


def test_a_second_stage_that_was_stopped_goes_on_with_the_same_draws(tmp_path):
    first, calls = Method(Settings(**SMALL)), []
    toy_language.trained(toy_job(tmp_path / "first", settings=first.settings, updates=20, learning_rate=2e-2), first)

    class Stopping(Method):
        def loss(self, network, batch):
            calls.append(1)
            if len(calls) == 4:
                raise Stopped
            return super().loss(network, batch)

    def second(folder, kind=Method):
        made = kind(replace(first.settings, samples=3))
        given = {"encoder": str(tmp_path / "first"), "updates": 4, "save_every": 2}
        return toy_language.trained(toy_job(tmp_path / folder, settings=made.settings, **given), made)

    second("whole")
    with pytest.raises(Stopped):
        second("stopped", Stopping)
    second("stopped")
    weights, again = (load_file(tmp_path / folder / "model.safetensors") for folder in ("whole", "stopped"))
    for name, weight in weights.items():
        torch.testing.assert_close(again[name], weight)


def test_likelihood_can_go_on_from_a_run_too(tmp_path):
    first = Method(Settings(**SMALL))
    toy_language.trained(toy_job(tmp_path / "first", settings=first.settings, updates=20, learning_rate=2e-2), first)
    again = Method(replace(first.settings, dropout=0.1, hidden=64, bound=2.0))  # its shape is the run's
    job = toy_job(
        tmp_path / "again", settings=again.settings, encoder=str(tmp_path / "first"), updates=20, learning_rate=1e-2
    )
    network, report = toy_language.trained(job, again)
    assert network.shape == LSTMEngine(tmp_path / "first").network.shape and network.dropout == 0.1
    assert report.curve[-1][1] < report.curve[0][1] and network.bound == 1.0


@pytest.mark.parametrize(
    ("wrong", "encoder", "complaint"),
    [
        ({"samples": 15}, "new", "the second stage begins where the first has ended; add --encoder RUN"),
        ({"samples": 1}, "new", "samples = 1, likelihood = 0.017: draw 2 translations"),
        ({"samples": 2, "likelihood": -1.0}, "new", "likelihood = -1.0"),
        ({"samples": 2}, "tiny", "trains a network of its own, not tiny"),
        ({"samples": 2}, ".", "cannot be read"),
    ],
)
def test_a_second_stage_without_a_first_is_told(tmp_path, wrong, encoder, complaint):
    settings = Settings(**(SMALL | wrong))
    with pytest.raises(UserError, match=complaint):
        Method(settings).examples(toy_job(tmp_path, settings=settings, encoder=encoder))
