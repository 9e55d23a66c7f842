"""When a server is given up: after failures in a row, and no answer to the shortest of questions.

Failures in a row alone say little: texts are sorted by length, so those that are too much for a server follow upon each
other. A server that still answers with one token is well; its failures are then those of the texts.
"""

from collections.abc import Callable
from threading import Lock

from isogloss.translation.translator import Stopped

IN_A_ROW = 8  # failures without an answer between them


class Breaker:
    """The failures of one server since it last answered, in all threads of a process."""

    def __init__(self, name: str):
        self.name = name
        self._lock = Lock()
        self._failures = 0
        self._given_up: str | None = None

    def begin(self) -> None:
        """Nothing; a server that was given up gets another chance."""
        self._given_up = None

    def require(self) -> None:
        """Nothing, if the server has not been given up; it waits while that is being found out.

        Raises:
            Stopped: it has.
        """
        with self._lock:
            if self._given_up is not None:
                raise Stopped(self._given_up)

    def answered(self) -> None:
        """Nothing; the server works."""
        self._failures = 0

    def failed(self, failure: str, answers: Callable[[], bool]) -> None:
        """Nothing; the failure is counted. answers: asks the server for one token.

        Raises:
            Stopped: the server is given up.
        """
        with self._lock:
            if self._given_up is None:
                self._failures += 1
                if self._failures < IN_A_ROW:
                    return
                if answers():
                    self._failures = 0
                    return
                self._given_up = f"{self.name} failed {self._failures} times in a row ({failure}); look at its log"
            raise Stopped(self._given_up)
