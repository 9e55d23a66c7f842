"""A small translator of Marian's shape, trained in minutes on a processor from the parallel text at hand.

Multi30k's captions are most of it, and whatever `isogloss.data.parallel_text` has in the pair beside them; never the
sentences of the task that is to be translated. It is far from a published model: that is the point, a user's first own
translator is poor too, and what matters is what becomes of its translations.
"""

import io
import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isogloss.data import parallel_text
from isogloss.data.formats import read_lines

if TYPE_CHECKING:
    from transformers import MarianMTModel, MarianTokenizer

SOURCES = ("ntrex", "tico19", "xnli_train_parallel", "bible_nt", "emoji_captions", "cldr_names")
MULTI30K = ("de", "fr", "cs")
SHOWN_EVERY = 100  # updates
SMOOTHING = 0.1  # of the labels
Pair = tuple[str, str]  # English, and the same in the other language


@dataclass(frozen=True, slots=True)
class Training:
    """How large the translator is and how long it learns."""

    updates: int = 8000
    minutes: float = 9.0  # it ends with the updates or with the time, whichever is over first
    vocabulary: int = 4000  # pieces, of both languages together
    hidden: int = 192
    encoder_layers: int = 2
    decoder_layers: int = 2
    heads: int = 4
    dropout: float = 0.1
    tokens: int = 1200  # of a batch's longer side, padding included
    longest: int = 80  # tokens; longer pairs are left out
    learning_rate: float = 1.5e-3
    warmup: float = 0.1  # share of the training
    seed: int = 1


def pairs_for(data: Path, tag: str, unseen: set[str]) -> dict[str, list[Pair]]:
    """The training pairs by the source they come from; those whose English is in `unseen` are left out."""
    found: dict[str, list[Pair]] = {}
    if tag in MULTI30K:
        sides = (read_lines(data / "multi30k" / f"train.{each}") for each in ("en", tag))
        found["multi30k"] = list(zip(*sides, strict=True))
    for name in SOURCES:
        bitexts = parallel_text.SOURCES[name](data, tag)
        found[name] = [(untokenised(bitext.translation), untokenised(bitext.text)) for bitext in bitexts]
    return {name: [pair for pair in pairs if pair[0] not in unseen] for name, pairs in found.items()}


def untokenised(text: str) -> str:
    """The text as it is usually written: XNLI's has spaces before its commas and around its apostrophes."""
    text = re.sub(r" ([,.;:!?%)\]]|n't\b|'(?:s|re|ve|ll|d|m)\b)", r"\1", text)
    return re.sub(r"([(\[]) ", r"\1", text)


def train_translator(pairs: Sequence[Pair], tag: str, folder: Path, how: Training) -> dict[str, Any]:
    """What was trained, in numbers; the model from English and its tokenizer are in the folder."""
    import torch
    from transformers import set_seed

    set_seed(how.seed)
    started = time.monotonic()
    tokenizer: Any = write_tokenizer(pairs, tag, folder, how.vocabulary)
    sources: Any = tokenizer([source for source, _ in pairs])["input_ids"]
    targets: Any = tokenizer(text_target=[target for _, target in pairs])["input_ids"]
    rows = [row for row in zip(sources, targets, strict=True) if max(map(len, row)) <= how.longest]
    model = fresh_model(tokenizer, how)
    optimiser = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=0.01)
    batches = batches_of(rows, how, tokenizer.pad_token_id)
    model.train()
    losses: list[float] = []
    while (done := _done(len(losses), time.monotonic() - started, how)) < 1:
        for group in optimiser.param_groups:  # up in a line, then down in one
            group["lr"] = how.learning_rate * min(1.0, (done + 1e-3) / how.warmup, (1 - done) / (1 - how.warmup))
        loss = loss_of(model, *next(batches))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
        if len(losses) % SHOWN_EVERY == 0:
            recent, seconds = np.mean(losses[-SHOWN_EVERY:]), time.monotonic() - started
            print(f"update {len(losses)}: loss {recent:.3f}, {seconds:.0f} s", file=sys.stderr, flush=True)
    model.eval().save_pretrained(folder)
    parameters = sum(weight.numel() for weight in model.parameters())
    found = {
        "pairs": len(rows),
        "updates": len(losses),
        "parameters": parameters,
        "loss": float(np.mean(losses[-SHOWN_EVERY:])),
    }
    return found | {"seconds": time.monotonic() - started}


