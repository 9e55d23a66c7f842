"""Runs: from a recipe to a trained run directory, and from a run directory to a predictor.

A run directory is an ordinary Hugging Face model folder plus `isogloss.json` (what made it), `results/`, and while it
is being trained `checkpoints/` and `recipe.json`. The same command on the same folder resumes an unfinished run; a
folder that holds another run is never touched.
"""

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from transformers import PreTrainedModel, PreTrainedTokenizerBase, set_seed

from isogloss.data.checks import labels_of
from isogloss.data.given_translations import fingerprint_of, read_translations, translations_for
from isogloss.data.lexicon import has_material, lexicons, translated
from isogloss.data.on_disk import OnDisk
from isogloss.data.pairing import mixed
from isogloss.data.parallel_set import ParallelSet
from isogloss.data.task_data import fingerprint, read_split
from isogloss.data.token_store import tokenised_once
from isogloss.encoders import load_config, load_encoder, load_tokenizer, max_tokens, models
from isogloss.errors import UserError
from isogloss.files import write_atomic
from isogloss.kinds import Example, Features, Kind, Lengths, load_kind, stay_on_disk, tell_cut, training_examples
from isogloss.methods import load_method
from isogloss.modelcard import model_card
from isogloss.precision import FLOAT32, lower
from isogloss.prediction import Reader
from isogloss.processes import is_first, this_process
from isogloss.provenance import versions
from isogloss.recipe import Recipe, build
from isogloss.records import Prediction, Record
from isogloss.run_folder import FORMAT, MANIFEST, STARTED, claim, read_manifest
from isogloss.sanity import check_sanity, sanity_sample
from isogloss.tasks import Task, load_task
from isogloss.training import FitReport, fit, reachable

if TYPE_CHECKING:
    from isogloss.translation.live import Live
    from isogloss.translation.translator import Translator

WORTH_KEEPING = 10_000  # training texts; fewer take one to six seconds to tokenise


