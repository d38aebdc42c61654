"""States, leases, elections and gates: one at a time, whatever stalls and however clocks jump."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.errors import DatamemError
from datamem.kv import (
    States,
    Store,
    acquire_lease,
    approve,
    campaign,
    leader,
    lock,
    pass_gate,
    refuse,
    set_gate,
    txn,
)
from datamem.kv.states import Entry
from tests.kv.worlds import refused, world


def test_sixteen_threads_lose_no_update() -> None:
    """Each thread adds one, twenty times, by reading and swapping until it succeeds."""
    conn, _ = world()
    states = States(conn)

    def work() -> None:
        for _ in range(20):
            while True:
                seen = states.read("count")
                try:
                    states.compare_and_swap("count", seen.version, (seen.value or 0) + 1)
                    break
                except DatamemError as error:
                    if error.code != "kv/stale-version":
                        raise

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states.read("count").value == 320
    assert [change.value for change in states.history("count")] == list(range(1, 321))


def test_a_stale_version_is_told_with_what_is_there() -> None:
    conn, _ = world()
    states = States(conn, "a")
    states.compare_and_swap("s", 0, {"step": 1})
    t = conn.db.basis_t
    states.compare_and_swap("s", 1, {"step": 2})
    with pytest.raises(DatamemError) as refusal:
        states.compare_and_swap("s", 1, {"step": 3})
    assert refusal.value.data["actual"] == 2
    assert refusal.value.data["value"] == {"step": 2}
    assert states.read("s", as_of=t).value == {"step": 1}
    assert States(conn, "b").read("s").version == 0


def test_a_failed_change_writes_nothing() -> None:
    conn, _ = world()
    states = States(conn)
    t = conn.db.basis_t

    def change(_: Entry, db: Any) -> Any:
        raise DatamemError("no", code="test/no")

    with refused("test/no"):
        states.change("s", change)
    assert conn.db.basis_t == t


steps = st.lists(
    st.one_of(
        st.tuples(st.just("acquire"), st.sampled_from("abc"), st.sampled_from([1, 5])),
        st.tuples(st.just("renew"), st.sampled_from("abc"), st.sampled_from([1, 5])),
        st.tuples(st.just("release"), st.sampled_from("abc"), st.just(0)),
        st.tuples(st.just("write"), st.sampled_from("abc"), st.just(0)),
        st.tuples(st.just("move"), st.just(""), st.sampled_from([-20, -1, 0.5, 2, 30])),
    ),
    max_size=25,
)


@given(steps=steps)
def test_writes_under_a_lease_have_growing_tokens(steps: list[tuple[str, str, Any]]) -> None:
    """Holders stall (they never notice losing it) and the clock jumps both ways.

    What must hold: tokens of writes never shrink, and a token has one holder.
    """
    conn, clock = world()
    states = States(conn)
    leases: dict[str, Any] = {}
    writes: list[tuple[int, str]] = []
    for kind, who, what in steps:
        try:
            match kind:
                case "acquire":
                    leases[who] = acquire_lease(states, "job", who, what)
                case "move":
                    clock.move(what)
                case "renew" if who in leases:
                    leases[who].renew(what)
                case "release" if who in leases:
                    leases[who].release()
                case "write" if who in leases:
                    lease = leases[who]
                    lease.transact([{":job/by": who, ":job/token": lease.token}])
                    writes.append((lease.token, who))
                case _:
                    pass
        except DatamemError as error:
            if error.code not in {"lease/held", "lease/lost", "lease/expired"}:
                raise
    assert [token for token, _ in writes] == sorted(token for token, _ in writes)
    assert len({token for token, _ in writes}) == len(set(writes))


def test_a_holder_that_stalls_cannot_write_any_more() -> None:
    conn, clock = world()
    states, store = States(conn), Store(conn)
    slow = acquire_lease(states, "job", "slow", 10)
    with refused("lease/held"):
        acquire_lease(states, "job", "quick", 10)
    clock.move(11)
    with refused("lease/expired"):
        slow.transact([{":job/by": "slow"}])
    quick = acquire_lease(states, "job", "quick", 10)
    assert quick.token > slow.token
    with refused("lease/lost"):
        txn(conn, write_set={"result": "slow"}, preconditions=[slow.fence])
    txn(conn, write_set={"result": "quick"}, preconditions=[quick.fence])
    slow.release()
    assert quick.check().holder == "quick"
    assert store.get("result") == "quick"


def test_a_clock_that_goes_back_revives_no_lease() -> None:
    conn, clock = world()
    states = States(conn)
    lease = acquire_lease(states, "job", "a", 10)
    clock.move(11)
    conn.transact([{":x/seen": "the later time"}])
    clock.move(-10)
    with refused("lease/expired"):
        lease.renew(10)
    assert acquire_lease(states, "job", "b", 10).token == lease.token + 1


def test_one_of_the_candidates_leads_until_it_stops_renewing() -> None:
    conn, clock = world()
    states = States(conn)
    elected = [who for who in "abc" if campaign(states, "office", who, 10)]
    assert elected == ["a"]
    assert leader(states, "office") == "a"
    clock.move(20)
    assert leader(states, "office") is None
    assert campaign(states, "office", "b", 10) is not None
    assert leader(states, "office") == "b"


def test_a_lock_is_held_until_it_is_released() -> None:
    conn, clock = world()
    states = States(conn)
    with lock(states, "l", "a"):
        clock.move(10**6)
        with refused("lease/held"):
            lock(states, "l", "b")
    assert lock(states, "l", "b").token == 2


def test_a_gate_opens_when_all_have_approved() -> None:
    conn, _ = world()
    states = States(conn)
    set_gate(states, "ship", ["ann", "bob"])
    with refused("gate/exists"):
        set_gate(states, "ship", ["ann"])
    approve(states, "ship", "ann")
    approve(states, "ship", "ann")
    with refused("gate/shut"):
        pass_gate(states, "ship")
    with refused("gate/not-needed"):
        approve(states, "ship", "cy")
    assert approve(states, "ship", "bob").is_open
    txn(
        conn,
        write_set={"shipped": True},
        preconditions=[lambda db: pass_gate(states, "ship", db)],
    )
    refuse(states, "ship", "bob", "a fault was found")
    with refused("gate/shut"):
        pass_gate(states, "ship")
    with refused("gate/unknown"):
        pass_gate(states, "other")
