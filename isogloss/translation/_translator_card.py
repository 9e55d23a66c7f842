"""The model card of a translator that was trained here."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from torch import nn
from transformers import PreTrainedModel

from isogloss.data.directions import Direction

if TYPE_CHECKING:
    from isogloss.runs import Job


def translator_card(network: nn.Module, job: "Job", pairs: Mapping[Direction, int]) -> str:
    """The model card of a run, whose training pairs are counted by direction."""
    recipe = job.recipe
    languages = "\n".join(f"- {tag.split('-')[0]}" for tag in dict.fromkeys(tag for pair in pairs for tag in pair))
    sections = {"config": asdict(recipe.config), "train": asdict(recipe.train)}
    settings = "\n".join(
        f"| {section}.{key} | {value} |" for section, values in sections.items() for key, value in values.items()
    )
    directions = "\n".join(f"| {direction} | {count:,} |" for direction, count in pairs.items())
    size = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    library, engine, export = "", "run", ""
    if isinstance(network, PreTrainedModel):  # others are read by this package alone
        library, engine = "library_name: transformers\n", "hf"
        export = "isogloss export THIS_FOLDER --to ctranslate2\n"
    return f"""---
{library}pipeline_tag: translation
license: other
license_name: "{job.task.licence}"
language:
{languages}
tags:
- cross-lingual
- {recipe.method}
---

# Translator trained on {recipe.task}

An encoder-decoder of {size:.1f} million parameters ({type(network).__name__}), trained by isogloss with the method
`{recipe.method}` on the task `{recipe.task}` (seed {recipe.seed}, from `{recipe.encoder}`).

```
isogloss translate FILE --from {next(iter(pairs)).source} --to {next(iter(pairs)).target} --engine {engine}:THIS_FOLDER
{export}```

It knows the words and the style of its training text and no other; of directions that are not in this table it was
never shown a sentence, and it may answer them in a wrong language.

| direction | training pairs |
|---|---|
{directions}

Scores, with intervals and everything that produced them, are in `results/`.

| setting | value |
|---|---|
{settings}

`isogloss.json` says what else made it: versions, the fingerprint of the data, the loss curve.
"""
