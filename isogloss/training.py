"""The one training loop: `transformers.Trainer` called with a method's examples, collate and loss.

A method brings four things and inherits nothing: a network, a list of examples, `collate(examples) -> batch` and
`loss(network, batch) -> scalar`. Everything else (optimiser, schedule, accumulation, several processes, checkpoints,
resuming, progress) is the same for all of them and lives here.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_model
from torch import nn
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerState, TrainingArguments, set_seed

from isogloss.checkpoints import (
    MarkComplete,
    kept,
    last_checkpoint,
    last_checkpoints,
    mean_weights,
    require_space,
    seconds_of,
    step_of,
    write_error,
)
from isogloss.data.loader import (
    Collate,
    MicroBatches,
    lengths_of,
    require_shares,
    token_counts,
    training_loader,
)
from isogloss.data.on_disk import OnDisk
from isogloss.data.sampler import ByLength
from isogloss.encoders import quiet
from isogloss.encoders.models import EncoderWithHead
from isogloss.encoders.visibility import attention_backend
from isogloss.errors import UserError, nearest
from isogloss.memory import ran_out, smaller_batches
from isogloss.objective import Loss, Objective
from isogloss.processes import this_process
from isogloss.progress import Progress, counting
from isogloss.sharding import advice, is_sharded, take_back, twin, weights_file
from isogloss.train_settings import SCHEDULES, TrainSettings
from isogloss.tuning import WHOLE, compiled, frozen, low_rank, recomputed

WRITERS = ("PytorchStreamWriter", "inline_container")  # in the messages of torch.save on a full disk


@dataclass(frozen=True, slots=True)
class FitReport:
    """What a finished training leaves: its loss curve, how long it took, and how fast it was since its last start.

    Seconds are those of all commands, but for what one did behind its last checkpoint. Examples and tokens are those of
    all processes and all sides, without padding.
    """

    loss: float
    curve: list[tuple[float, float]]
    updates: int
    seconds: float
    examples_per_second: float = 0.0
    tokens_per_second: float = 0.0


class _Trainer(Trainer):
    """The library's loop over our own loader, which begins with the first update that is still to be made."""

    def __init__(self, *, loader: DataLoader, **arguments: Any):
        super().__init__(**arguments)
        self.loader = loader

    def get_train_dataloader(self) -> DataLoader:
        return self.loader


def fit(
    network: nn.Module,
    examples: Sequence[Any],
    *,
    collate: Collate,
    loss: Loss,
    settings: TrainSettings,
    seed: int,
    folder: Path,
    title: str,
) -> FitReport:
    """Train the network in place; checkpoints go to the folder, and a run that was stopped goes on where it was.

    The loss of an update is the mean over its micro-batches (`accumulate` on each process), each weighted by how many
    examples it has: where a method's loss is a mean over examples, that is the mean over all examples of the update.
    Examples that have a `len` are batched with others of about the same length; those on disk, by the bytes of their
    texts.

    Raises:
        UserError: no examples, a batch that cannot be divided, a full disk, a loss that is not finite.
    """
    if not examples:
        raise UserError(f"{title}: there is nothing to train on (0 examples)")
    processes = int(os.environ.get("WORLD_SIZE", "1"))  # set by torchrun and accelerate launch
    check_settings(settings, processes)
    check_devices(processes, torch.cuda.device_count())
    batches = _batches(examples, settings, seed, processes)
    per_epoch = len(batches.epoch(0)) if settings.epochs else 0
    arguments = training_arguments(settings, seed, folder, per_epoch)
    check_average(settings.average, arguments)
    checkpoint = last_checkpoint(folder)
    size = f"up to {batches.tokens} tokens" if batches.tokens else f"{batches.batch_size} examples"
    set_seed(seed)  # the same data order and dropout, whatever ran in this process before
    objective = Objective(network, loss)
    with prepared(network, settings):
        require_space(network, folder, max(2, settings.average))
        if checkpoint and step_of(checkpoint) == arguments.max_steps:  # the library would train one update too many
            load_model(objective, weights_file(checkpoint))
            average(objective, folder, settings.average)
            print(f"{title}: all {arguments.max_steps} updates were made before", file=sys.stderr)
            return _report(TrainerState.load_from_json(str(checkpoint / "trainer_state.json")), seconds_of(checkpoint))
        trained = Objective(twin(network), loss) if is_sharded() else objective
        progress = Progress(title, size, trained.work, in_short(network, settings))
        mark = MarkComplete(seconds_of(checkpoint) if checkpoint else 0.0)
        trainer = _Trainer(
            loader=_loader(examples, counting(collate), batches, arguments, step_of(checkpoint) if checkpoint else 0),
            model=trained,
            args=arguments,
            callbacks=[progress, mark],
        )
        trainer.remove_callback(PrinterCallback)  # it prints every entry of the log as a Python dict
        if too_large := advice(network, processes):
            print(f"{title}: {too_large}", file=sys.stderr)
        try:
            with quiet(), failures_told(folder, settings, processes):
                trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
                if is_sharded():
                    take_back(objective, trainer)
                average(objective, folder, settings.average)
        finally:
            progress.close()
    return _report(trainer.state, mark.seconds, progress)


