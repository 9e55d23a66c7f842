"""The encoder that ships with the package is small and complete, reads the sample, and keeps meanings together."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from isogloss.data import sample
from isogloss.encoders import encoder_path, load_encoder, load_tokenizer
from isogloss.pretraining.multilingual_distillation import mean_pool
from isogloss.tasks import load_task

FOLDER = encoder_path("tiny")


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer("tiny")


def test_the_folder_is_small_enough_for_a_package():
    assert sum(path.stat().st_size for path in Path(FOLDER).iterdir()) <= 40_000_000


def test_the_weights_are_half_precision_without_pooler():
    with safe_open(f"{FOLDER}/model.safetensors", "pt") as file:
        names = list(file.keys())
        assert not [name for name in names if "pooler" in name]
        assert {file.get_slice(name).get_dtype() for name in names} == {"F16"}
    with open(f"{FOLDER}/config.json", encoding="utf-8") as file:
        assert json.load(file)["model_type"] == "xlm-roberta"


@pytest.mark.parametrize("language", sample.LANGUAGES)
def test_the_vocabulary_covers_the_samples_scripts(tokenizer, language):
    task = load_task("sample_intent")
    texts = [record.text for record in task.read(task.root(None), "test", language)][:200]
    ids = [token for text in texts for token in tokenizer(text, add_special_tokens=False)["input_ids"]]
    assert ids.count(tokenizer.unk_token_id) / len(ids) < 0.005
    assert len(ids) / sum(map(len, texts)) < 0.9  # pieces, not single characters


def test_translations_are_nearer_than_other_sentences(tokenizer):
    task = load_task("sample_intent")
    english, german = (task.read(task.root(None), "dev", language)[:300:10] for language in ("en", "de"))
    encoder = load_encoder("tiny").eval()
    vectors = []
    for records in (english, german):
        batch = tokenizer([record.text for record in records], padding=True, return_tensors="pt")
        with torch.no_grad():
            vectors.append(mean_pool(encoder(**batch).last_hidden_state, batch["attention_mask"]))
    assert [record.id for record in english] == [record.id for record in german]
    nearest = (vectors[1] @ vectors[0].T).argmax(1)
    assert (nearest == torch.arange(len(english))).float().mean() > 0.6
