"""Scores of candidates read together: who changes whose, what is trained on, and that it learns."""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from toy_ranking import NAMES, SHORT, collection, finished, job, queries
from transformers import XLMRobertaConfig, XLMRobertaModel

from isogloss.encoders import load_encoder, load_tokenizer
from isogloss.encoders.candidates import encode_candidates, text_means
from isogloss.encoders.visibility import encode
from isogloss.errors import UserError
from isogloss.kinds import Lengths
from isogloss.losses import IGNORED
from isogloss.records import Document, RankedQuery
from isogloss.retrieval._pair_tokens import PairTokens
from isogloss.retrieval._pool_tokens import PoolTokens, pool_rows
from isogloss.retrieval._uni_network import with_mask
from isogloss.retrieval.uni_encoder import Method, PoolScorer, Settings
from isogloss.train_settings import TrainSettings
from isogloss.training import fit
from isogloss.tuning import recomputed

MASKS = ("one_way", "arrow", "diag", "square")
INNER = "inner_product"  # of means, under the usual mask
TEXTS = ["Where is A?", "B ist im Gasthof", "hotel", "Wo ist the room for two people in Berlin at nine?"]
CLOSE = {"atol": 1e-5, "rtol": 0}


@pytest.fixture(scope="module")
def scorer_of(encoder_folder):
    """A function from settings to a scorer with the same weights every time."""
    tokens = PoolTokens(PairTokens(load_tokenizer(encoder_folder), SHORT, "start"))

    def make(**chosen):
        torch.manual_seed(1)  # of the head
        made = Settings(**chosen)
        return PoolScorer("toy", with_mask(load_encoder(encoder_folder), made.mask, score=made.score), tokens, made)

    return make


@pytest.fixture(scope="module")
def scorers(scorer_of):
    return {mask: scorer_of(mask=mask) for mask in MASKS} | {INNER: scorer_of(score=INNER)}


def prepared(encoder, *, lengths=SHORT, records=None, **chosen):
    """A method, its job, and its network in evaluation, so that nothing is drawn."""
    method = Method(Settings(**chosen))
    made = job(encoder, "uni_encoder", method.settings, lengths=lengths, records=records)
    torch.manual_seed(1)
    return method, made, method.build(made).eval()


