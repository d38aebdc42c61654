"""Gates of a workflow: work goes on when everybody who must has agreed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datamem.db import Db
from datamem.errors import StateError
from datamem.kv.records import Entry
from datamem.kv.states import States


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate as one database value has it.

    Attributes:
        needs: who must approve.
        approved: who has, by name.
        refused: who has refused it, with the reason; a refused gate stays shut.
    """

    name: str
    needs: tuple[str, ...]
    approved: tuple[str, ...]
    refused: dict[str, str]

    @property
    def is_open(self) -> bool:
        """Tell whether all have approved and none has refused."""
        return not self.refused and set(self.needs) <= set(self.approved)

    @property
    def missing(self) -> tuple[str, ...]:
        """Who has not approved yet."""
        return tuple(who for who in self.needs if who not in self.approved)


def set_gate(states: States, name: str, needs: Sequence[str]) -> Gate:
    """Put up a gate that opens when everybody named has approved.

    Raises:
        StateError: `gate/exists`.
    """

    def change(entry: Entry, _: Db) -> Any:
        if entry.version:
            raise StateError(
                f"there is a gate {name} already",
                code="gate/exists",
                hint="give another occasion another name",
                gate=name,
            )
        return {"needs": sorted(set(needs)), "approved": [], "refused": {}}

    return _gate(states.change(_record(name), change), name)


def _record(name: str) -> str:
    return f"gate/{name}"


def _gate(entry: Entry, name: str) -> Gate:
    if not entry.version:
        raise StateError(
            f"there is no gate {name}",
            code="gate/unknown",
            hint="set_gate puts one up",
            gate=name,
        )
    value = entry.value
    return Gate(name, tuple(value["needs"]), tuple(value["approved"]), value["refused"])


def read_gate(states: States, name: str, db: Db | None = None) -> Gate:
    """Return a gate.

    Raises:
        StateError: `gate/unknown`.
    """
    return _gate(states.read_in(states.conn.db if db is None else db, _record(name)), name)


def approve(states: States, name: str, who: str) -> Gate:
    """Approve as one of those who must; twice is no harm.

    Raises:
        StateError: `gate/unknown`, `gate/not-needed`.
    """
    return _decide(states, name, who, None)


def refuse(states: States, name: str, who: str, why: str) -> Gate:
    """Refuse as one of those who must approve: the gate stays shut.

    Raises:
        StateError: `gate/unknown`, `gate/not-needed`.
    """
    return _decide(states, name, who, why)


def _decide(states: States, name: str, who: str, why: str | None) -> Gate:
    def change(entry: Entry, _: Db) -> Any:
        gate = _gate(entry, name)
        if who not in gate.needs:
            raise StateError(
                f"gate {name} does not ask {who}",
                code="gate/not-needed",
                hint=f"it needs {', '.join(gate.needs) or 'nobody'}",
                gate=name,
                needs=gate.needs,
            )
        approved = set(gate.approved) | ({who} if why is None else set())
        refused = gate.refused | ({} if why is None else {who: why})
        return {"needs": list(gate.needs), "approved": sorted(approved), "refused": refused}

    return _gate(states.change(_record(name), change), name)


def pass_gate(states: States, name: str, db: Db | None = None) -> Gate:
    """Return a gate that is open; a precondition of what comes after it.

    Raises:
        StateError: `gate/shut` with who is missing or has refused, `gate/unknown`.
    """
    gate = read_gate(states, name, db)
    if not gate.is_open:
        why = "; ".join(f"{who} refused: {reason}" for who, reason in gate.refused.items())
        raise StateError(
            f"gate {name} is shut: {why or 'missing ' + ', '.join(gate.missing)}",
            code="gate/shut",
            hint="it opens when everybody who must has approved",
            gate=name,
            missing=gate.missing,
            refused=gate.refused,
        )
    return gate
