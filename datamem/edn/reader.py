"""Text to forms: whole texts, and streams of any length a piece at a time."""

from __future__ import annotations

import codecs
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol, Self

from datamem.edn.assembler import Assembler
from datamem.edn.grammar import TOKEN, is_open_string
from datamem.edn.position import START, Position, locate, placed
from datamem.edn.trace import open_forms
from datamem.errors import EdnError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datamem.edn.forms import Form

MAX_DEPTH: Final = 256
"""Brackets and prefixes open at once; low enough for recursive code that gets the value later."""

MAX_BYTES: Final = 1 << 28
"""UTF-8 bytes of one text, or of one form of a stream."""

_WINDOW: Final = 1 << 17


class TextStream(Protocol):
    """What `open(path)` and `open(path, "rb")` return."""

    def read(self, size: int, /) -> str | bytes:
        """Return at most `size` characters or bytes; nothing at the end."""
        ...


def read(
    text: str,
    *,
    max_depth: int = MAX_DEPTH,
    max_bytes: int = MAX_BYTES,
    keep_meta: bool = False,
) -> Form:
    """Return the one form of the text.

    Raises:
        EdnError: see `read_all`; also `edn/unexpected-end` when there is no form and
            `edn/extra-form` when there is a second one.

    Example:
        >>> read('{:user/name "Ann" :user/tags #{:a}}')
        {':user/name': 'Ann', ':user/tags': frozenset({':a'})}
    """
    forms = read_all(text, max_depth=max_depth, max_bytes=max_bytes, keep_meta=keep_meta)
    if len(forms) == 1:
        return forms[0]
    if not forms:
        empty = EdnError("there is no form in this text", code="edn/unexpected-end")
        raise placed(empty, text, len(text))
    extra = EdnError(
        "there is a second form where one was expected",
        code="edn/extra-form",
        hint="remove it, or put both into a vector [ ]",
    )
    raise placed(extra, text, open_forms(text, len(text))[0].starts[1])


