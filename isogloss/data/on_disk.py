"""Records that stay on disk: a training set of millions of rows is opened, checked and joined without reading it in.

What is kept of a row is its number, its size and where it begins: some 20 bytes. Everything built over rows (a pair
with its translation, an example with its tokens) is made when it is asked for and forgotten afterwards.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")


class OnDisk(Sequence[T], Generic[T]):
    """A sequence whose items are made by `read(i)` whenever they are asked for.

    numbers: the ids of the records, which are numbers. sizes: bytes of text of each, or its tokens if `in_tokens`.
    labels: the classes that occur; no record of a sequence on disk lacks its label.
    """

    def __init__(
        self,
        read: Callable[[int], T],
        numbers: "np.ndarray",
        sizes: "np.ndarray",
        labels: frozenset[str],
        in_tokens: bool = False,
    ):
        self.read, self.numbers, self.sizes, self.labels, self.in_tokens = read, numbers, sizes, labels, in_tokens

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, i: int) -> T: ...
    @overload
    def __getitem__(self, i: slice) -> list[T]: ...
    def __getitem__(self, i: int | slice) -> T | list[T]:
        if isinstance(i, slice):
            return [self.read(number) for number in range(*i.indices(len(self)))]
        if not -len(self) <= i < len(self):
            raise IndexError(i)
        return self.read(i % len(self))

    def __iter__(self) -> Iterator[T]:
        return map(self.read, range(len(self)))

    def map(self, change: Callable[[int, T], Any]) -> "OnDisk[Any]":
        """The same sequence with every item changed, by its place and itself, when it is read."""
        return OnDisk(lambda i: change(i, self.read(i)), self.numbers, self.sizes, self.labels, self.in_tokens)

    def numbered(self, numbers: Sequence[int]) -> "OnDisk[T]":
        """The same sequence with other numbers."""
        changed = self.numbers.copy()
        changed[:] = numbers
        return OnDisk(self.read, changed, self.sizes, self.labels, self.in_tokens)

    def chosen(self, places: "np.ndarray") -> "OnDisk[T]":
        """The items at those places."""
        numbers, sizes = self.numbers[places], self.sizes[places]
        return OnDisk(lambda i: self.read(int(places[i])), numbers, sizes, self.labels, self.in_tokens)

    def repeated(self) -> list[str]:
        """The numbers that occur more than once."""
        ordered = self.numbers.copy()
        ordered.sort()
        return [str(number) for number in dict.fromkeys(ordered[1:][ordered[1:] == ordered[:-1]].tolist())]
