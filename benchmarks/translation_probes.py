"""Two looks into a translator of many directions: do sentences of one meaning lie together, and can targets be mixed?

    python -m benchmarks.translation_probes --run RUN --data DIR [--task multi30k] [--languages en,de,fr] [--items 0]

Bridging: the mean of the encoder's last states over the tokens of a text, for the same sentences in two languages and
with the same target asked for, a third language. How often the nearest by cosine is the sentence's own translation, in
percent and both ways; by chance it is 100 over the number of sentences.

Mixing: the token of a target language gets the vector (1 - w) e(one) + w e(other), and English sentences are
translated with it, greedily. For every w the share of the translations in either language, and chrF against the
references of both.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.turns import rounded
from isogloss.cli import run_guarded
from isogloss.data.task_data import read_split
from isogloss.language_id import language_among
from isogloss.metrics.translation import translation_scores
from isogloss.tasks import load_task
from isogloss.translation.translator import Decoding

if TYPE_CHECKING:
    from torch import Tensor

    from isogloss.translation.engines.hf import HuggingFaceTranslator

WEIGHTS = (0.0, 0.2, 0.4, 0.45, 0.5, 0.55, 0.6, 0.8, 1.0)  # w, closer where it is expected to turn over
BATCH = 64  # sentences that the encoder reads at once


def main() -> None:
    """Parse the arguments, probe a run and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--task", default="multi30k")
    parser.add_argument("--languages", default="en,de,fr", help="English first")
    parser.add_argument("--items", type=int, default=0, help="sentences at most; 0 = all")
    given = parser.parse_args()
    tags = given.languages.split(",")
    run_guarded(
        lambda: print(json.dumps(rounded(probes(given.run, given.task, given.data, tags, given.items)), indent=1))
    )


def probes(run: Path, task: str, data: Path, tags: Sequence[str], items: int = 0) -> dict[str, Any]:
    """Bridging between the languages, and mixing of the targets other than the first, on the test sentences."""
    from isogloss.translation.engines import hf

    engine = hf.load(str(run))
    found = read_split(load_task(task), data, "test", tags, items=items)
    texts = {tag: [record.text for record in records] for tag, records in found.items()}
    return {"sentences": len(texts[tags[0]]), "bridging": bridging(engine, texts), "mixing": mixing(engine, texts)}


def bridging(engine: "HuggingFaceTranslator", texts: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """For two languages with a third one asked for, how often the nearest sentence is the translation, in percent."""
    states = {
        (tag, target): pooled(engine, texts[tag], tag, target) for tag in texts for target in texts if tag != target
    }
    found = {}
    for source, other, target in permutations(texts, 3):
        nearest = (states[source, target] @ states[other, target].T).argmax(1)
        right = (nearest == nearest.new_tensor(range(len(nearest)))).double().mean()
        found[f"{source}-{other} asked for {target}"] = 100 * right.item()
    return found


def pooled(engine: "HuggingFaceTranslator", texts: Sequence[str], source: str, target: str) -> "Tensor":
    """The mean of the encoder's states over each text's own tokens, of length 1, (texts, H)."""
    import torch
    from torch.nn.functional import normalize
    from torch.nn.utils.rnn import pad_sequence

    rows = engine.tagged.source_ids(texts, source, target)
    found = []
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        pad = engine.tagged.tokenizer.pad_token_id
        ids = pad_sequence([torch.tensor(row) for row in part], batch_first=True, padding_value=pad)
        there = pad_sequence([torch.ones(len(row)) for row in part], batch_first=True)
        own = pad_sequence([torch.tensor(engine.tagged.of_the_text(row)) for row in part], batch_first=True).float()
        with torch.inference_mode():
            given = {"input_ids": ids.to(engine.device), "attention_mask": there.to(engine.device)}
            states = engine.model.get_encoder()(**given).last_hidden_state.float().cpu()
        found.append((states * own[..., None]).sum(1) / own.sum(1, keepdim=True))
    return normalize(torch.cat(found), dim=-1)


def mixing(engine: "HuggingFaceTranslator", texts: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """For every weight the share of translations in each language, in percent, and chrF against two references."""
    if len(texts) < 3:
        return []
    source, one, other = list(texts)[:3]
    found: list[dict[str, Any]] = []
    for weight in WEIGHTS:
        with mixed(engine, one, other, weight):
            made = engine.translate(texts[source], source, one, Decoding(beam=1))
        outputs = [each.text or "" for each in made]
        languages = Counter(language_among(output, texts) or "not known" for output in outputs)
        scores = {tag: translation_scores(outputs, texts[tag], tag, ["chrF"])[0].value for tag in (one, other)}
        shares = {tag: 100 * count / len(outputs) for tag, count in languages.items()}
        found.append({"from": source, "targets": [one, other], "weight": weight, "languages": shares, "chrF": scores})
    return found


@contextmanager
def mixed(engine: "HuggingFaceTranslator", one: str, other: str, weight: float) -> Iterator[None]:
    """While it lasts, the token of one target language stands between it and another."""
    import torch

    table = engine.model.get_input_embeddings().weight
    first, second = (engine.tagged.tokens[tag].id for tag in (one, other))
    kept = table[first].detach().clone()
    try:
        with torch.no_grad():
            table[first] = (1 - weight) * kept + weight * table[second]
        yield
    finally:
        with torch.no_grad():
            table[first] = kept


if __name__ == "__main__":
    main()
