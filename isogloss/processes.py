"""The processes of one command, started by `torchrun` or `accelerate launch`: they divide its work, the first speaks.

Everything here also holds for a single process, which is the first. torch is imported only by what needs it.
"""

import atexit
import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import timedelta
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from isogloss.errors import UserError

if TYPE_CHECKING:
    from accelerate import PartialState

ROUND = 64  # pieces of work per process between two exchanges, so that little is on its way at once
WAITING = timedelta(hours=2)  # for a process that does something alone, such as to tokenise a large training set
BLOCK = 1024  # lines passed on at a time
Piece = TypeVar("Piece", bound=Hashable)
Done = TypeVar("Done")


def number() -> int:
    """This process's number among those of the command, from 0."""
    return int(os.environ.get("RANK", "0"))


def is_first() -> bool:
    """Whether this is the process that writes files and speaks."""
    return number() == 0


@contextmanager
def first_alone_speaks() -> Iterator[None]:
    """In other processes than the first, standard output and standard error lead nowhere inside the block."""
    if is_first():
        yield
        return
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def this_process() -> "PartialState":
    """What accelerate knows of this process: its device, and its place among the others, which it waits for once."""
    import torch
    from accelerate import PartialState

    # cpu as the training loop chooses; the library's ten minutes are short where one process works for all
    me = PartialState(cpu=not torch.cuda.is_available(), timeout=WAITING)
    if me.num_processes > 1:
        _part_at_the_end(me)
    return me


@cache
def _part_at_the_end(me: "PartialState") -> None:
    """Have this process leave the others in order when it ends; threads that still talk would kill it now and then."""
    atexit.register(me.destroy_process_group)


def done_on_every_machine(action: Callable[[], object]) -> None:
    """Nothing; the first process of every machine has done the action, and the others have waited for it."""
    if this_process().is_local_main_process:
        action()
    this_process().wait_for_everyone()


def everywhere(fact: bool) -> bool:
    """Whether something holds in all processes; all of them must ask."""
    if this_process().num_processes == 1:
        return fact
    from accelerate.utils import gather_object

    return all(gather_object([fact]))


def done_by_first(action: Callable[[], object]) -> None:
    """Nothing; the first process has done the action, and the others have waited for it."""
    if is_first():
        action()
    this_process().wait_for_everyone()


def told_by_first(make: Callable[[], Done]) -> Done:
    """What the first process makes, in every process; all of them must come here."""
    if this_process().num_processes == 1:
        return make()
    from accelerate.utils import broadcast_object_list

    made: list[Any] = broadcast_object_list([make() if is_first() else None])
    return made[0]


def added(*counts: int) -> tuple[int, ...]:
    """The sums of each count over all processes, which must all come here."""
    if this_process().num_processes == 1:
        return counts
    from accelerate.utils import gather_object

    return tuple(map(sum, zip(*gather_object([counts]), strict=True)))


def divided(work: Sequence[Piece], do: Callable[[Piece], Done]) -> list[Done]:
    """What `do` gives for each piece of the work, in order; the processes do a share each and tell the others.

    All processes of the command must come here, with the same work. Its pieces are made of numbers.

    Raises:
        UserError: they have different work.
    """
    me = this_process()
    if me.num_processes == 1:
        return [do(piece) for piece in work]
    from accelerate.utils import gather_object

    # the hash of numbers is the same in every process, unlike that of text
    if len(set(gather_object([hash(tuple(work))]))) > 1:
        raise UserError("the processes have different texts to read; give all of them the same, they divide them")
    found: list[Done] = []
    for start in range(0, len(work), ROUND * me.num_processes):
        pieces = work[start : start + ROUND * me.num_processes]
        shares = [range(first, len(pieces), me.num_processes) for first in range(me.num_processes)]
        told = gather_object([do(pieces[i]) for i in shares[me.process_index]])  # one share after the other
        by_place = dict(zip((i for share in shares for i in share), told, strict=True))
        found += [by_place[i] for i in range(len(pieces))]
    return found


def read_by_first(lines: Iterable[str]) -> Iterator[str]:
    """The lines that the first process reads, in every process: there is one standard input for all."""
    if this_process().num_processes == 1:
        yield from lines
        return
    from accelerate.utils import broadcast_object_list

    source = iter(lines)
    while True:
        (block,) = broadcast_object_list([list(islice(source, BLOCK)) if is_first() else []])
        if not block:
            return
        yield from block
