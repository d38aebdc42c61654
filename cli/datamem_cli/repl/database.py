"""The database of a session: read beside whoever writes it, locked only while a commit takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from datamem_cli.opening import open_reading, open_writing

MEMORY = ":memory:"


class Database:
    """What a session asks and changes; a context manager that closes it.

    A directory is open for reading, so that an agent may go on writing it; `writing` opens it for the time
    of a transaction. A database in memory ends with the session.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        if path == MEMORY:
            import datamem

            self._conn = datamem.connect(MEMORY)
        else:
            self._conn = open_reading(path)

    @property
    def now(self) -> Any:
        """The newest value, with what other processes have committed."""
        return self._conn.refresh()

    @property
    def is_memory(self) -> bool:
        """Tell whether it ends with the session."""
        return self.path == MEMORY

    def log(self, start: Any, end: Any = None) -> Any:
        """Yield the transactions from `start` to before `end`."""
        return self._conn.log(start, end)

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """Give a connection that may commit; the writer's lock is held meanwhile.

        Raises:
            StorageError: `storage/locked` while another process writes.
        """
        if self.is_memory:
            yield self._conn
            return
        with open_writing(self.path) as conn:
            yield conn
        self._conn.refresh()

    def close(self) -> None:
        """Release the database."""
        self._conn.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
