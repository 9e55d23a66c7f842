"""The model card of a ranker that was trained here."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from isogloss.runs import Job


def ranker_card(network: nn.Module, job: "Job", what: str, use: str, *, pipeline: str, library: str = "") -> str:
    """The model card of a run: what it is, and Python that uses it; `library` can open the folder too."""
    recipe = job.recipe
    languages = "\n".join(
        f"- {tag.split('-')[0]}" for tag in dict.fromkeys((job.task.train_language, *recipe.languages))
    )
    sections = {"config": asdict(recipe.config), "train": asdict(recipe.train), "lengths": asdict(recipe.lengths)}
    settings = "\n".join(
        f"| {section}.{key} | {value} |" for section, values in sections.items() for key, value in values.items()
    )
    size = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    return f"""---
{f"library_name: {library}" if library else "library_name: isogloss"}
pipeline_tag: {pipeline}
license: other
license_name: "{job.task.licence}"
language:
{languages}
tags:
- cross-lingual
- {recipe.method}
---

# {recipe.method} on {recipe.task}

{what} It has {size:.1f} million parameters and was trained by isogloss with the method `{recipe.method}` on the task
`{recipe.task}` (seed {recipe.seed}, from `{recipe.encoder}`).

```
isogloss evaluate THIS_FOLDER --split test          isogloss rerank THIS_FOLDER --input run.trec --task {recipe.task}
```

```python
{use}
```

Scores, with intervals and everything that produced them, are in `results/`. Languages outside the list above were not
trained on; expect less there.

| setting | value |
|---|---|
{settings}
"""
