"""Writing what pretraining yields: an ordinary encoder folder in half precision, with tokenizer and model card."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from isogloss.files import write_atomic

if TYPE_CHECKING:
    from isogloss.runs import Job


def save_encoder(
    encoder: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path, job: "Job", title: str
) -> None:
    """Write the encoder's folder; the encoder itself is in half precision afterwards."""
    encoder.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_atomic(folder / "README.md", encoder_card(encoder, job, title))


def encoder_card(encoder: PreTrainedModel, job: "Job", title: str) -> str:
    """The model card of a pretrained encoder."""
    recipe = job.recipe
    languages = "\n".join(f"- {tag.split('-')[0]}" for tag in dict.fromkeys(("en", *recipe.languages)))
    sections = {"config": asdict(recipe.config), "train": asdict(recipe.train)}
    settings = "\n".join(
        f"| {section}.{key} | {value} |" for section, values in sections.items() for key, value in values.items()
    )
    size = sum(parameter.numel() for parameter in encoder.parameters()) / 1e6
    return f"""---
library_name: transformers
pipeline_tag: feature-extraction
language:
{languages}
tags:
- cross-lingual
- {recipe.method}
---

# {title}

An encoder of {size:.1f} million parameters ({type(encoder).__name__}), trained by isogloss with the method
`{recipe.method}` on the task `{recipe.task}` (seed {recipe.seed}). Fine-tune it with `--encoder THIS_FOLDER`. The
weights are stored in half precision; load them in float32.

| setting | value |
|---|---|
{settings}

`isogloss.json` says what else made it: versions, the fingerprint of the data, the loss curve.
"""
