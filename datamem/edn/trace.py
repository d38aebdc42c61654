"""For error messages only: which brackets are open at an offset, and where their members start."""

from __future__ import annotations

from dataclasses import dataclass, field

from datamem.edn.grammar import TAG, TOKEN

_CLOSERS = frozenset("])}")
_OPENERS = frozenset(["[", "(", "{", "#{"])


@dataclass(slots=True)
class OpenForm:
    """A bracket or prefix that is open; `starts` are the offsets of the forms in it so far."""

    offset: int
    opener: str
    arity: int = 0
    starts: list[int] = field(default_factory=list)


def open_forms(text: str, stop: int) -> list[OpenForm]:
    """Return what is open at offset `stop`, outermost first; the first stands for the text itself.

    Args:
        text: starts at top level, and has no bracket fault before `stop`.
        stop: where to look.

    Cost: as reading `text[:stop]`; so this is not for texts without a fault.
    """
    stack = [OpenForm(0, "")]
    for match in TOKEN.finditer(text):
        token, start = match[1], match.start(1)
        if start >= stop or not token:
            break
        arity = _arity(token)
        if token in _OPENERS or arity:
            stack.append(OpenForm(start, token, arity))
        elif token in _CLOSERS and len(stack) > 1:
            _add(stack, stack.pop().offset)
        else:
            _add(stack, start)
    return stack


def _arity(token: str) -> int:
    if token in {"^", "#^"}:
        return 2
    is_prefix = token.startswith(("#_", "#:")) or (
        token[0] == "#" and TAG.fullmatch(token, 1) is not None
    )
    return int(is_prefix)


def _add(stack: list[OpenForm], start: int) -> None:
    stack[-1].starts.append(start)
    while stack[-1].arity and len(stack[-1].starts) == stack[-1].arity:
        done = stack.pop()
        if done.opener != "#_":
            stack[-1].starts.append(done.offset)