@dataclass
class Job:
    """What a method is given to train with: the recipe, and the task, texts and encoder it names, loaded when used."""

    recipe: Recipe
    folder: Path

    @cached_property
    def task(self) -> Task:
        """The task's declaration."""
        return load_task(self.recipe.task, self.recipe.data)

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The encoder's tokenizer."""
        return load_tokenizer(self.recipe.encoder)

    @cached_property
    def kind(self) -> Kind:
        """The task's kind, which turns records into windows that the encoder reads."""
        self.check_lengths()
        return load_kind(self.task, self.tokenizer, self.recipe.lengths, self.recipe.features)

    @cached_property
    def _splits(self) -> dict[str, dict[str, Sequence[Any]]]:
        return {}

    def records(self, split: str) -> dict[str, Sequence[Any]]:
        """The records of a split by language tag, translations attached; the training language is always there."""
        if split not in self._splits:
            wanted = self.recipe.languages
            if split == "train":
                wanted = self.recipe.train_languages or wanted
            asked = dict.fromkeys((self.task.train_language, *wanted))
            given = self._given() if split == "train" else None
            from_set = [tag for tag in asked if given and tag in given.languages and tag != self.task.train_language]
            tags = [tag for tag in asked if tag in self.task.languages_of(split) and tag not in from_set]
            found = read_split(self.task, self.recipe.data, split, tags, pivots=self.recipe.pivots)
            if given is not None:
                labelled = found[self.task.train_language]
                found |= read_translations(
                    given, self.task, self.recipe.data, labelled, from_set, pivots=self.recipe.pivots
                )
            if split == "train":
                self._tell_untrained(asked, found)
            if split == "train" and self.recipe.train_translations == "word_for_word":
                lacking = [tag for tag in asked if tag not in found]
                found |= self._word_for_word(found[self.task.train_language], lacking)
            self._splits[split] = found
        return self._splits[split]

    def _given(self) -> ParallelSet | None:
        """The parallel data set that the recipe names, with at least one of the languages it asks for."""
        if self.recipe.translations is None:
            return None
        given = translations_for(self.task, self.recipe.translations)
        asked = self.recipe.train_languages or self.recipe.languages
        if not set(given.languages) & set(asked):
            raise UserError(
                f"{given.folder} has translations into {', '.join(given.languages)}, but {', '.join(asked)} are to be "
                "trained on; choose among those with --languages"
            )
        return given

    def _tell_untrained(self, asked: Iterable[str], found: Iterable[str]) -> None:
        """Say which languages could be trained on, were their files there."""
        declared = load_task(self.recipe.task).languages_of("train")
        if absent := [tag for tag in asked if tag in declared and tag not in found]:
            print(f"{self.task.name}: no training files in {', '.join(absent)}; not trained on", file=sys.stderr)

    def paired_records(self) -> dict[str, Sequence[Any]]:
        """The training records by language tag for a method that reads pairs, under the recipe's pairings."""
        recipe = self.recipe
        return mixed(self.task, recipe.data, "train", self.records("train"), recipe.train_pairings, recipe.seed)

    @cached_property
    def labelled(self) -> Sequence[Any]:
        """The training records of the training language, which have the gold labels; none in parallel text."""
        language = self.task.train_language
        if language not in self.task.languages_of("train"):
            return []
        return read_split(self.task, self.recipe.data, "train", [language])[language]

    def _word_for_word(self, labelled: Sequence[Any], tags: Sequence[str]) -> dict[str, Sequence[Any]]:
        """Translations of the labelled records through lexicons, for languages in which the task has none."""
        able = [tag for tag in tags if has_material(self.task, tag)]
        for tag in set(tags) - set(able):
            print(f"no parallel text in {tag}: it is not trained on", file=sys.stderr)
        words = lexicons(self.task, self.recipe.data, able, into=False)
        return {tag: translated(labelled, tag, words[tag]) for tag in able}

    def examples(self, groups: Iterable[Sequence[Any]], sides: Callable[[Any], Sequence[Record]]) -> Sequence[Example]:
        """Examples of all records of the groups, each read as the sides made of it; without sides it is left out.

        Small training sets are tokenised now. Larger ones are tokenised once for all runs, and those that stay on disk
        only where the training can reach all of them; else they are tokenised when a batch asks for them.
        """
        groups, recipe = list(groups), self.recipe
        count, on_disk = sum(map(len, groups)), stay_on_disk(self.kind, groups)
        all_read = recipe.train.tokens_per_batch or len(reachable(range(count), recipe.train, recipe.seed)) == count
        if count >= WORTH_KEEPING and (all_read or not on_disk):
            kept = tokenised_once(
                self.kind,
                {"labels": self.task.labels, "lengths": asdict(recipe.lengths), "features": asdict(recipe.features)},
                lambda: (made for group in groups for record in group if (made := sides(record))),
                numbered=on_disk,
                workers=recipe.train.workers,
            )
            if kept is not None:
                return kept
        found = training_examples(self.kind, groups, sides)
        if not isinstance(found, OnDisk):  # nothing is known of what was not read
            tell_cut(found)
        return found

    def load_encoder(self) -> PreTrainedModel:
        """The pretrained encoder, loaded anew."""
        return load_encoder(self.recipe.encoder)

    def check_lengths(self) -> None:
        """Nothing, if the encoder reads texts of that length.

        Raises:
            UserError: it does not.
        """
        limit = max_tokens(load_config(self.recipe.encoder))
        if self.recipe.lengths.max_length > limit:
            raise UserError(
                f"max_length {self.recipe.lengths.max_length} is more than encoder {self.recipe.encoder!r} reads "
                f"({limit} tokens); set max_length={limit} or less"
            )

    def model_class(self, family: str) -> Any:
        """The model of the task's kind: `Encoder...` of the floor, or the family of the method itself."""
        module = models if family == "Encoder" else load_method(self.recipe.method)
        return getattr(module, f"{family}For{self.kind.model}")

    def stage(self, name: str, settings: Any) -> Reader:
        """An earlier stage of the same run with other settings, trained or resumed in a sub-folder of the run."""
        recipe = replace(self.recipe, config=settings, output=self.folder / name)
        if not (recipe.output / MANIFEST).is_file():
            train(recipe)
        return load(recipe.output).reader