def write_tokenizer(pairs: Sequence[Pair], tag: str, folder: Path, vocabulary: int) -> "MarianTokenizer":
    """A tokenizer of pieces that both languages share, also written to the folder."""
    from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
    from transformers import MarianTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=(text for pair in pairs for text in pair),
        model_writer=model,
        vocab_size=vocabulary,
        character_coverage=0.9999,
        hard_vocab_limit=False,
        input_sentence_size=20_000,
        shuffle_input_sentence=True,
        minloglevel=2,
    )
    known = SentencePieceProcessor(model_proto=model.getvalue())
    pieces = ["</s>", "<unk>", *(known.id_to_piece(i) for i in range(3, known.get_piece_size())), "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(pieces)}), encoding="utf-8")
    for side in ("source", "target"):
        (folder / f"{side}.spm").write_bytes(model.getvalue())
    files: dict[str, Any] = {f"{side}_spm": str(folder / f"{side}.spm") for side in ("source", "target")}
    tokenizer = MarianTokenizer(**files, vocab=str(folder / "vocab.json"), source_lang="en", target_lang=tag)
    tokenizer.save_pretrained(folder)
    return tokenizer


def fresh_model(tokenizer: "MarianTokenizer", how: Training) -> "MarianMTModel":
    """A model that has learned nothing; its padding is zeros and is never said, as in the published ones."""
    import torch
    from transformers import GenerationConfig, MarianConfig, MarianMTModel

    pad: Any = tokenizer.pad_token_id
    special = {"pad_token_id": pad, "eos_token_id": 0, "decoder_start_token_id": pad, "forced_eos_token_id": 0}
    config = MarianConfig(
        vocab_size=len(tokenizer),
        d_model=how.hidden,
        encoder_layers=how.encoder_layers,
        decoder_layers=how.decoder_layers,
        encoder_attention_heads=how.heads,
        decoder_attention_heads=how.heads,
        encoder_ffn_dim=4 * how.hidden,
        decoder_ffn_dim=4 * how.hidden,
        dropout=how.dropout,
        max_position_embeddings=512,
        activation_function="swish",
        scale_embedding=True,
        init_std=how.hidden**-0.5,  # with the usual 0.02 so narrow a model does not look at the source for long
        **special,
    )
    model = MarianMTModel(config)
    model.generation_config = GenerationConfig(**special, bad_words_ids=[[pad]], num_beams=4, max_length=512)
    table: Any = model.get_input_embeddings().weight
    with torch.no_grad():
        table[pad] = 0
        model.final_logits_bias[0, pad] = -100.0
    table.register_hook(lambda gradient: gradient.index_fill(0, torch.tensor([pad]), 0.0))
    return model


def batches_of(rows: Sequence[tuple[list[int], list[int]]], how: Training, pad: int) -> Iterator[tuple[Any, Any]]:
    """Source and target ids, (B, S) and (B, T), epoch after epoch; a batch's rows are of about one length."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    random = np.random.default_rng(how.seed)
    sizes = np.array([max(map(len, row)) for row in rows])
    while True:
        order = np.argsort(sizes + 4 * random.random(len(rows)))
        batches: list[list[int]] = [[]]
        widest = 0
        for row in order:
            widest = max(widest, sizes[row])
            if (len(batches[-1]) + 1) * widest > how.tokens:
                batches.append([])
                widest = sizes[row]
            batches[-1].append(int(row))
        for number in random.permutation(len(batches)):
            sides = zip(*(rows[row] for row in batches[number]), strict=True)
            source, target = (
                pad_sequence([torch.tensor(ids) for ids in side], batch_first=True, padding_value=pad) for side in sides
            )
            yield source, target


def loss_of(model: "MarianMTModel", source: Any, target: Any) -> Any:
    """The smoothed cross-entropy of a target token, in nats; source (B, S), target (B, T)."""
    import torch
    from torch.nn.functional import cross_entropy
    from torch.nn.functional import pad as shifted

    pad: Any = model.config.pad_token_id
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(
            input_ids=source,
            attention_mask=(source != pad).long(),
            decoder_input_ids=shifted(target, (1, 0), value=pad)[:, :-1],
            use_cache=False,
        ).logits
    flat = logits.float().flatten(0, 1)
    return cross_entropy(flat, target.flatten(), ignore_index=pad, label_smoothing=SMOOTHING)


def _done(updates: int, seconds: float, how: Training) -> float:
    """How much of the training is behind it, from 0 to 1."""
    return max(updates / how.updates, seconds / (60 * how.minutes))
