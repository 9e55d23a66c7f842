import numpy as np
import pytest
import torch

from isogloss.memory import ran_out, smaller_batches


def test_memory_errors_of_python_numpy_and_torch_are_told_from_others():
    def too_much_of(make):
        with pytest.raises((MemoryError, RuntimeError)) as caught:
            make()
        return caught.value

    assert ran_out(too_much_of(lambda: np.empty(1 << 50)))
    assert ran_out(too_much_of(lambda: torch.empty(1 << 50)))
    assert ran_out(torch.OutOfMemoryError("CUDA out of memory."))
    assert ran_out(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"))
    assert not ran_out(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not ran_out(ValueError("out of memory"))
    assert not ran_out(FileNotFoundError(2, "no such file"))


@pytest.mark.parametrize(
    ("at_once", "unit", "accumulate", "checkpointing", "advice"),
    [
        (32, "examples", 1, True, "accumulate=2 halves what is read at once (32 examples)"),
        (4, "examples", 2, True, "accumulate=4 halves what is read at once (4 examples)"),
        (9, "examples", 1, True, "accumulate=3 divides by 3 what is read at once (9 examples)"),
        (1025, "tokens", 2, True, "accumulate=4 halves what is read at once (1025 tokens)"),
        (1, "examples", 1, False, "gradient_checkpointing=true keeps less of it"),
        (1, "examples", 1, True, "a shorter max_length or lora_rank=8 needs less, in a new run"),
    ],
)
def test_the_advice_is_a_setting_that_the_batch_can_be_divided_by(at_once, unit, accumulate, checkpointing, advice):
    assert smaller_batches(at_once, unit, accumulate, checkpointing) == advice