@given(
    st.sampled_from((*MASKS, INNER)),
    st.lists(st.sampled_from(TEXTS), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_shuffling_the_candidates_shuffles_the_scores(scorers, mask, documents, random):
    order = random.sample(range(len(documents)), len(documents))
    (row,) = scorers[mask].scores(["Wo ist A?"], [documents])
    beside, turned = scorers[mask].scores(["hotel", "Wo ist A?"], [TEXTS, [documents[i] for i in order]])
    np.testing.assert_allclose(turned, row[order], **CLOSE)
    assert row.dtype == np.float32 and beside.shape == (len(TEXTS),)


@given(st.lists(st.sampled_from(TEXTS), max_size=6), st.sampled_from(["one_way", "diag", INNER]))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_score_does_not_depend_on_the_pool_where_the_mask_says_so(scorers, others, mask):
    (alone,) = scorers[mask].scores(["Wo ist A?"], [["C is in the hotel"]])
    (row,) = scorers[mask].scores(["Wo ist A?"], [["C is in the hotel", *others]])
    assert scorers[mask].pairwise
    np.testing.assert_allclose(row[:1], alone, **CLOSE)


@pytest.mark.parametrize("mask", ["arrow", "square"])
def test_a_distractor_that_is_taken_away_changes_the_others_under_the_other_masks(scorers, mask):
    (every,), (fewer,) = (scorers[mask].scores(["Wo ist A?"], [texts]) for texts in (TEXTS, TEXTS[:-1]))
    assert not scorers[mask].pairwise
    assert np.abs(every[:-1] - fewer).max() > 5e-5


@pytest.mark.parametrize("score", ["linear", INNER])
@pytest.mark.parametrize("mask", ["arrow", "square"])
def test_alone_is_a_cross_encoder_of_the_mean_state(scorer_of, mask, score):
    scorer = scorer_of(mask=mask, alone=True, score=score)
    (row,) = scorer.scores(["Wo ist A?"], [TEXTS])
    rows = pool_rows(scorer.tokens, [(ids, [text]) for ids, text in zip(*tokens_of(scorer, "Wo ist A?"), strict=True)])
    start = 0
    for found, (own, length) in zip(row, rows["lengths"], strict=True):
        pair = rows["input_ids"][None, start : start + own + length]
        with torch.inference_mode():
            (states,) = encode(scorer.network.encoder, [(pair, torch.ones_like(pair))])
            context, candidate = states[0, :own].mean(0), states[0, own:].mean(0)
            expected = context @ candidate / 32**0.5 if score == INNER else scorer.network.output(candidate)
        start += own + length
        assert found == pytest.approx(expected.item(), abs=1e-4)
    assert scorer.pairwise


def tokens_of(scorer, query):
    """The tokens of a query, once for each of the texts, and those of the texts."""
    tokens = scorer.tokens.tokens
    return tokens.queries([query]) * len(TEXTS), tokens.documents(TEXTS)


def test_texts_that_never_see_each_other_are_compared_by_their_means(scorers):
    scorer = scorers["diag"]
    (row,) = scorer.scores([TEXTS[3]], [[TEXTS[0]]])
    ids = pool_rows(scorer.tokens, [(tokens_of(scorer, TEXTS[3])[0][0], [tokens_of(scorer, "")[1][0]])])
    own, length = ids["lengths"][0]
    with torch.inference_mode():
        encoder, text = scorer.network.encoder, ids["input_ids"]
        context = encoder(text[None, :own]).last_hidden_state[0].mean(0)
        places = torch.arange(own, own + length)[None] + 2
        candidate = encoder(text[None, own:], position_ids=places).last_hidden_state[0].mean(0)
    assert row[0] == pytest.approx((context @ candidate / 32**0.5).item(), abs=1e-4)


def test_local_layers_are_fused_above_alone(encoder_folder):
    network = with_mask(load_encoder(encoder_folder), "one_way", 2, 1)
    assert network.config.fused_layers == [2]
    assert with_mask(load_encoder(encoder_folder), "one_way", 3).config.fused_layers == [3]
    assert with_mask(load_encoder(encoder_folder), "diag").config.fused_layers == []
    for first, fused in ((4, 0), (2, 3)):
        with pytest.raises(UserError, match="this encoder has 4 layers"):
            with_mask(load_encoder(encoder_folder), "one_way", first, fused)


@pytest.mark.parametrize("mask", ["diag", "square"])
def test_a_weight_of_other_texts_is_refused_where_no_text_reads_another(mask, encoder_folder):
    with pytest.raises(UserError, match=f"cross_weight = 0.02: under the mask {mask} no text reads another"):
        with_mask(load_encoder(encoder_folder), mask, cross_weight=0.02)


def test_a_large_pool_is_read_in_parts_where_that_changes_nothing_and_else_refused(scorer_of, scorers):
    whole = scorers["one_way"].scores(TEXTS, [TEXTS * 3, TEXTS[:1], [], TEXTS])
    parts = scorer_of(keys_at_once=64).scores(TEXTS, [TEXTS * 3, TEXTS[:1], [], TEXTS])
    for row, again in zip(whole, parts, strict=True):
        np.testing.assert_allclose(again, row, **CLOSE)
    with pytest.raises(UserError, match=r"toy: the 12 documents of query 'Wo\?' are \d+ keys, and 64 are read at once"):
        scorer_of(mask="arrow", keys_at_once=64).scores(["Wo?"], [TEXTS * 3])
    accepted = scorer_of(mask="arrow", keys_at_once=64, split_pools=True).scores(["Wo?"], [TEXTS * 3])[0]
    assert np.isfinite(accepted).all()
    assert np.abs(accepted - scorers["arrow"].scores(["Wo?"], [TEXTS * 3])[0]).max() > 5e-5


def test_a_context_loses_its_oldest_words_and_a_candidate_its_last_ones(encoder_folder, capsys):
    pair_tokens = PairTokens(load_tokenizer(encoder_folder), Lengths(max_length=30, max_question=8), "start")
    tokens = PoolTokens(pair_tokens)
    scorer = PoolScorer("toy", with_mask(load_encoder(encoder_folder), "one_way"), tokens, Settings())
    (row,) = scorer.scores([" ".join(TEXTS)], [[" ".join(TEXTS * 3), "hotel"]])
    told = capsys.readouterr().err
    assert "1 queries are longer than max_question (8 tokens) and lose their start" in told
    assert "1 pairs are longer than max_length (30 tokens): documents lose their end" in told
    assert np.isfinite(row).all()
    (query,), (long,) = pair_tokens.queries([" ".join(TEXTS)]), pair_tokens.documents([" ".join(TEXTS * 3)])
    rows = pool_rows(tokens, [(query, [long])])
    assert rows["lengths"] == [[10, 20]] == [tokens.sizes(query, [long])]
    every = pair_tokens.tokenizer(" ".join(TEXTS), add_special_tokens=False)["input_ids"]
    assert rows["input_ids"].tolist() == [0, *every[-8:], 2, 0, *every[:18], 2]


OPENED = [("xlm-roberta", {"mask": mask}) for mask in MASKS]
OPENED += [("bert", {"mask": "arrow"}), ("modernbert", {}), ("xlm-roberta", {"score": INNER, "cross_weight": 0.02})]


@pytest.mark.parametrize(("architecture", "how"), OPENED)
def test_a_run_is_opened_with_the_scores_it_was_saved_with_and_no_others(architecture, how, encoder_folders, tmp_path):
    method, made, network = prepared(encoder_folders[architecture], mlm_weight=1.0, **how)
    expected = PoolScorer("toy", network, method.prepared(made).tokens, method.settings).scores(["Wo?"], [TEXTS])
    folder = finished(method, made, network, tmp_path / "run")
    np.testing.assert_allclose(method.scorer(folder).scores(["Wo?"], [TEXTS])[0], expected[0], **CLOSE)
    weights = load_file(folder / "model.safetensors")
    assert not any("guess" in name for name in weights)
    name = max(weights, key=lambda each: weights[each].numel())  # the word table
    save_file(weights | {name: weights[name].roll(1, 0)}, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="does not give the scores it was saved with"):
        method.scorer(folder)


def chosen(method, made, *keys):
    found = method.examples(made)
    return [next(each for each in found if each.key.startswith(key)) for key in keys]


@pytest.mark.parametrize("mask", MASKS)
def test_the_loss_is_over_the_candidates_of_each_query_alone(mask, encoder_folder):
    method, made, network = prepared(encoder_folder, mask=mask, negatives="random", count=3)
    first, second = method.examples(made)[:6:5]
    batch = [first, replace(second, negatives=second.negatives[:1])]
    collate = method.collate(made)
    together = method.loss(network, collate(batch))
    alone = [method.loss(network, collate([each])) for each in batch]
    torch.testing.assert_close(together, (alone[0] + alone[1]) / 2)
    assert [len(each) for each in collate(batch)["lengths"]] == [5, 3]


def test_candidates_are_the_answers_of_other_queries_and_what_is_known_is_none(encoder_folder):
    method, made, network = prepared(encoder_folder, count=2)
    batch = method.collate(made)(chosen(method, made, "en/A", "de/A", "en/B", "de/C"))
    assert [len(each) for each in batch["lengths"]] == [4] * 4  # the two of A take those of B and C
    assert torch.isfinite(method.loss(network, batch))
    lonely = method.collate(made)(chosen(method, made, "en/A"))
    assert len(lonely["lengths"][0]) == 2 and method.loss(network, lonely).item() == pytest.approx(0)


def test_the_pool_s_size_does_not_depend_on_the_batch_s(encoder_folder):
    for count in (1, 4, 99):
        method, made, _ = prepared(encoder_folder, count=count)
        batch = method.collate(made)(chosen(method, made, *(f"en/{name}" for name in NAMES)))
        assert [len(each) - 2 for each in batch["lengths"]] == [min(count, len(NAMES) - 1)] * len(NAMES)


def test_alone_is_trained_with_a_context_for_each_candidate(encoder_folder):
    batches = []
    for alone in (False, True):
        method, made, network = prepared(encoder_folder, count=2, alone=alone)
        batches.append(method.collate(made)(chosen(method, made, "en/A", "en/B", "de/C")))
        batches[-1]["loss"] = method.loss(network, batches[-1])
    pools, pairs = batches
    assert [len(each) for each in pairs["lengths"]] == [2] * 9 and pairs["hidden"].equal(pools["hidden"])
    torch.testing.assert_close(pairs["loss"], pools["loss"])  # one way, so that it makes no difference


def test_an_inner_product_is_of_a_context_that_sees_no_candidate(scorers):
    scorer = scorers[INNER]
    (row,) = scorer.scores(["Wo ist A?"], [TEXTS])
    (query, *_), documents = tokens_of(scorer, "Wo ist A?")
    ids = pool_rows(scorer.tokens, [(query, documents)])
    own = ids["lengths"][0][0]
    with torch.inference_mode():
        context = scorer.network.encoder(ids["input_ids"][None, :own]).last_hidden_state[0].mean(0)
        every = torch.ones_like(ids["input_ids"], dtype=torch.bool)
        packed, states = encode_candidates(scorer.network.encoder, ids["input_ids"], ids["lengths"], wanted=every)
        means = text_means(packed, states, ids["lengths"])
    np.testing.assert_allclose(row, (means[1:] @ context).numpy() / 32**0.5, atol=1e-4)
    np.testing.assert_allclose(means[0], context, atol=1e-5)


@pytest.mark.parametrize("mask", ["one_way", "diag"])
def test_cosines_are_trained_by_their_quotient_with_the_temperature(scorer_of, encoder_folder, mask):
    scorers = [scorer_of(mask=mask, score=score) for score in (INNER, "cosine")]
    product, cosine = (each.scores(["Wo ist A?"], [TEXTS])[0] for each in scorers)
    assert (np.abs(cosine) <= 1 + 1e-6).all() and np.abs(cosine - product).max() > 0.1
    losses = []
    for temperature in (0.05, 0.5):
        method, made, network = prepared(encoder_folder, mask=mask, score="cosine", temperature=temperature, count=2)
        batch = method.collate(made)(chosen(method, made, "en/A", "en/B", "de/C"))
        scores = network.scores(batch["input_ids"], batch["lengths"]).scores.view(3, 3)
        expected = torch.nn.functional.cross_entropy(scores / temperature, torch.zeros(3, dtype=torch.long))
        losses.append(method.loss(network, batch))
        torch.testing.assert_close(losses[-1], expected)
    assert losses[0] != losses[1]


@pytest.mark.parametrize("mask", ["arrow", "diag"])
def test_layers_that_are_computed_again_give_the_same_gradients(mask, encoder_folder):
    method, made, network = prepared(encoder_folder, mask=mask, count=2, local_layers=1)
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    batch, gradients = method.collate(made)(chosen(method, made, "en/A", "en/B", "de/C")), []
    for again in (False, True):
        network.zero_grad()
        with recomputed(network) if again else nullcontext():
            method.loss(network.train(), batch).backward()
        gradients.append([each.grad.clone() for each in network.parameters()])
    for found, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_an_example_is_as_long_as_the_keys_it_reads(encoder_folder):
    method, made, _ = prepared(encoder_folder, negatives="random", count=3)
    example = method.examples(made)[0]
    own, *sizes = method.collate(made)([example])["lengths"][0]
    assert len(example) == own + sum(own + size for size in sizes)


def test_hidden_tokens_are_guessed_and_special_ones_never(encoder_folder):
    method, made, network = prepared(encoder_folder, count=2, mlm_weight=0.5, masked=0.4)
    plain = prepared(encoder_folder, count=2)[0]
    examples = chosen(method, made, "en/A", "en/B", "de/C")
    batch, again = method.collate(made)(examples), method.collate(made)(examples)
    shown = plain.collate(made)(examples)
    hidden = batch["labels"] != IGNORED
    assert batch["input_ids"].equal(again["input_ids"]) and hidden.float().mean() > 0.1
    assert batch["labels"][hidden].equal(shown["input_ids"][hidden]) and (batch["labels"][hidden] > 3).all()
    assert batch["input_ids"][~hidden].equal(shown["input_ids"][~hidden])
    with torch.no_grad():
        ranked = plain.loss(network, {name: value for name, value in batch.items() if name != "labels"})
        states = network.scores(batch["input_ids"], batch["lengths"], torch.ones_like(hidden)).states
        guessed = torch.nn.functional.cross_entropy(network.guesses(states[hidden]), batch["labels"][hidden])
        assert method.loss(network, batch).item() == pytest.approx((ranked + 0.5 * guessed).item(), rel=1e-4)


@pytest.fixture(scope="module")
def untrained(tmp_path_factory, tokenizer):
    """The folder of a fresh encoder, narrow and with large weights: it learns at once."""
    folder = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(1)
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=130, type_vocab_size=1, initializer_range=0.1, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("chosen", [{}, {"mask": "arrow", "local_layers": 1}, {"cross_weight": 0.1, "score": INNER}])
def test_it_learns_which_sentence_has_the_name_of_the_question(chosen, untrained, tmp_path):
    documents = collection(("en",))
    records = {tag: queries(tag, documents, NAMES[:6]) for tag in ("en", "de")}
    method = Method(Settings(count=5, **chosen))
    made = job(untrained, "uni_encoder", method.settings, records=records)
    torch.manual_seed(1)
    network = method.build(made)
    train = TrainSettings(updates=100, batch_size=6, learning_rate=2e-3, save_every=1000)
    fit(
        network, method.examples(made), collate=method.collate(made), loss=method.loss, settings=train, seed=1,
        folder=tmp_path / "checkpoints", title="toy",
    )  # fmt: skip
    scorer = PoolScorer("toy", network, method.prepared(made).tokens, method.settings)
    scores = scorer.scores([each.text for each in records["de"]], [[each.text for each in documents[:6]]] * 6)
    assert sum(int(row.argmax()) == number for number, row in enumerate(scores)) >= 5


def test_empty_texts_and_scores_that_are_no_numbers_stop_it(scorers, scorer_of, encoder_folder):
    for asked, read in ((" ", ["hotel"]), ("Wo?", ["hotel", ""])):
        with pytest.raises(UserError, match="toy: query 2 or one of its documents is empty"):
            scorers["one_way"].scores(["Wo?", asked], [["hotel"], read])
    broken = scorer_of()
    with torch.no_grad():
        next(broken.network.parameters()).fill_(float("nan"))
    with pytest.raises(UserError, match="a score of query 'Wo[?]' is no finite number"):
        broken.scores(["Wo?"], [["hotel"]])


def test_a_training_query_without_text_is_named(encoder_folder):
    document = Document(id="a", language="en", text="A is here")
    record = RankedQuery(id="7", language="en", text=" ", documents=(document,), gains={"a": 1})
    method, made, _ = prepared(encoder_folder, pairs=("en-en",), records={"en": [record]})
    with pytest.raises(UserError, match="^toy: query en/7 has no text"):
        method.examples(made)


def test_a_tokenizer_without_a_token_that_hides_others_is_told(encoder_folder):
    method = Method(Settings(mlm_weight=0.1))
    made = job(encoder_folder, "uni_encoder", method.settings)
    made.tokenizer.mask_token = None
    with pytest.raises(UserError, match="has no token that hides others"):
        method.build(made)
