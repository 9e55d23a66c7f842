"""The student learns the teacher's vectors, in English and in translation, and the arrays it reads line up."""

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel, BertTokenizer

from isogloss.errors import UserError
from isogloss.pretraining._material import overlaps
from isogloss.pretraining._texts import Text
from isogloss.pretraining.multilingual_distillation import (
    Method,
    Settings,
    mean_pool,
    sentence_loss,
    vocabulary_texts,
    word_loss,
)
from isogloss.records import Bitext
from isogloss.training import TrainSettings, fit

NOUNS = {"train": "zug", "boat": "boot", "house": "haus", "tree": "baum", "book": "buch", "bridge": "steg"}
VERBS = {"leaves": "geht", "stays": "bleibt", "shines": "glänzt", "falls": "fällt"}
PAIRS = [(f"the {noun} {verb} today", f"heute {VERBS[verb]} das {NOUNS[noun]}") for noun in NOUNS for verb in VERBS]


@pytest.fixture(scope="module")
def teacher_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("teacher")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "today", *NOUNS, *VERBS]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=40,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    BertTokenizer(vocab={word: i for i, word in enumerate(words)}).save_pretrained(folder)
    return folder


@pytest.fixture
def job(tmp_path):
    bitexts = [
        Bitext(id=f"toy-{i}", language="de", text=text, translation_language="en", translation=english)
        for i, (english, text) in enumerate(PAIRS)
    ]
    train = TrainSettings(updates=60, batch_size=1, learning_rate=3e-3, save_every=1000, log_every=1)
    recipe = SimpleNamespace(
        seed=1, train=train, data=None, languages=("de",), config=Settings(), method="toy", task="toy"
    )
    folder = tmp_path / "run"
    folder.mkdir()
    return SimpleNamespace(recipe=recipe, folder=folder, records=lambda split: {"de": bitexts})


def method(teacher_folder: Path, **changes) -> Method:
    settings = {
        "teacher": str(teacher_folder),
        "pieces": 46,
        "tokenizer_characters": 5000,
        "texts_per_batch": 8,
        "max_tokens": 16,
        "first_languages": ("en", "de"),
        "passes": {"toy": (1.0, 0.0, 0.0)},
    }
    return Method(Settings(**(settings | changes)))


def run(made: Method, job):
    examples = made.examples(job)
    network = made.build(job)
    report = fit(
        network, examples, collate=made.collate(job), loss=made.loss, settings=job.recipe.train, seed=1,
        folder=job.folder / "checkpoints", title="toy",
    )  # fmt: skip
    return network, report


def test_a_perfect_student_costs_only_what_the_contrast_leaves():
    vectors = torch.eye(4)
    assert sentence_loss(vectors, vectors, torch.arange(4), temperature=1.0, contrast=0).item() == 0
    expected = math.log(math.e + 3) - 1  # softmax of (1, 0, 0, 0)
    loss = sentence_loss(vectors, vectors, torch.arange(4), temperature=1.0, contrast=1.0)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_texts_of_the_same_sentence_are_no_negatives():
    vectors = torch.eye(2)[[0, 0, 1]]
    loss = sentence_loss(vectors, vectors, torch.tensor([5, 5, 9]), temperature=1.0, contrast=1.0)
    first, last = math.log(math.e + 1) - 1, math.log(math.e + 2) - 1
    assert loss.item() == pytest.approx((2 * first + last) / 3, rel=1e-5)


def test_words_cost_one_minus_cosine_and_nothing_without_links():
    assert word_loss(torch.tensor([[1.0, 0], [0, 2]]), torch.tensor([[3.0, 0], [5, 0]])).item() == pytest.approx(0.5)
    assert word_loss(torch.zeros(0, 4), torch.zeros(0, 4)).item() == 0


def test_padding_changes_no_vector():
    states = torch.randn(1, 3, 8)
    padded = torch.cat([states, torch.randn(1, 2, 8)], 1)
    short = mean_pool(states, torch.ones(1, 3, dtype=torch.long))
    long = mean_pool(padded, torch.tensor([[1, 1, 1, 0, 0]]))
    torch.testing.assert_close(short, long)
    assert long.norm().item() == pytest.approx(1.0)


def test_tokens_of_two_tokenizations_meet_where_they_share_characters():
    own = [(0, 0), (0, 3), (4, 7), (7, 9), (0, 0)]  # the train|s
    theirs = [(0, 0), (0, 3), (4, 6), (6, 9), (0, 0)]
    assert overlaps(own, theirs) == [(1, 1), (2, 2), (3, 3)]


