"""Namespaces: tenant, app, agent and run, as one path that scopes nest in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self
from urllib.parse import quote, unquote


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose memory something is: a tenant, an app of it, an agent of that, a run of that.

    What is left out is everything of that kind, so that scopes nest: `in` tells whether one scope is
    another or lies in it. Its text has a part for each, and `-` for what is left out.

    Example:
        >>> scope = Scope("acme", "support", agent="pip")
        >>> str(scope), scope in Scope("acme"), Scope("acme") in scope
        ('acme/support/pip', True, False)
        >>> str(Scope(agent="a/b")), Scope.parse("-/-/a%2Fb").agent
        ('-/-/a%2Fb', 'a/b')
    """

    tenant: str = ""
    app: str = ""
    agent: str = ""
    run: str = ""

    def __str__(self) -> str:
        parts = [_written(part) for part in self.parts]
        while parts and parts[-1] == "-":
            parts.pop()
        return "/".join(parts)

    @property
    def parts(self) -> tuple[str, ...]:
        """Tenant, app, agent and run; empty where left out."""
        return self.tenant, self.app, self.agent, self.run

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the scope of its text; parts beyond the fourth belong to the run's name."""
        parts = text.split("/", 3) if text else []
        return cls(*("" if part == "-" else unquote(part) for part in parts))

    def __contains__(self, other: Any) -> bool:
        if not isinstance(other, Scope):
            return False
        pairs = zip(self.parts, other.parts, strict=True)
        return all(mine in {"", its} for mine, its in pairs)

    def within(self, **parts: str) -> Scope:
        """Return a narrower scope: `scope.within(run="run-1")`."""
        named = {name: getattr(self, name) for name in ("tenant", "app", "agent", "run")}
        return Scope(**(named | parts))


@lru_cache(1024)
def _written(part: str) -> str:
    """Return a part as it stands in the text; remembered, since every key's name begins with it."""
    return quote(part, safe="") if part not in {"", "-"} else "%2D" if part else "-"
