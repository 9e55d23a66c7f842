"""Tokens are hidden in the right shares, translations restart their positions, and a toy language is learned."""

import math
from types import SimpleNamespace

import pytest
import torch
from transformers import AutoModel, AutoTokenizer, BertConfig, XLMRobertaConfig, XLMRobertaModel

from isogloss.errors import UserError
from isogloss.pretraining._tokenizer import build_tokenizer
from isogloss.pretraining.mlm import Method, Row, Settings, first_position, lay_out, text_rows
from isogloss.records import Bitext
from isogloss.runs import Job
from isogloss.training import TrainSettings, fit

WORDS = {"one": "eins", "two": "zwei", "three": "drei", "four": "vier", "five": "fünf", "six": "sechs"}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoder")
    pieces = [(f"▁{word}", -3.0) for pair in WORDS.items() for word in pair]
    tokenizer = build_tokenizer(pieces, max_length=32)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer), hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96,
        max_position_embeddings=34, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
    )  # fmt: skip
    XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


@pytest.fixture
def job(encoder, tmp_path):
    english = list(WORDS)
    rows = [[english[(i + step) % 6] for step in (0, 1, 2)] for i in range(6)]
    bitexts = [
        Bitext(
            id=f"toy-{i}", language="de", text=" ".join(WORDS[word] for word in row), translation_language="en",
            translation=" ".join(row),
        )
        for i, row in enumerate(rows)
    ]  # fmt: skip
    train = TrainSettings(updates=250, batch_size=1, learning_rate=2e-3, save_every=1000, log_every=1)
    lengths = SimpleNamespace(max_length=16)
    recipe = SimpleNamespace(
        seed=1, train=train, data=None, languages=("de",), encoder=str(encoder), lengths=lengths, config=Settings(),
        method="mlm", task="toy",
    )  # fmt: skip
    job = Job(recipe, tmp_path)
    job.__dict__["records"] = lambda split: {"de": bitexts}
    return job


def method(**changes) -> Method:
    return Method(Settings(**({"passes": {"toy": (1.0, 1.0, 1.0)}, "max_tokens": 16, "texts_per_batch": 8} | changes)))


def test_positions_restart_on_the_translation():
    ids, positions = lay_out([Row(((0, 5, 2), (0, 6, 7, 2)), 1.0), Row(((0, 8, 2),), 1.0)], pad_id=1, first_position=2)
    assert ids.tolist() == [[0, 5, 2, 0, 6, 7, 2], [0, 8, 2, 1, 1, 1, 1]]
    assert positions[0].tolist() == [2, 3, 4, 2, 3, 4, 5]
    assert positions[1, :3].tolist() == [2, 3, 4]


def test_the_first_position_is_behind_the_padding_row():
    assert first_position(XLMRobertaConfig(max_position_embeddings=514, pad_token_id=1)) == 2
    assert first_position(BertConfig()) == 0


def test_a_share_of_the_reads_is_beside_the_translation(encoder):
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    pairs = [("eins zwei", "one two", 2.0), ("six", "six", 1.0)]
    rows = text_rows(tokenizer, pairs, length=8, translation=0.25)
    assert [(len(row.sides), row.passes) for row in rows] == [(1, 1.5), (1, 1.5), (2, 0.5), (1, 1.0)]
    assert [len(row.sides) for row in text_rows(tokenizer, pairs, length=8, translation=0)] == [1, 1, 1]


def test_a_batch_is_always_masked_the_same_way(job):
    made = method()
    batches = made.examples(job)
    one, two = made.collate(job)([batches[0]]), made.collate(job)([batches[0]])
    assert torch.equal(one["input_ids"], two["input_ids"])
    other = made.collate(job)([batches[1]])
    assert one["labels"].shape != other["labels"].shape or not torch.equal(one["labels"], other["labels"])


def test_an_untrained_model_guesses_at_random_and_learns_the_toy_language(job, encoder, capsys):
    made = method(masked=0.3, texts_per_batch=32)
    examples, network = made.examples(job), made.build(job)
    report = fit(
        network, examples, collate=made.collate(job), loss=made.loss, settings=job.recipe.train, seed=1,
        folder=job.folder / "checkpoints", title="toy",
    )  # fmt: skip
    assert report.curve[0][1] > 0.7 * math.log(12)
    late = [loss for _, loss in report.curve[-20:]]
    assert sum(late) / 20 < 0.85 * math.log(12)
    made.save(network, job, job.folder / "out")
    saved = AutoModel.from_pretrained(job.folder / "out", dtype=torch.float32, add_pooling_layer=False)
    assert saved.state_dict().keys() == AutoModel.from_pretrained(encoder, add_pooling_layer=False).state_dict().keys()


def test_nothing_hidden_costs_nothing(job):
    made = method(masked=0.0)
    examples, network = made.examples(job), made.build(job)
    assert made.loss(network, made.collate(job)([examples[0]])).item() == 0


def test_texts_longer_than_the_encoder_reads_are_an_error(job):
    with pytest.raises(UserError, match="max_tokens 64 is more than the encoder reads"):
        method(max_tokens=64).build(job)


@pytest.mark.parametrize("other", [{"batch_size": 32}, {"batch_size": 1, "tokens_per_batch": 512}])
def test_the_method_makes_its_own_batches(job, other):
    job.recipe.train = TrainSettings(updates=5, **other)
    with pytest.raises(UserError, match="batch_size = 1"):
        method().examples(job)
