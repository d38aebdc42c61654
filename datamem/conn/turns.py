"""Group commit: many threads ask, one at a time works for all who wait.

The first to come works; whoever comes while it does waits in a queue. When it is done it takes nobody's
work again but hands the turn to the first who waits, with everything that queued up meanwhile.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

R = TypeVar("R", bound="Request")


class Request:
    """One thread's piece of work.

    Attributes:
        is_done: set by the worker once the outcome is there.
        turn: held while its thread waits.
        has_turn: its thread is the worker now.
        is_gone: its thread was interrupted and waits no more.
    """

    __slots__ = ("has_turn", "is_done", "is_gone", "turn")

    def __init__(self) -> None:
        self.is_done = False
        self.has_turn = False
        self.is_gone = False
        self.turn: threading.Lock | None = None


class Turns(Generic[R]):
    """A queue of requests and the one turn to work on them."""

    def __init__(self, work: Callable[[list[R]], None], *, most: int) -> None:
        self._work = work
        self._most = most
        self._mutex = threading.Lock()
        self._waiting: deque[R] = deque()
        self._is_taken = False

    def submit(self, request: R) -> None:
        """Return when the request is done, by this thread or another.

        An exception that ends `work` itself (an interrupt) is raised in the working thread; the others
        of its group are done as far as `work` marked them, and the rest is worked on next.
        """
        with self._mutex:
            if self._is_taken:
                request.turn = threading.Lock()
                request.turn.acquire()
                self._waiting.append(request)
            self._is_taken = True
        if request.turn is not None:
            self._await_turn(request)
            if request.is_done:
                return
        self._take_turn(request)

    def _await_turn(self, request: R) -> None:
        assert request.turn is not None
        try:
            request.turn.acquire()
        except BaseException:
            self._leave(request)
            raise

    def _leave(self, request: R) -> None:
        """Give up waiting after an interrupt; pass the turn on if it had just come."""
        with self._mutex:
            request.is_gone = True
            if request in self._waiting:
                self._waiting.remove(request)
        if request.has_turn and not request.is_done:
            self._hand_over()

    def _take_turn(self, request: R) -> None:
        with self._mutex:
            group = [request]
            while self._waiting and len(group) < self._most:
                group.append(self._waiting.popleft())
        try:
            self._work(group)
        finally:
            for other in group[1:]:
                if other.is_done:
                    assert other.turn is not None
                    other.turn.release()
            self._hand_over([other for other in group[1:] if not other.is_done])

    def _hand_over(self, undone: list[R] | None = None) -> None:
        with self._mutex:
            self._waiting.extendleft(reversed(undone or []))
            while self._waiting and self._waiting[0].is_gone:
                self._waiting.popleft()
            if not self._waiting:
                self._is_taken = False
                return
            following = self._waiting.popleft()
            following.has_turn = True
        assert following.turn is not None
        following.turn.release()
