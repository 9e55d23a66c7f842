"""What the distillation is trained on, as arrays: token ids, links to the teacher's tokens, the teacher's states.

Made once per run and kept in one safetensors file, so that a resumed run reads exactly the same. Letters: N texts,
E English sentences, H hidden size, L links, W tokens of all English sentences.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from transformers import BertModel, PreTrainedTokenizerBase

from isogloss.pretraining._batches import split_by_tokens, starts
from isogloss.pretraining._texts import Text
from isogloss.pretraining._word_alignment import align

TOKENS_AT_ONCE = 6000  # of the teacher's batches
PAIRS_AT_ONCE = 8000  # of the aligner
LONGEST_ALIGNED = 64  # tokens of a side; candidates grow with the product


@dataclass(frozen=True)
class Material:
    """Arrays of texts, of the teacher's reading of their English sides, and of the links between both.

    ids: tokens of all texts one after another; starts (N + 1,): where each begins. english (N,): index of its English
    sentence. passes (N,). links (L, 2): token of the text, token of the English sentence (both counted with special
    tokens); link_starts (N + 1,). states (W, H) half precision; state_starts (E + 1,). vectors (E, H), unit length.
    aligned (M, 2), aligned_count (M,): how often a piece is aligned with a teacher's piece.
    """

    ids: np.ndarray
    starts: np.ndarray
    english: np.ndarray
    passes: np.ndarray
    links: np.ndarray
    link_starts: np.ndarray
    states: np.ndarray
    state_starts: np.ndarray
    vectors: np.ndarray
    aligned: np.ndarray
    aligned_count: np.ndarray

    def save(self, path: Path) -> None:
        """Write the arrays; the file is there whole or not at all."""
        temporary = path.with_name(f".{path.name}.tmp")
        save_file({item.name: np.ascontiguousarray(getattr(self, item.name)) for item in fields(self)}, temporary)
        os.replace(temporary, path)

    @classmethod
    def load(cls, path: Path) -> "Material":
        """The arrays of a file."""
        return cls(**load_file(path))


def prepare(
    texts: Sequence[Text],
    tokenizer: PreTrainedTokenizerBase,
    teacher: BertModel,
    teacher_tokenizer: PreTrainedTokenizerBase,
    max_tokens: int,
) -> Material:
    """The material of the texts and, besides, of every English sentence as a text of its own (one read per pass)."""
    numbers = {text: i for i, text in enumerate(dict.fromkeys(text.english for text in texts))}
    sentences = list(numbers)
    read = [text for text in texts if text.language != "en"]
    ids, _ = _encode(tokenizer, [text.text for text in read], max_tokens)
    own_ids, own_offsets = _encode(tokenizer, sentences, max_tokens)
    teacher_ids, teacher_offsets = _encode(teacher_tokenizer, sentences, max_tokens)
    english = [numbers[text.english] for text in read]
    links, counts = _align_languages(read, ids, [teacher_ids[i] for i in english])
    own_links = [overlaps(a, b) for a, b in zip(own_offsets, teacher_offsets, strict=True)]
    for own, theirs, pairs in zip(own_ids, teacher_ids, own_links, strict=True):
        for i, j in pairs:
            counts[own[i], theirs[j]] = counts.get((own[i], theirs[j]), 0.0) + 1.0
    all_ids, all_links = ids + own_ids, links + own_links
    states, vectors = _read_english(teacher, teacher_ids)
    return Material(
        ids=np.concatenate([np.asarray(row, np.int32) for row in all_ids]),
        starts=starts(all_ids),
        english=np.array(english + list(range(len(sentences))), np.int64),
        passes=np.array([text.passes for text in read] + [1.0] * len(sentences), np.float32),
        links=np.array([link for row in all_links for link in row], np.int32).reshape(-1, 2),
        link_starts=starts(all_links),
        states=states,
        state_starts=starts(teacher_ids),
        vectors=vectors,
        aligned=np.array(list(counts), np.int32).reshape(-1, 2),
        aligned_count=np.array(list(counts.values()), np.float32),
    )


def overlaps(own: Sequence[tuple[int, int]], theirs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Pairs of tokens of two tokenizations that share a character of the text; special tokens are (0, 0)."""
    found, j = [], 0
    for i, (start, end) in enumerate(own):
        if start == end:
            continue
        while j < len(theirs) and theirs[j][1] <= start:
            j += 1
        if j < len(theirs) and theirs[j][0] < end:
            found.append((i, j))
    return found


def _encode(
    tokenizer: PreTrainedTokenizerBase, texts: list[str], max_tokens: int
) -> tuple[list[list[int]], list[list[tuple[int, int]]]]:
    encoding = tokenizer(texts, truncation=True, max_length=max_tokens, return_offsets_mapping=True)
    return encoding["input_ids"], encoding["offset_mapping"]


def _align_languages(
    texts: Sequence[Text], ids: Sequence[list[int]], english_ids: Sequence[list[int]]
) -> tuple[list[list[tuple[int, int]]], dict[tuple[int, int], float]]:
    """The agreed links of every text, and how often pieces are aligned over all languages.

    Every language is aligned by itself, because the same letters are another word in another language.
    """
    links: list[list[tuple[int, int]]] = [[] for _ in texts]
    counts: dict[tuple[int, int], float] = {}
    by_language: dict[str, list[int]] = {}
    for i, text in enumerate(texts):
        if 2 < len(ids[i]) <= LONGEST_ALIGNED + 2 and 2 < len(english_ids[i]) <= LONGEST_ALIGNED + 2:
            by_language.setdefault(text.language, []).append(i)
    for rows in by_language.values():
        for begin in range(0, len(rows), PAIRS_AT_ONCE):
            part = rows[begin : begin + PAIRS_AT_ONCE]
            every, agreed = align(
                [np.array(ids[i][1:-1], np.int64) for i in part],
                [np.array(english_ids[i][1:-1], np.int64) for i in part],
            )
            for pair, i, j in zip(agreed.pair, agreed.text_position, agreed.english_position, strict=True):
                links[part[pair]].append((int(i) + 1, int(j) + 1))
            width = int(every.english_token.max()) + 1
            kinds, kind = np.unique(every.text_token * width + every.english_token, return_inverse=True)
            for key, mass in zip(kinds.tolist(), np.bincount(kind, every.probability).tolist(), strict=True):
                if mass > 0.01:
                    pair = divmod(key, width)
                    counts[pair] = counts.get(pair, 0.0) + mass
    return links, counts


@torch.inference_mode()
def _read_english(teacher: BertModel, ids: Sequence[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """The teacher's last states of all sentences (W, H) and its unit vectors, the mean of the states (E, H)."""
    begins, width = starts(ids), teacher.config.hidden_size
    states = np.zeros((int(begins[-1]), width), np.float16)
    vectors = np.zeros((len(ids), width), np.float32)
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    for part in split_by_tokens(order, [len(row) for row in ids], 512, TOKENS_AT_ONCE):
        longest = max(len(ids[i]) for i in part)
        batch = torch.tensor([ids[i] + [0] * (longest - len(ids[i])) for i in part])
        mask = torch.tensor([[1] * len(ids[i]) + [0] * (longest - len(ids[i])) for i in part])
        with torch.autocast("cpu", torch.bfloat16):
            read = teacher(input_ids=batch, attention_mask=mask).last_hidden_state.float()
        means = (read * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        vectors[part] = torch.nn.functional.normalize(means, dim=-1).numpy()
        for row, i in enumerate(part):
            states[begins[i] : begins[i + 1]] = read[row, : len(ids[i])].numpy()
    return states, vectors
