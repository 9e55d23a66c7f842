"""Three texts and their logits, kept with a run: files that were changed or mixed up are noticed on loading."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isogloss.errors import UserError
from isogloss.kinds import examples
from isogloss.prediction import Reader
from isogloss.records import Record

SANITY_TOLERANCE = 1e-3  # logits of another machine or library version differ in the last digits


def sanity_sample(records: Sequence[Record], reader: Reader) -> list[dict[str, Any]]:
    """Three training texts as token ids, and the logits the finished network gives for each alone."""
    texts = [next(iter(examples(reader.kind, [(record,)]))).sides[0].input_ids for record in records[:3]]
    return [{"input_ids": ids, "logits": np.round(_logits(reader, ids)[:4], 5).tolist()} for ids in texts]


def check_sanity(folder: Path, sanity: Sequence[dict[str, Any]], reader: Reader) -> None:
    """Compare the loaded network with the logits it gave when it was saved.

    Raises:
        UserError: they differ by more than rounding.
    """
    for sample in sanity:
        expected = np.asarray(sample["logits"], dtype=np.float32)
        row = _logits(reader, sample["input_ids"])
        difference = float(np.abs(row[: len(expected)] - expected).max())
        if not difference < SANITY_TOLERANCE * max(1.0, float(np.abs(expected).max())):
            raise UserError(
                f"{folder} does not give the logits it was saved with (off by {difference:.3g}); "
                "its files were changed or belong to another run"
            )


def _logits(reader: Reader, input_ids: list[int]) -> np.ndarray:
    """The logits of one text, (C,) or (tokens, C), read in this process whatever others do."""
    network = reader.network.eval()
    with torch.inference_mode():
        ids = torch.tensor([input_ids], device=next(network.parameters()).device)
        return network(ids).logits[0].float().cpu().numpy()
