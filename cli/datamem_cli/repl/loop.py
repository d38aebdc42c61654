"""Running a session to its end: from a terminal, or from a pipe or file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from datamem_cli.failures import describe
from datamem_cli.repl.scan import State, state_of
from datamem_cli.repl.session import Session
from datamem_cli.show.printing import counted


def converse(session: Session) -> int:
    """Answer a person until they leave; a refusal is told, and the session goes on.

    Returns:
        the exit code, 0.
    """
    from datamem_cli.repl.terminal import inputs

    db = session.database.now
    facts = counted(db.basis_t, "transaction")
    session.screen.say(f"{session.database.path}, {facts}. \\help helps, Ctrl-D leaves.")
    for text in inputs(session):
        attempt(session, text)
    return 0


def attempt(session: Session, text: str) -> bool:
    """Run one input; tell a refusal or an interruption, and return whether it was done."""
    try:
        session.run(text)
    except KeyboardInterrupt:
        session.screen.complain("interrupted; what was committed stays")
    except Exception as error:  # noqa: BLE001  # told to the person, who goes on
        session.screen.complain(describe(error))
    else:
        return True
    return False


def follow_script(session: Session, stream: Any = None) -> int:
    """Run every input of a pipe or file, until one is refused.

    Returns:
        the exit code: 0, or 1 where an input was refused, which ends the script.
    """
    for text in script_inputs(sys.stdin if stream is None else stream):
        if not attempt(session, text):
            return 1
        if session.is_over:
            break
    return 0


def script_inputs(stream: Any) -> Iterator[str]:
    """Yield the inputs of a stream: lines, joined until their brackets are balanced."""
    text = ""
    for line in stream:
        text += line
        if state_of(text) in {State.COMPLETE, State.WRONG}:
            yield text
            text = ""
    if text.strip():
        yield text
