"""Group commit: many threads ask, one at a time works for all who wait.

The first to come works; whoever comes while it does waits in a queue. When it is done it takes nobody's
work again but hands the turn to the first who waits, with everything that queued up meanwhile.

An interrupt (Ctrl-C) may end a thread at any instruction, also in here. Nothing is lost by it: each step
can be done twice, and a turn whose thread is gone is taken by the next who comes.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from datamem.errors import TransactError

R = TypeVar("R", bound="Request")


class Request:
    """One thread's piece of work.

    Attributes:
        is_done: set by the worker once the outcome is there.
        is_gone: its thread has left, with or without an outcome.
        turn: held while its thread waits.
        thread: who asks.
    """

    __slots__ = ("is_done", "is_gone", "thread", "turn")

    def __init__(self) -> None:
        self.is_done = False
        self.is_gone = False
        self.turn: threading.Lock | None = None
        self.thread = threading.get_ident()


class Turns(Generic[R]):
    """A queue of requests and the one turn to work on them."""

    def __init__(self, work: Callable[[list[R]], None], *, most: int) -> None:
        self._work = work
        self._most = most
        self._mutex = threading.Lock()
        self._waiting: deque[R] = deque()
        self._worker: R | None = None
        self._group: list[R] = []

    def submit(self, request: R) -> None:
        """Return when the request is done, by this thread or another.

        An exception that ends `work` itself (an interrupt) is raised in the working thread; the others
        of its group are done as far as `work` marked them, and the rest is worked on next.

        Raises:
            TransactError: `transact/nested` inside of `work`, which would wait for itself.
        """
        try:
            self._join(request)
            if request.turn is not None:
                request.turn.acquire()
            if not request.is_done:
                self._work(self._take_group(request))
        finally:
            try:
                self._leave(request)
            except BaseException:
                self._leave(request)
                raise

    def _join(self, request: R) -> None:
        with self._mutex:
            worker = self._worker
            if worker is None or worker.is_gone:
                self._worker = request
                return
            if worker.thread == request.thread:
                raise TransactError(
                    "a transaction cannot be made inside of another one",
                    code="transact/nested",
                    hint="a transaction function returns tx-data; a listener may transact",
                )
            turn = threading.Lock()
            turn.acquire()
            request.turn = turn
            self._waiting.append(request)

    def _take_group(self, request: R) -> list[R]:
        """Return the request and those that wait; what a gone worker left comes first."""
        with self._mutex:
            self._requeue()
            waiting = self._waiting
            if waiting and waiting[0] is request:
                waiting.popleft()
            group = self._group = [request]
            while waiting and len(group) < self._most:
                group.append(waiting[0])
                waiting.popleft()
            return list(group)

    def _requeue(self) -> None:
        """Wake those of the last group that are done, and put the others in front of the queue."""
        group = self._group
        while group:
            other = group[-1]
            if other.is_done:
                _wake(other)
            elif not other.is_gone and other not in self._waiting:
                self._waiting.appendleft(other)
            group.pop()

    def _leave(self, request: R) -> None:
        """Wake those whose work is done and hand the turn over, if this thread has it."""
        if request.is_done and self._worker is not request:
            return
        with self._mutex:
            try:
                self._pass_on(request)
            except BaseException:
                self._pass_on(request)
                raise

    def _pass_on(self, request: R) -> None:
        request.is_gone = True
        if request in self._waiting:
            self._waiting.remove(request)
        if self._worker is request:
            self._requeue()
            following = self._waiting[0] if self._waiting else None
            if following is not None:
                _wake(following)
            self._worker = following


def _wake(request: Request) -> None:
    """Let a waiting thread go on; a second time is no harm."""
    if request.turn is not None:
        with suppress(RuntimeError):
            request.turn.release()