@dataclass
class Predictor:
    """A trained run, ready to predict."""

    folder: Path
    manifest: dict[str, Any]
    task: Task
    method: Any
    reader: Reader
    precision: str = FLOAT32

    def predict(
        self, records: Iterable[Record], translator: "Translator | str | None" = None, gates: str = "all"
    ) -> list[Prediction]:
        """One prediction per record, in their order: labels, word tags or answers, by the task's kind.

        Where torchrun has started several processes, all must call this with the same records: each reads a share.
        translator: an engine, or its `NAME:REST`, that translates the records without a translation; those that it
        cannot translate are read without and told on standard error, and so are those whose translation does not pass
        the gates (`all`, `none`, or as in `isogloss translate`).
        """
        if translator is None:
            return self.method.predict(self.reader, records)
        live = self.live(translator, gates)
        predictions = self.method.predict(self.reader, live(list(records)))
        live.tell()
        return predictions

    def live(self, translator: "Translator | str", gates: str = "all", decoding: str = "") -> "Live":
        """What gives records the translations that the run reads beside them, by an engine or its `NAME:REST`.

        decoding: `NAME=VALUE,...`, such as `beam=1`, where it is not the usual one.

        Raises:
            UserError: there is no such engine, or it cannot be loaded; there is no such gate, or no such decoding.
        """
        from isogloss.translation.decoding import read_decoding
        from isogloss.translation.gates import parse_gates
        from isogloss.translation.live import Live
        from isogloss.translation.translator import load_translator

        asked, searched = parse_gates(gates, alone=True), read_decoding(decoding)
        engine = (load_translator(translator) if is_first() else None) if isinstance(translator, str) else translator
        return Live(engine, (self.task.train_language, *self.manifest["pivots"]), asked, searched)


def train(recipe: Recipe) -> Path:
    """Train a recipe into its output folder, or go on where it was stopped; returns the folder.

    Raises:
        UserError: the folder holds another run or a finished one, or anything in the recipe or the data is wrong.
    """
    job = Job(recipe, recipe.output)
    method = load_method(recipe.method).Method(recipe.config)
    data = {"sha256": fingerprint(job.task, recipe.data)}
    if recipe.translations is not None:
        translations_for(job.task, recipe.translations)  # before anything is written
        data["translations_sha256"] = fingerprint_of(recipe.translations)
    claim(recipe, data)
    found = method.examples(job)
    set_seed(recipe.seed)  # the head's first weights; resuming overwrites them
    network = method.build(job)
    report = fit(
        network,
        found,
        collate=method.collate(job),
        loss=method.loss,
        settings=recipe.train,
        seed=recipe.seed,
        folder=recipe.output / "checkpoints",
        title=f"{recipe.method}/{recipe.task}/seed {recipe.seed}",
    )
    if is_first():
        try:
            finish(job, method, network, report, data)
        except (OSError, SafetensorError) as error:
            raise UserError(
                f"writing the run to {recipe.output} failed: {error}; what was trained is in its checkpoints; "
                "free space and run again"
            ) from None
    this_process().wait_for_everyone()
    return recipe.output


def finish(job: Job, method: Any, network: Any, report: FitReport, data: dict[str, Any]) -> None:
    """Write the run directory; `isogloss.json` comes last, so that a folder with it is complete."""
    folder = job.folder
    trained = sorted(labels_of(job.labelled))
    manifest = manifest_of(job.recipe, job.task, report, data, trained)
    if hasattr(method, "save"):
        manifest |= method.save(network, job, folder) or {}  # what is only known now
        write_atomic(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False))
    else:
        write_run(folder, Reader(network, job.kind), job.labelled, manifest)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    (folder / STARTED).unlink(missing_ok=True)


