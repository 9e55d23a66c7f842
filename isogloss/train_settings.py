"""The settings of a training, as recipes give them. Imports no torch: whoever reads results needs their defaults."""

from dataclasses import dataclass

SCHEDULES = ("linear", "cosine", "constant", "constant_with_warmup", "inverse_sqrt")  # of the learning rate
# settings that divide the work, as the number of processes does: a run that was stopped may go on with others
DIVISION = ("accumulate", "gradient_checkpointing", "compile", "workers")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """How a network is trained; the defaults suit the embedded encoder on two cores."""

    updates: int = 300  # optimiser steps, unless epochs are given
    epochs: float = 0.0  # passes over the examples; above 0 they take the place of updates
    one_language: bool = False  # a pass reads every item in one language, drawn anew, instead of in all of them
    batch_size: int = 32  # examples per optimiser step, all devices together, unless tokens_per_batch is given
    tokens_per_batch: int = 0  # tokens of all sides per optimiser step at most; above 0 in the place of batch_size
    accumulate: int = 1  # micro-batches per optimiser step on each device
    learning_rate: float = 5e-5
    warmup: float = 0.1  # share of the updates over which the learning rate rises from 0
    schedule: str = "linear"  # one of SCHEDULES
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0  # gradients are scaled down to this norm
    bf16: bool = False  # bfloat16 autocast of the forward pass
    gradient_checkpointing: bool = False  # layers are computed again in the backward pass instead of being remembered
    compile: bool = False  # torch.compile of the encoder's layers
    frozen_layers: int = 0  # the embeddings and so many layers above them keep their weights; -1 = the whole encoder
    lora_rank: int = 0  # of adapters that are trained in place of the encoder's weights (needs peft); 0 = none
    lora_alpha: float = 16.0  # adapters count lora_alpha / lora_rank times
    save_every: int = 0  # updates between checkpoints; 0 = a quarter of the run
    average: int = 0  # the trained weights are the mean of those of so many checkpoints, the last ones; 0 = the last
    log_every: int = 10  # updates between two points of the loss curve
    workers: int = 0  # processes that collate batches