def test_the_vocabulary_sees_every_language_in_its_share():
    texts = [Text("de", "a" * 10, "b" * 10, 1.0), Text("xx", "c" * 10, "d" * 10, 1.0)]
    settings = Settings(tokenizer_characters=600, first_languages=("en", "de"))
    found = "".join(vocabulary_texts(texts, settings, seed=1))
    assert found.count("a") >= 5 * found.count("c") > 0
    assert vocabulary_texts(texts, settings, seed=1) == vocabulary_texts(texts, settings, seed=1)


def test_a_batch_points_at_the_states_of_its_own_english(teacher_folder, job):
    made = method(teacher_folder)
    batch = made.collate(job)([made.examples(job)[0]])
    teacher, tokenizer = AutoModel.from_pretrained(teacher_folder).eval(), AutoTokenizer.from_pretrained(teacher_folder)
    sentences = list(dict.fromkeys(english for english, _ in PAIRS))
    read = tokenizer([sentences[i] for i in batch["english"]], padding=True, return_tensors="pt")
    with torch.no_grad():
        states = teacher(**read).last_hidden_state
    vectors = mean_pool(states, read["attention_mask"])
    torch.testing.assert_close(batch["vectors"], vectors, atol=0.02, rtol=0)  # prepared in bfloat16
    own = states[batch["link_text"]]
    nearest = (own - batch["link_states"][:, None]).norm(dim=-1).amin(1)
    assert nearest.max() < 0.2
    assert len(batch["link_text"]) > 0


def test_the_student_learns_both_languages(teacher_folder, job, capsys):
    made = method(teacher_folder)
    network, report = run(made, job)
    assert report.curve[-1][1] < 0.6 * report.curve[0][1]
    made.save(network, job, job.folder)
    assert sorted(path.name for path in job.folder.iterdir() if path.is_file()) == [
        "README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
    student = AutoModel.from_pretrained(job.folder, dtype=torch.float32, add_pooling_layer=False).eval()
    tokenizer = AutoTokenizer.from_pretrained(job.folder)
    sides = []
    for texts in zip(*PAIRS, strict=True):
        batch = tokenizer(list(texts), padding=True, return_tensors="pt")
        with torch.no_grad():
            sides.append(mean_pool(student(**batch).last_hidden_state, batch["attention_mask"]))
    english, german = sides
    assert ((german @ english.T).argmax(1) == torch.arange(len(PAIRS))).float().mean() > 0.8
    assert (student.config.hidden_dropout_prob, student.config.classifier_dropout) == (0.0, 0.1)  # of fine-tuning


def test_prepared_arrays_are_read_again_and_give_the_same_batches(teacher_folder, job):
    first, second = method(teacher_folder), method(teacher_folder)
    batches = first.examples(job)
    made = (job.folder / "material.safetensors").stat().st_mtime_ns
    again = second.examples(job)
    assert (job.folder / "material.safetensors").stat().st_mtime_ns == made
    assert all((a == b).all() for a, b in zip(batches, again, strict=True))
    for name, tensor in first.collate(job)([batches[0]]).items():
        other = second.collate(job)([again[0]])[name]
        assert tensor == other if name == "ids" else torch.equal(tensor, other)


def test_a_student_goes_on_from_an_encoder_with_its_own_tokenizer(teacher_folder, job, tmp_path):
    first = method(teacher_folder)
    first.examples(job)
    encoder = tmp_path / "encoder"
    network = first.build(job)
    first.save(network, job, encoder)
    second = method(teacher_folder, student=str(encoder))
    job.folder = tmp_path / "second"
    job.folder.mkdir()
    second.examples(job)
    name = "embeddings.word_embeddings.weight"
    torch.testing.assert_close(second.build(job).state_dict()[name], network.float().state_dict()[name])
    assert not (job.folder / "tokenizer").exists()


@pytest.mark.parametrize("other", [{"batch_size": 32}, {"batch_size": 1, "tokens_per_batch": 512}])
def test_the_method_makes_its_own_batches(teacher_folder, job, other):
    job.recipe.train = TrainSettings(updates=5, **other)
    with pytest.raises(UserError, match="batch_size = 1"):
        method(teacher_folder).examples(job)


def test_links_are_limited(teacher_folder, job):
    made = method(teacher_folder, links=3)
    batch = made.collate(job)([made.examples(job)[0]])
    assert len(batch["link_text"]) == len(batch["link_position"]) == len(batch["link_states"]) == 3
    assert np.isfinite(batch["link_states"].numpy()).all()
