"""Memory that ran out: how it is told from other errors, and which setting helps. Imports no torch."""

import errno

REASONS = ("out of memory", "can't allocate memory", "cannot allocate memory", "CUBLAS_STATUS_ALLOC_FAILED")


def ran_out(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on the processor or on a GPU."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # Python's and NumPy's; torch's
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(reason in str(error) for reason in REASONS)


def smaller_batches(at_once: int, unit: str, accumulate: int, gradient_checkpointing: bool) -> str:
    """What takes less memory in a training and changes nothing else, as settings.

    at_once: examples (which are divided evenly) or tokens (as well as they can be) that one process reads together.
    """
    more = next((n for n in range(2, at_once + 1) if at_once % n == 0 or unit == "tokens"), None)
    advice = []
    if more:
        much = "halves" if more == 2 else f"divides by {more}"
        advice.append(f"accumulate={accumulate * more} {much} what is read at once ({at_once} {unit})")
    if not gradient_checkpointing:
        advice.append("gradient_checkpointing=true keeps less of it")
    return "; ".join(advice) or "a shorter max_length or lora_rank=8 needs less, in a new run"