def read_all(
    text: str,
    *,
    max_depth: int = MAX_DEPTH,
    max_bytes: int = MAX_BYTES,
    keep_meta: bool = False,
) -> list[Form]:
    """Return every form of the text.

    Args:
        text: EDN.
        max_depth: how many brackets and prefixes may be open at once; 20,000 at most.
        max_bytes: how long the text may be in UTF-8.
        keep_meta: give `WithMeta(meta, form)` for `^meta form`; otherwise metadata is dropped.

    Raises:
        EdnError: with `line`, `column` and `offset` in its data. `edn/unexpected-end`,
            `edn/unbalanced`, `edn/bad-token`, `edn/bad-keyword`, `edn/bad-symbol`, `edn/bad-char`,
            `edn/bad-escape`, `edn/bad-tag-value`, `edn/bad-meta`, `edn/odd-map`,
            `edn/duplicate-key`, `edn/duplicate-element`, `edn/number-out-of-range`,
            `edn/bad-encoding`, `edn/too-deep`, `edn/too-large`.

    Cost: 0.15 s a megabyte.
    """
    if len(text) > max_bytes:
        raise placed(_too_large(max_bytes), text, max_bytes)
    reader = FormReader(max_depth=max_depth, max_bytes=max_bytes, keep_meta=keep_meta)
    last = max(0, (len(text) - 1) // _WINDOW * _WINDOW)
    for start in range(0, last, _WINDOW):
        reader.feed(text[start : start + _WINDOW])
    reader.finish(text[last:] if last else text)
    return reader.forms()


def iter_forms(
    source: str | TextStream,
    *,
    max_depth: int = MAX_DEPTH,
    max_bytes: int = MAX_BYTES,
    keep_meta: bool = False,
) -> Iterator[Form]:
    """Yield the top-level forms one after the other, each as soon as it has been read.

    Args:
        source: EDN text, or a file opened for reading as text or as bytes (UTF-8). It is not closed.
        max_depth: how many brackets and prefixes may be open at once.
        max_bytes: how long one form may be in UTF-8.
        keep_meta: as for `read_all`.

    Raises:
        EdnError: as for `read_all`, after every form before the fault was yielded.

    Cost: memory for a few hundred kilobytes of text, or for the largest form.
    """
    reader = FormReader(max_depth=max_depth, max_bytes=max_bytes, keep_meta=keep_meta)
    try:
        for piece in _pieces(source):
            reader.feed(piece)
            yield from reader.forms()
        reader.finish()
    except (EdnError, UnicodeDecodeError) as error:
        yield from reader.forms()
        if isinstance(error, EdnError):
            raise
        raise EdnError("the file is not UTF-8", code="edn/bad-encoding") from error
    yield from reader.forms()


def _pieces(source: str | TextStream) -> Iterator[str]:
    if isinstance(source, str):
        yield from (source[i : i + _WINDOW] for i in range(0, len(source), _WINDOW))
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    while piece := source.read(_WINDOW):
        yield piece if isinstance(piece, str) else decoder.decode(piece)
    decoder.decode(b"", final=True)


class FormReader:
    """Reads forms from text that arrives in pieces, cut anywhere.

    Example:
        >>> reader = FormReader()
        >>> reader.feed("[1 2] {:na")
        >>> reader.forms()
        [[1, 2]]
        >>> reader.finish("me 3}").forms()
        [{':name': 3}]
    """

    def __init__(
        self,
        *,
        max_depth: int = MAX_DEPTH,
        max_bytes: int = MAX_BYTES,
        keep_meta: bool = False,
    ) -> None:
        self._assembler = Assembler(max_depth=max_depth, keep_meta=keep_meta)
        self._max_bytes = max_bytes
        self._held_bytes = 0
        self._start: Position = START  # of the first text in _read
        self._read: list[str] = []  # text whose form is not finished
        self._waiting: list[str] = []  # text not yet cut into tokens
        self._waiting_count = 0
        self._wanted = 0

    def forms(self) -> list[Form]:
        """Return the forms finished since the last call."""
        finished = self._assembler.forms.copy()
        self._assembler.forms.clear()
        return finished

    def feed(self, text: str) -> None:
        """Take the next piece of text.

        Raises:
            EdnError: as for `read_all`; the reader is of no use afterwards, except for `forms()`.
        """
        self._wait(text)
        if self._waiting_count < self._wanted:
            return
        text = "".join(self._waiting)
        cut = text.rfind("\n") + 1 or _last_token_start(text)
        cut = self._take(text, cut, is_end=False)
        self._waiting = [text[cut:]]
        self._waiting_count = len(text) - cut
        self._wanted = 2 * self._waiting_count  # a long string is not looked at again each time

    def finish(self, text: str = "") -> Self:
        """Take the last piece of text.

        Raises:
            EdnError: as for `read_all`.
        """
        self._wait(text)
        text = "".join(self._waiting)
        self._waiting, self._waiting_count = [], 0
        self._take(text, len(text), is_end=True)
        if self._assembler.depth:
            raise self._unfinished()
        return self

    def _wait(self, text: str) -> None:
        """Hold the text until it is read, if there is room and it is proper Unicode."""
        size = len(text)
        if not text.isascii():
            try:
                size = len(text.encode())
            except UnicodeEncodeError as error:
                before = "".join(self._waiting)
                lone = EdnError("half of a surrogate pair", code="edn/bad-encoding")
                raise self._placed(lone, before + text, len(before) + error.start) from None
        self._held_bytes += size
        if self._held_bytes > self._max_bytes:
            raise self._placed(_too_large(self._max_bytes), "".join(self._waiting) + text, 0)
        self._waiting.append(text)
        self._waiting_count += len(text)

    def _take(self, text: str, cut: int, *, is_end: bool) -> int:
        """Read the tokens of `text[:cut]`; return where the tokens taken end."""
        tokens = TOKEN.findall(text, 0, cut)
        while tokens and not tokens[-1]:
            tokens.pop()
        if not is_end and tokens and is_open_string(tokens[-1]):
            cut -= len(tokens.pop())
        try:
            self._assembler.take(tokens)
        except EdnError as error:
            raise self._explained(error, text) from None
        if self._assembler.depth:
            self._read.append(text[:cut])
        else:
            self._start = locate(
                "".join(self._read) + text, self._read_count() + cut, self._start
            )
            self._read.clear()
            self._held_bytes = len(text[cut:].encode())
        return cut

    def _read_count(self) -> int:
        return sum(map(len, self._read))

    def _explained(self, error: EdnError, text: str) -> EdnError:
        """Find the place of an error that the assembler raised on a token of `text`."""
        matches = islice(TOKEN.finditer(text), self._assembler.taken - 1, None)
        offset = next(matches).start(1) + error.data.pop("within", 0)
        before = "".join(self._read)
        offset += len(before)
        text = before + text
        around = open_forms(text, offset)[-1]
        if "item" in error.data:
            step = 1 if around.opener == "#{" else 2
            offset = around.starts[step * error.data.pop("item")]
        elif "prefix" in error.data:
            offset = around.offset
        elif "opener" in error.data:
            opened = locate(text, around.offset, self._start)
            error.hint = f"{error.hint}, and was opened at {opened}"
        return placed(error, text, offset, self._start)

    def _unfinished(self) -> EdnError:
        """Return the error of a text that ends inside a form; it shows where that form began."""
        around = open_forms("".join(self._read), self._read_count())[-1]
        closer = {"[": "]", "(": ")", "{": "}", "#{": "}"}.get(around.opener)
        error = EdnError(
            f"{around.opener} is not closed"
            if closer
            else f"{around.opener} has no form after it",
            code="edn/unexpected-end",
            hint=f"add the missing {closer}" if closer else f"remove the {around.opener}",
        )
        return placed(error, "".join(self._read), around.offset, self._start)

    def _placed(self, error: EdnError, text: str, offset: int) -> EdnError:
        """Place an error at an offset of text that is still waiting."""
        return placed(
            error, "".join(self._read) + text, self._read_count() + offset, self._start
        )


def _last_token_start(text: str) -> int:
    """Return where the last token starts: it may go on in the next piece of text."""
    last = deque(islice((m for m in TOKEN.finditer(text) if m[1]), None), maxlen=1)
    return last[0].start(1) if last else 0


def _too_large(max_bytes: int) -> EdnError:
    return EdnError(
        f"the text is longer than {max_bytes} bytes",
        code="edn/too-large",
        hint="raise max_bytes=, or read a file of many forms with iter_forms",
        max_bytes=max_bytes,
    )
