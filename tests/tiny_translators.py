"""Tiny translators in the shape of real ones, as folders: weights, configuration, tokenizer.

Nothing is downloaded: the pieces come from the sentences below, and each model learns these by heart in about a second,
so that it ends its sentences, is sure of some tokens and not of others, and says another thing in another language.
Texts that it never saw become something, as with any translator.
"""

import io
import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from language_codes import M2M100

LINES = {
    "en": ("The train to Berlin leaves at nine.", "How much is a room for two?", "My bag is lost, help me."),
    "de": ("Der Zug nach Berlin fährt um neun.", "Was kostet ein Zimmer für zwei?", "Meine Tasche ist weg, helft mir."),
    "fr": ("Le train pour Berlin part à neuf heures.", "Combien coûte une chambre ?", "Mon sac est perdu, aidez-moi."),
}
UNSEEN = ("The bag is for two.", "A room to Berlin leaves at two, help!", "lost", "Is my train lost at nine? How much!")
LAYERS = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "max_position_embeddings": 64,
    "dropout": 0.0,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
    "encoder_layerdrop": 0.0,
    "decoder_layerdrop": 0.0,
    "scale_embedding": True,
}
DIRECTIONS = (("en", "de"), ("en", "fr"), ("de", "en"))  # what the models of several languages learn
Rows = Sequence[tuple[list[int], list[int]]]  # source and target ids, as the model reads and writes them


def pieces() -> tuple[bytes, list[tuple[str, float]]]:
    """A sentencepiece model of the lines, serialised, and its pieces with their scores, without the special ones."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(line for lines in LINES.values() for line in lines),
        model_writer=model,
        vocab_size=75,
        character_coverage=1.0,
        minloglevel=2,
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return model.getvalue(), [(processor.id_to_piece(i), processor.get_score(i)) for i in range(3, 75)]


def taught(model: torch.nn.Module, rows: Rows, silent: int | None = None, seed: int = 1) -> torch.nn.Module:
    """The model, fresh and small, after it has learned the rows nearly by heart.

    silent: a token that the converted model takes for zeros, and so must this one.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim == 2 and "embed_positions" not in name:
                weight.copy_(torch.randn(weight.shape, generator=generator) / weight.shape[-1] ** 0.5)
    pad = model.config.pad_token_id
    inputs = padded([source for source, _ in rows], pad)
    labels = padded([target for _, target in rows], -100)
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3, fused=True)
    for _ in range(120):
        if silent is not None:
            with torch.no_grad():
                model.get_input_embeddings().weight[silent] = 0
        loss = model(input_ids=inputs, attention_mask=(inputs != pad).long(), labels=labels).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    if silent is not None:
        with torch.no_grad():
            model.get_input_embeddings().weight[silent] = 0
    assert loss.item() < 0.5, loss
    return model.eval()


def padded(rows: Sequence[list[int]], pad: int) -> torch.Tensor:
    """The rows as one tensor, the short ones filled up."""
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=pad)


def marian(folder: Path, pair: tuple[str, str] = ("en", "de"), tags: dict[str, str] | None = None) -> Path:
    """A model of one pair of languages; with tags such as `{"fr": ">>fra<<"}` one that is told the target."""
    from transformers import GenerationConfig, MarianConfig, MarianMTModel, MarianTokenizer

    folder.mkdir(parents=True)
    model, scored = pieces()
    for name in ("source.spm", "target.spm"):
        (folder / name).write_bytes(model)
    words = ["</s>", "<unk>", *(piece for piece, _ in scored), *(tags or {}).values(), "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}), encoding="utf-8")
    source, target = pair
    files = {name: str(folder / f"{name.replace('_', '.')}") for name in ("source_spm", "target_spm")}
    with warnings.catch_warnings(action="ignore"):  # it asks for sacremoses, which it does not use
        tokenizer = MarianTokenizer(**files, vocab=str(folder / "vocab.json"), source_lang=source, target_lang=target)
    tokenizer.save_pretrained(folder)
    pad = len(words) - 1
    special = {"pad_token_id": pad, "eos_token_id": 0, "decoder_start_token_id": pad}
    config = MarianConfig(
        **LAYERS, **special, vocab_size=len(words), activation_function="swish", forced_eos_token_id=0
    )
    rows = [
        (tokenizer(f"{(tags or {}).get(to, '')} {text}".strip()).input_ids, tokenizer(text_target=wanted).input_ids)
        for to in (tags or [target])
        for text, wanted in zip(LINES[source], LINES[to], strict=True)
    ]
    network = taught(MarianMTModel(config), rows, silent=pad)
    # as the published models have them
    network.generation_config = GenerationConfig(
        **special, bad_words_ids=[[pad]], num_beams=6, max_length=512, forced_eos_token_id=0, renormalize_logits=True
    )
    network.save_pretrained(folder)
    return folder


def m2m100(folder: Path) -> Path:
    """A model that is told both languages by tokens such as `__de__`."""
    from transformers import M2M100Config, M2M100ForConditionalGeneration, M2M100Tokenizer

    folder.mkdir(parents=True)
    model, scored = pieces()
    (folder / "sentencepiece.bpe.model").write_bytes(model)
    words = ["<s>", "<pad>", "</s>", "<unk>", *(piece for piece, _ in scored)]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}), encoding="utf-8")
    tokenizer = M2M100Tokenizer(
        str(folder / "vocab.json"),
        str(folder / "sentencepiece.bpe.model"),
        additional_special_tokens=[f"__{code}__" for code in M2M100],
    )
    tokenizer.save_pretrained(folder)
    config = M2M100Config(**LAYERS, vocab_size=len(tokenizer) + 8, decoder_start_token_id=2)
    return _many_to_many(folder, tokenizer, M2M100ForConditionalGeneration(config), {t: t for t in LINES})


