"""Asking again after every commit, whoever made it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datamem_cli.repl.session import Session

_PAUSE_S = 0.2


def watch(session: Session, query: str, pause: Callable[[float], object] | None = None) -> None:
    """Print a query's answer, and again whenever it has changed, until Ctrl-C.

    Args:
        session: whose database and variables are asked.
        query: as it would be typed.
        pause: waits so many seconds between two looks; raising KeyboardInterrupt ends the watch.
    """
    wait = pause or threading.Event().wait
    seen_t, shown = -1, None
    try:
        while True:
            db = session.database.now
            if db.basis_t != seen_t:
                seen_t = db.basis_t
                answer = session.ask(query)
                if shown is None or answer != shown:
                    session.screen.say(f"-- t={seen_t}")
                    session.show(answer)
                    shown = answer
            wait(_PAUSE_S)
    except KeyboardInterrupt:
        session.screen.say("")
