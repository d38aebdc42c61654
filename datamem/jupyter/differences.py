"""What differs between two instants, or any two values, in colour."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from datamem.db.diff import diff
from datamem.jupyter.labels import label_of
from datamem.svg import ADDED, REMOVED

if TYPE_CHECKING:
    from datamem.db.database import Db


class Changes:
    """A difference as a notebook shows it: green what came, red what went.

    Attributes:
        difference: the facts, as `datamem.diff` returns them.
    """

    def __init__(self, before: Db, after: Db) -> None:
        self.difference = diff(before, after)
        self._before = before
        self._after = after

    def _repr_html_(self) -> str:
        rows: list[str] = []
        facts = [(*self._place(d), "+", ADDED) for d in self.difference.added]
        facts += [(*self._place(d), "-", REMOVED) for d in self.difference.removed]
        previous = None
        for e, name, value, mark, color in sorted(facts, key=lambda f: (f[0], f[1], f[3])):
            label = label_of(self._after, e, 60)
            if label == str(e):
                label = label_of(self._before, e, 60)
            first = f"<b>{escape(label)}</b>" if e != previous else ""
            previous = e
            rows.append(
                f"<tr><td>{first}</td><td>{escape(name)}</td>"
                f'<td style="color:{color};text-align:left">{mark} {escape(str(value))}</td></tr>'
            )
        return f"<table><tbody>{''.join(rows)}</tbody></table><p>{escape(str(self).splitlines()[0])}</p>"

    def _place(self, datom: Any) -> tuple[int, str, Any]:
        return datom.e, str(self._after.ident(datom.a) or datom.a), datom.v

    def __str__(self) -> str:
        return str(self.difference)

    __repr__ = __str__


def changes(before: Db, after: Db) -> Changes:
    """Return what `after` says and `before` does not, and the other way round, to look at.

    Example:
        >>> import datamem
        >>> conn = datamem.connect(":memory:")
        >>> first = conn.transact([{"db/id": "a", "u/likes": "tea"}]).db_after
        >>> second = conn.transact([{"db/id": 1, "u/likes": "coffee"}]).db_after
        >>> print(changes(first, second))
        1 entity differs: 1 fact added, 1 removed
        1
          :u/likes "tea" -> "coffee"
        >>> conn.close()
    """
    return Changes(before, after)
