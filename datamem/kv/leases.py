"""Locks, leases and elections: who may act now, with a token that outlives no one else's turn.

A lease is a state record. Each time it changes hands its token grows; what is written under a lease is
written only while its token is the newest, in the same transaction that checks it. So a holder that stalls,
and wakes after its lease has passed on, cannot write. Time is the connection's clock and never goes back
behind what the database has seen (`clocks.now_of`), so a clock that does cannot revive a lease either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from datamem.db import Db
from datamem.db.report import TxReport
from datamem.errors import StateError
from datamem.index.words import instant_of_us
from datamem.kv.clocks import Ttl, now_of, us_of_ttl
from datamem.kv.records import Entry
from datamem.kv.states import States
from datamem.transact import TxPlan


@dataclass(frozen=True, slots=True)
class Holding:
    """Who holds a lease, as one database value has it.

    Attributes:
        holder: None when nobody does.
        token: grows whenever the lease changes hands.
        until_us: µs since 1970; None: until it is released.
    """

    name: str
    holder: str | None
    token: int
    until_us: int | None

    def is_held(self, now_us: int) -> bool:
        """Tell whether somebody holds it at an instant."""
        return self.holder is not None and (self.until_us is None or now_us < self.until_us)


def holding_of(entry: Entry) -> Holding:
    """Return what a state says of a lease."""
    value = entry.value or {"holder": None, "token": 0, "until": None}
    return Holding(entry.name, value["holder"], value["token"], value["until"])


class Lease:
    """A lease that was acquired; a context manager that releases it.

    Attributes:
        token: the fencing token; give it to whatever else the holder writes to.
    """

    def __init__(self, states: States, name: str, holder: str, token: int) -> None:
        self.states = states
        self.name = name
        self.holder = holder
        self.token = token

    def __repr__(self) -> str:
        return f"<Lease {self.name} of {self.holder}, token {self.token}>"

    def check(self, db: Db | None = None) -> Holding:
        """Return the holding if the lease is still this one.

        Raises:
            StateError: `lease/lost` when another has or had it, `lease/expired`.
        """
        view = self.states.conn.db if db is None else db
        found = holding_of(self.states.read_in(view, self.name))
        if found.token != self.token or found.holder != self.holder:
            raise StateError(
                f"lease {self.name} of {self.holder} with token {self.token} has passed on: "
                f"{found.holder or 'nobody'} has it, with token {found.token}",
                code="lease/lost",
                hint="acquire it again before writing",
                lease=self.name,
                holder=found.holder,
                token=found.token,
            )
        if not found.is_held(now_of(self.states.conn, view)):
            assert found.until_us is not None
            raise StateError(
                f"lease {self.name} of {self.holder} expired at {instant_of_us(found.until_us)}",
                code="lease/expired",
                hint="acquire it again before writing; renew it in time",
                lease=self.name,
                until_us=found.until_us,
            )
        return found

    def renew(self, ttl: Ttl) -> Holding:
        """Hold on for longer, from now.

        Raises:
            StateError: `lease/lost`, `lease/expired`, `kv/bad-ttl`.
        """
        us = us_of_ttl(ttl)

        def change(_: Entry, db: Db) -> Any:
            self.check(db)
            until = None if us is None else now_of(self.states.conn, db) + us
            return _value(self.holder, self.token, until)

        return holding_of(self.states.change(self.name, change))

    def release(self) -> None:
        """Let go, so that others need not wait for the end; of a lease that has passed on nothing."""

        def change(entry: Entry, _: Db) -> Any:
            return _value(None, self.token, None) if self._is_mine(entry) else entry.value

        if self._is_mine(self.states.read(self.name)):
            self.states.change(self.name, change)

    def _is_mine(self, entry: Entry) -> bool:
        found = holding_of(entry)
        return found.token == self.token and found.holder == self.holder

    def fence(self, db: Db, plan: TxPlan | None = None) -> None:  # noqa: ARG002 - of `conn.update`
        """Raise unless the lease holds: a precondition of transactions, and a check of updates."""
        self.check(db)

    def transact(self, tx_data: Any, meta: Mapping[Any, Any] | None = None) -> TxReport:
        """Commit tx-data if the lease still holds then.

        Raises:
            StateError: `lease/lost`, `lease/expired`; and as `Connection.transact`.
        """

        def build(db: Db) -> Any:
            self.check(db)
            return tx_data

        return self.states.conn.update(build, meta)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release it."""
        self.release()


def _value(holder: str | None, token: int, until_us: int | None) -> dict[str, Any]:
    return {"holder": holder, "token": token, "until": until_us}


def acquire_lease(states: States, name: str, holder: str, ttl: Ttl) -> Lease:
    """Take a lease that nobody holds, or whose time is over.

    A holder that asks again while it holds gets a new token, and its old lease is lost.

    Raises:
        StateError: `lease/held` with who holds it and until when.
    """
    us = us_of_ttl(ttl)
    record = f"lease/{name}"

    def change(entry: Entry, db: Db) -> Any:
        found = holding_of(entry)
        now_us = now_of(states.conn, db)
        if found.is_held(now_us) and found.holder != holder:
            until = f"until {instant_of_us(found.until_us)}" if found.until_us else "for good"
            raise StateError(
                f"{found.holder} holds {name}, {until}",
                code="lease/held",
                hint="try again then, or ask the holder to release it",
                lease=name,
                holder=found.holder,
                until_us=found.until_us,
            )
        return _value(holder, found.token + 1, None if us is None else now_us + us)

    taken = holding_of(states.change(record, change))
    return Lease(states, record, holder, taken.token)


def lock(states: States, name: str, holder: str) -> Lease:
    """Take a lock: a lease without an end, for holders that are sure to release it.

    Raises:
        StateError: `lease/held`.
    """
    return acquire_lease(states, name, holder, None)


def campaign(states: States, office: str, candidate: str, ttl: Ttl) -> Lease | None:
    """Return the office's lease if the candidate is elected, None if another leads.

    The leader stays it by renewing; a candidate that already leads gets the office anew.
    """
    try:
        return acquire_lease(states, f"leader/{office}", candidate, ttl)
    except StateError as error:
        if error.code == "lease/held":
            return None
        raise


def leader(states: States, office: str) -> str | None:
    """Return who leads now, None if nobody does."""
    db = states.conn.db
    found = holding_of(states.read_in(db, f"lease/leader/{office}"))
    return found.holder if found.is_held(now_of(states.conn, db)) else None