def average(objective: nn.Module, folder: Path, count: int) -> None:
    """Nothing; the weights are the mean of those of the last `count` checkpoints, or as they were where that is 0."""
    if not count:
        return
    this_process().wait_for_everyone()  # for the first one, which writes the last checkpoint
    objective.load_state_dict(mean_weights([weights_file(each) for each in last_checkpoints(folder, count)]))


@contextmanager
def prepared(network: nn.Module, settings: TrainSettings) -> Iterator[None]:
    """The encoder is frozen, adapted, recomputed and compiled inside the block, as the settings say."""
    with ExitStack() as stack:
        if settings.frozen_layers:
            stack.enter_context(frozen(network, settings.frozen_layers))
        if settings.lora_rank:
            stack.enter_context(low_rank(network, settings.lora_rank, settings.lora_alpha))
        if settings.gradient_checkpointing:
            stack.enter_context(recomputed(network))
        if settings.compile:
            stack.enter_context(compiled(network))
        yield


@contextmanager
def failures_told(folder: Path, settings: TrainSettings, processes: int) -> Iterator[None]:
    """Memory or a disk that was too small inside the block becomes one line that says what is kept and what to do.

    Raises:
        UserError: that line.
    """
    try:
        yield
    except (OSError, SafetensorError, RuntimeError, MemoryError) as error:
        if ran_out(error):
            size, unit = settings.batch_size, "examples"
            if settings.tokens_per_batch:
                size, unit = settings.tokens_per_batch, "tokens"
            at_once = size // (processes * settings.accumulate)
            change = smaller_batches(at_once, unit, settings.accumulate, settings.gradient_checkpointing)
            raise UserError(
                f"out of memory: {change}; {kept(folder)}; give the command again with it (--set)"
            ) from None
        if isinstance(error, RuntimeError) and not any(name in str(error) for name in WRITERS):
            raise
        raise write_error(folder, error) from None


def in_short(network: nn.Module, settings: TrainSettings) -> list[str]:
    """What is out of the ordinary in a training, for the line that it begins with."""
    every = sum(parameter.numel() for parameter in network.parameters())
    moving = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    told = [f"{moving / 1e6:.1f} of {every / 1e6:.1f} million parameters"] if moving < every else []
    told += ["gradient checkpointing"] if settings.gradient_checkpointing else []
    if isinstance(network, EncoderWithHead):
        device = "cuda" if torch.cuda.is_available() else "cpu"
        name = attention_backend(network.encoder, device, torch.bfloat16 if settings.bf16 else torch.float32)
        told.append(f"attention by {name}")
    return told + (["compiled"] if settings.compile else [])


def _report(state: TrainerState, seconds: float, progress: Progress | None = None) -> FitReport:
    curve = [(entry["step"], entry["loss"]) for entry in state.log_history if "loss" in entry]
    speed = (progress.examples_per_second, progress.tokens_per_second) if progress else ()
    return FitReport(curve[-1][1] if curve else float("nan"), curve, state.global_step, round(seconds, 1), *speed)


def item_numbers(examples: Sequence[Any]) -> np.ndarray:
    """A number for every example (or window of one) that is the same for the same item in other languages.

    Raises:
        UserError: what this method trains on has no items.
    """
    if isinstance(examples, OnDisk):
        return examples.numbers
    if not hasattr(examples[0], "window"):
        raise UserError("one_language draws a language for every item, but this method trains on none; leave it out")
    known: dict[tuple[str, int], int] = {}
    return np.array([known.setdefault((example.id, example.window), len(known)) for example in examples])


def _batches(examples: Sequence[Any], settings: TrainSettings, seed: int, processes: int) -> ByLength:
    """The examples of every update, by number.

    Raises:
        UserError: `tokens_per_batch` has no room for an example in every share.
    """
    items = item_numbers(examples) if settings.one_language else None
    if not settings.tokens_per_batch:
        return ByLength(lengths_of(examples), seed, batch_size=settings.batch_size, items=items)
    batches = ByLength(token_counts(examples), seed, tokens=settings.tokens_per_batch, items=items)
    require_shares(examples, batches, processes, settings.accumulate)
    return batches


def _loader(
    examples: Sequence[Any], collate: Collate, batches: ByLength, arguments: TrainingArguments, first: int
) -> DataLoader:
    """This process's share of every update, from the first that is still to be made."""
    micro_batches = MicroBatches(
        batches,
        updates=arguments.max_steps,
        first=first,
        accumulate=arguments.gradient_accumulation_steps,
        process=arguments.process_index,
        processes=arguments.world_size,
    )
    workers, on_gpu = arguments.dataloader_num_workers, not arguments.use_cpu
    return training_loader(examples, collate, micro_batches, workers=workers, pin_memory=on_gpu)