def nllb(folder: Path) -> Path:
    """A model that is told both languages by tokens such as `deu_Latn`."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import M2M100Config, M2M100ForConditionalGeneration, NllbTokenizer

    learned = Tokenizer(models.BPE(unk_token="<unk>"))
    learned.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    trainer = trainers.BpeTrainer(vocab_size=140, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], show_progress=False)
    learned.train_from_iterator([line for lines in LINES.values() for line in lines], trainer)
    merges = [tuple(pair) for pair in json.loads(learned.to_str())["model"]["merges"]]
    tokenizer = NllbTokenizer(vocab=learned.get_vocab(), merges=merges)
    tokenizer.save_pretrained(folder)
    config = M2M100Config(**LAYERS, vocab_size=len(tokenizer), decoder_start_token_id=2)
    codes = {"en": "eng_Latn", "de": "deu_Latn", "fr": "fra_Latn"}
    return _many_to_many(folder, tokenizer, M2M100ForConditionalGeneration(config), codes)


def mbart50(folder: Path) -> Path:
    """A model that is told both languages by tokens such as `de_DE`."""
    from transformers import MBart50Tokenizer, MBartConfig, MBartForConditionalGeneration

    special = [(word, 0.0) for word in ("<unk>", "<s>", "</s>")]
    codes = {"en": "en_XX", "de": "de_DE", "fr": "fr_XX"}
    tokenizer = MBart50Tokenizer(vocab=[*special, *pieces()[1]])
    tokenizer.save_pretrained(folder)
    config = MBartConfig(
        **LAYERS,
        vocab_size=len(tokenizer),
        decoder_start_token_id=2,
        tokenizer_class="MBart50Tokenizer",
        normalize_before=True,  # the published configuration says so, and the conversion reads it
    )
    return _many_to_many(folder, tokenizer, MBartForConditionalGeneration(config), codes)


def _many_to_many(folder: Path, tokenizer, model: torch.nn.Module, codes: dict[str, str]) -> Path:
    rows = []
    for source, target in DIRECTIONS:
        tokenizer.src_lang, tokenizer.tgt_lang = codes[source], codes[target]
        for text, wanted in zip(LINES[source], LINES[target], strict=True):
            rows.append((tokenizer(text).input_ids, tokenizer(text_target=wanted).input_ids))
    taught(model, rows).save_pretrained(folder)
    return folder


def madlad(folder: Path) -> Path:
    """A T5 that is told the target by a token such as `<2de>` before the text."""
    from transformers import T5Config, T5ForConditionalGeneration, T5Tokenizer

    special = [(word, 0.0) for word in ("<pad>", "</s>", "<unk>")]
    tokenizer = T5Tokenizer(
        vocab=[*special, *pieces()[1]], extra_ids=0, extra_special_tokens=["<2en>", "<2de>", "<2fr>"]
    )
    tokenizer.save_pretrained(folder)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=32,
        d_kv=16,
        d_ff=64,
        num_layers=2,
        num_heads=2,
        dropout_rate=0.0,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
    )
    rows = [
        (tokenizer(f"<2{target}> {text}").input_ids, tokenizer(wanted).input_ids)
        for source, target in DIRECTIONS
        for text, wanted in zip(LINES[source], LINES[target], strict=True)
    ]
    taught(T5ForConditionalGeneration(config), rows).save_pretrained(folder)
    return folder


def as_run(folder: Path, data: Path, *, seed: int = 1, directions: Sequence[str] = ("en-de", "de-en", "en-fr")) -> Path:
    """The folder of a translator, made a run of multilingual_nmt that was trained on the directions."""
    from isogloss.recipe import resolve
    from isogloss.runs import manifest_of
    from isogloss.tasks import load_task
    from isogloss.training import FitReport

    content = {"method": "multilingual_nmt", "task": "multi30k", "languages": ["de", "fr"], "seed": seed}
    recipe = resolve(content | {"data": str(data), "config": {"directions": list(directions)}}, {"output": folder})
    report = FitReport(loss=0.0, curve=[], updates=0, seconds=0.0)
    manifest = manifest_of(recipe, load_task("multi30k"), report, {"sha256": ""}, ())
    (folder / "isogloss.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder
