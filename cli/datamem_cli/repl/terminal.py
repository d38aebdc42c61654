"""The terminal's side of a session: a prompt with colours, history, completion and several lines."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import Completer as PromptCompleter
from prompt_toolkit.completion import Completion
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style

from datamem_cli.repl.complete import Completer
from datamem_cli.repl.scan import Kind, State, pieces, state_of

if TYPE_CHECKING:
    from datamem_cli.repl.session import Session

_STYLE: Final = Style.from_dict(
    {
        "string": "ansigreen",
        "keyword": "ansicyan",
        "variable": "ansiyellow",
        "number": "ansimagenta",
        "comment": "ansibrightblack",
        "call": "ansiblue",
        "tag": "ansimagenta",
        "prompt": "bold",
        "past": "ansired bold",
    }
)


class EdnLexer(Lexer):
    """Colours the tokens of the whole input, line by line."""

    def lex_document(self, document: Any) -> Callable[[int], StyleAndTextTuples]:
        """Return a function from line number to styled text."""
        lines: list[StyleAndTextTuples] = [[]]
        for piece in pieces(document.text):
            style = "" if piece.kind is Kind.SPACE else f"class:{piece.kind.value}"
            for i, part in enumerate(piece.text.split("\n")):
                if i:
                    lines.append([])
                lines[-1].append((style, part))
        return lambda n: lines[n] if n < len(lines) else []


class _Completions(PromptCompleter):
    """Hands the suggestions of a session to the prompt."""

    def __init__(self, completer: Completer) -> None:
        self._completer = completer

    def get_completions(self, document: Any, complete_event: Any) -> Iterator[Completion]:  # noqa: ARG002
        """Yield what fits the text before the cursor."""
        for found in self._completer.suggest(document.text_before_cursor):
            yield Completion(found.text, -found.replaces, display_meta=found.about)


def history_path() -> Path:
    """Return the file where inputs are kept, in the user's state directory."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "datamem" / "history"


def _history() -> History:
    path = history_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))


def _keys() -> KeyBindings:
    """Return what Enter does: send what is whole, go on to a new line otherwise."""
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: Any) -> None:
        buffer = event.current_buffer
        if state_of(buffer.text) is State.INCOMPLETE:
            buffer.insert_text("\n" + _indent(buffer.document.text_before_cursor))
        else:
            buffer.validate_and_handle()

    return keys


def _indent(before: str) -> str:
    """Return spaces to the column after the innermost open bracket."""
    columns: list[int] = []
    for piece in pieces(before):
        if piece.kind is Kind.BRACKET:
            if piece.text in {"]", ")", "}"}:
                columns = columns[:-1]
            else:
                end = piece.start + len(piece.text)
                columns.append(end - (before.rfind("\n", 0, end) + 1))
    return " " * (columns[-1] if columns else 0)


def prompt_of(session: Session) -> StyleAndTextTuples:
    """Return the prompt, which says when the session looks at the past."""
    name = Path(session.database.path).name if not session.database.is_memory else "memory"
    if session.as_of is not None:
        point = str(session.as_of).replace(" 00:00:00+00:00", "").replace("+00:00", "Z")
        return [("class:prompt", name), ("class:past", f"@{point}"), ("class:prompt", "> ")]
    return [("class:prompt", f"{name}> ")]


def inputs(session: Session, **options: Any) -> Iterator[str]:
    """Yield what the person types, a whole input at a time; Ctrl-D ends, Ctrl-C starts anew.

    Args:
        session: whose prompt and completions are shown.
        options: for the prompt; tests give it their own input and output.
    """
    no_color = bool(os.environ.get("NO_COLOR"))
    prompt: PromptSession[str] = PromptSession(
        history=options.pop("history", None) or _history(),
        lexer=EdnLexer(),
        style=_STYLE,
        completer=_Completions(Completer(session)),
        complete_in_thread=True,
        complete_while_typing=Condition(lambda: False),
        auto_suggest=AutoSuggestFromHistory(),
        key_bindings=_keys(),
        multiline=True,
        color_depth=ColorDepth.DEPTH_1_BIT if no_color else None,
        prompt_continuation=lambda width, *_: " " * width,
        **options,
    )
    while not session.is_over:
        try:
            yield prompt.prompt(lambda: prompt_of(session))
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