def reachable(examples: Sequence[Any], settings: TrainSettings, seed: int) -> Sequence[Any]:
    """The examples that the updates can read: all of them, or a random part where the updates end within an epoch.

    For work that is done on every example before training, such as a teacher's pass.
    """
    if settings.epochs:
        return examples
    order = np.random.default_rng(seed).permutation(len(examples))
    reads = settings.updates * settings.batch_size
    if settings.tokens_per_batch:
        ends = np.cumsum(token_counts(examples)[order])
        reads = int(np.searchsorted(ends, settings.updates * settings.tokens_per_batch)) + 1
    if reads >= len(examples):
        return examples
    drawn = np.sort(order[:reads])
    return examples.chosen(drawn) if isinstance(examples, OnDisk) else [examples[i] for i in drawn.tolist()]


def training_arguments(settings: TrainSettings, seed: int, folder: Path, per_epoch: int) -> TrainingArguments:
    """The library's arguments for our settings and so many updates `per_epoch`, which matters to `epochs` alone.

    Epochs of `tokens_per_batch` differ by a few updates; the first one's are counted, times `epochs`.
    """
    updates = max(1, round(settings.epochs * per_epoch)) if settings.epochs else settings.updates
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=updates,
        gradient_accumulation_steps=settings.accumulate,
        optim="adamw_torch_fused",
        learning_rate=settings.learning_rate,
        warmup_steps=round(settings.warmup * updates),
        lr_scheduler_type=settings.schedule,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        bf16=settings.bf16,
        use_cpu=not torch.cuda.is_available(),
        save_steps=settings.save_every or max(1, -(-updates // 4)),
        save_total_limit=max(2, settings.average),
        logging_steps=settings.log_every,
        logging_first_step=True,
        logging_nan_inf_filter=False,  # would wait for the GPU at every batch; `Objective` lets no such loss through
        seed=seed,
        data_seed=seed,
        dataloader_num_workers=settings.workers,
        ignore_data_skip=True,  # our loader begins where the run was stopped
        remove_unused_columns=False,
        label_names=[],
        report_to="none",
        disable_tqdm=True,
    )


def check_settings(settings: TrainSettings, processes: int) -> None:
    """Nothing, if the settings describe a training; the library would take some of the others for something else.

    Raises:
        UserError: naming the setting, its value and what it may be.
    """
    at_least = {
        "batch_size": 1,
        "tokens_per_batch": 0,
        "accumulate": 1,
        "epochs": 0,
        "log_every": 1,
        "save_every": 0,
        "average": 0,
    }
    for name, least in at_least.items():
        if getattr(settings, name) < least:
            raise UserError(f"{name} = {getattr(settings, name)}: set it to {least} or more")
    if settings.frozen_layers < WHOLE or settings.lora_rank < 0 or settings.lora_alpha <= 0:
        raise UserError(
            f"frozen_layers = {settings.frozen_layers}, lora_rank = {settings.lora_rank}, lora_alpha = "
            f"{settings.lora_alpha}: set them to {WHOLE} or more, 0 or more, and above 0"
        )
    if settings.frozen_layers and settings.lora_rank:
        raise UserError("lora_rank trains adapters in place of all of the encoder's weights; leave frozen_layers out")
    if settings.compile and settings.gradient_checkpointing:
        raise UserError("compile leaves layers as they are that gradient_checkpointing computes again; choose one")
    if settings.compile and is_sharded():
        raise UserError("compile and a network that FSDP divides do not go together; leave compile out")
    if not settings.epochs and settings.updates < 1:
        raise UserError(f"updates = {settings.updates} and no epochs: set one of them above 0")
    if not 0 <= settings.warmup <= 1:
        raise UserError(f"warmup = {settings.warmup} is a share of the updates: set it between 0 and 1")
    if settings.schedule not in SCHEDULES:
        raise UserError(f"no schedule {settings.schedule!r}; {nearest(settings.schedule, SCHEDULES)}")
    if not settings.tokens_per_batch and settings.batch_size % (processes * settings.accumulate):
        raise UserError(
            f"batch_size {settings.batch_size} cannot be divided over {processes} processes x {settings.accumulate} "
            "micro-batches; choose a multiple"
        )


def check_average(count: int, arguments: TrainingArguments) -> None:
    """Nothing, if a training writes so many checkpoints.

    Raises:
        UserError: it writes fewer; the message says how to have more.
    """
    every, updates = int(arguments.save_steps), arguments.max_steps
    written = -(-updates // every)
    if count > written:
        raise UserError(
            f"average = {count}, but {updates} updates with a checkpoint every {every} leave {written}; set save_every "
            f"to {max(1, updates // count)} or less, or lower average"
        )


def check_devices(processes: int, gpus: int) -> None:
    """Nothing, if every process has at most one GPU; the library would copy the network to all GPUs at every update.

    Raises:
        UserError: one process sees several GPUs; the message says how to use them all, or one.
    """
    if processes == 1 and gpus > 1:
        raise UserError(
            f"one process sees {gpus} GPUs; start one process for each (torchrun --nproc-per-node {gpus} -m isogloss "
            "train ...) or choose one with CUDA_VISIBLE_DEVICES=0"
        )