def manifest_of(
    recipe: Recipe, task: Task, report: FitReport, data: dict[str, Any], trained_labels: Sequence[str]
) -> dict[str, Any]:
    """The contents of a run's isogloss.json, but for what is found out when its network is written."""
    return {
        "format": FORMAT,
        "method": recipe.method,
        "task": recipe.task,
        "kind": task.kind,
        "labels": list(task.labels),
        "trained_labels": list(trained_labels),
        "languages": list(recipe.languages),
        "encoder": recipe.encoder,
        "seed": recipe.seed,
        "config": asdict(recipe.config),
        "train": asdict(recipe.train),
        "lengths": asdict(recipe.lengths),
        "features": asdict(recipe.features),
        "updates": report.updates,
        "seconds": report.seconds,
        "examples_per_second": report.examples_per_second,
        "tokens_per_second": report.tokens_per_second,
        "loss": report.loss,
        "loss_curve": report.curve,
        "versions": versions(),
        "train_languages": list(recipe.train_languages),
        "pivots": list(recipe.pivots),
        "train_translations": recipe.train_translations,
        "train_pairings": list(recipe.train_pairings),
        "test_items": recipe.test_items,
        "data": data
        | ({"folder": str(recipe.data)} if recipe.data else {})
        | ({"translations": str(recipe.translations)} if recipe.translations else {}),
    }


def write_run(folder: Path, reader: Reader, records: Sequence[Record], manifest: dict[str, Any]) -> None:
    """Write a network, its tokenizer, its model card and, last, its manifest, with a sanity sample of the records."""
    network: Any = reader.network
    if manifest["labels"]:  # for readers outside isogloss
        network.config.id2label = dict(enumerate(manifest["labels"]))
        network.config.label2id = {label: number for number, label in enumerate(manifest["labels"])}
    network.save_pretrained(folder)
    reader.kind.tokenizer.save_pretrained(folder)
    manifest = manifest | {"model": type(network).__name__, "sanity": sanity_sample(records, reader)}
    write_atomic(folder / "README.md", model_card(manifest))
    write_atomic(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False))


def load(run: str | Path, method: str | None = None, precision: str = FLOAT32) -> Predictor:
    """The predictor of a run directory; `method` reads it as another method that is trained in the same way.

    precision: float32, bfloat16 or int8 (`isogloss.precision`).

    Raises:
        UserError: it is no finished run, was made by a newer isogloss, or its weights do not give its own logits; the
            precision is not to be had.
    """
    folder = Path(run)
    manifest = read_manifest(folder)
    task = load_task(manifest["task"])
    if method is not None and method != manifest["method"]:
        manifest |= reading_as(method, manifest["method"])
    module = load_method(manifest["method"])
    reads = module.Method(build(module.Settings, manifest["config"], "config"))
    if not hasattr(reads, "predict"):
        raise UserError(f"{run} is an encoder made by {manifest['method']}; fine-tune it with --encoder {run}")
    holder = module if hasattr(module, manifest["model"]) else models
    network = getattr(holder, manifest["model"]).from_pretrained(folder).to(this_process().device)
    task = replace(task, labels=tuple(manifest["labels"]))
    lengths = build(Lengths, manifest["lengths"], "lengths")
    features = build(Features, manifest.get("features", {}), "features")  # runs of before have none
    kind = load_kind(task, load_tokenizer(folder), lengths, features)
    reader = Reader(network, kind)
    check_sanity(folder, manifest["sanity"], reader)
    lower(network, precision)
    return Predictor(folder, manifest, task, reads, reader, precision)


def reading_as(method: str, trained: str) -> dict[str, Any]:
    """The entries of a manifest that change when a run is read as a method that shares its training.

    Raises:
        UserError: the method is trained in another way.
    """
    module = load_method(method)
    if getattr(module, "TRAINED_AS", method) != trained:
        raise UserError(f"a run of {trained} cannot be read as {method}, which is trained differently; train it")
    return {"method": method, "config": asdict(module.Settings())}
