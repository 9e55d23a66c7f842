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
    given = [next(iter(examples(reader.kind, [(record,)]))) for record in records[:3]]
    rows = reader.logits(given)
    return [
        {"input_ids": example.sides[0].input_ids, "logits": np.round(row[:4], 5).tolist()}
        for example, row in zip(given, rows, strict=True)
    ]


def check_sanity(folder: Path, sanity: Sequence[dict[str, Any]], reader: Reader) -> None:
    """Compare the loaded network with the logits it gave when it was saved.

    Raises:
        UserError: they differ by more than rounding.
    """
    for sample in sanity:
        expected = np.asarray(sample["logits"], dtype=np.float32)
        with torch.inference_mode():
            device = next(reader.network.parameters()).device
            ids = torch.tensor([sample["input_ids"]], device=device)
            row = reader.network(ids).logits[0].float().cpu().numpy()
        difference = float(np.abs(row[: len(expected)] - expected).max())
        if not difference < SANITY_TOLERANCE * max(1.0, float(np.abs(expected).max())):
            raise UserError(
                f"{folder} does not give the logits it was saved with (off by {difference:.3g}); "
                "its files were changed or belong to another run"
            )
