"""A memory over time against dictionaries: whatever was done, now and at every earlier instant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from datamem.memory import Memory
from tests.memory.conftest import START, Clock, fresh

WORDS = st.sampled_from(["tea", "rye", "oven", "keel"])
TYPES = st.sampled_from(["fact", "preference"])


@dataclass(frozen=True)
class Kept:
    """What the model knows of a memory."""

    text: str
    kind: str
    tags: frozenset[str] = frozenset()
    expires: datetime | None = None
    forgotten: bool = False
    ended: datetime | None = None


def shown(model: dict[int, Kept], now: datetime) -> set[tuple[int, str, frozenset[str]]]:
    return {
        (eid, one.text, one.tags)
        for eid, one in model.items()
        if not one.forgotten
        and not (one.expires is not None and one.expires <= now)
        and not (one.ended is not None and one.ended <= now)
    }


class Remembering(RuleBasedStateMachine):
    """Model: entity id to what it says; the past is the list of all earlier models."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock(START)
        self.mem = Memory(fresh(self.clock), organization="acme")
        self.other = Memory(self.mem.conn, organization="other")
        self.model: dict[int, Kept] = {}
        self.past: list[tuple[int, datetime, dict[int, Kept]]] = []

    def visible(self) -> list[int]:
        return sorted(eid for eid, _, _ in shown(self.model, self.clock.now))

    def note(self) -> None:
        t = self.mem.conn.db.basis_t
        if not self.past or self.past[-1][0] < t:
            self.past.append((t, self.clock.now, dict(self.model)))
        self.clock.advance(minutes=1)

    @rule(text=WORDS, kind=TYPES, hours=st.sampled_from([None, 0, 1, 5]))
    def add(self, text: str, kind: str, hours: int | None) -> None:
        expires = None if hours is None else self.clock.now + timedelta(hours=hours)
        same = [
            eid
            for eid in self.visible()
            if (self.model[eid].text, self.model[eid].kind) == (text, kind)
        ]
        record = self.mem.add(text, type=kind, expires_at=expires)
        assert record.is_new == (not same)
        if same:
            assert record.eid in same
        else:
            self.model[record.eid] = Kept(text, kind, expires=expires)
        self.note()

    @precondition(lambda self: self.visible())
    @rule(data=st.data(), text=WORDS)
    def revise(self, data, text: str) -> None:
        eid = data.draw(st.sampled_from(self.visible()))
        self.mem.revise(eid, text, why="because")
        self.model[eid] = replace(self.model[eid], text=text)
        assert self.mem.history(eid)[-1].why in {"because", None}
        self.note()

    @precondition(lambda self: self.visible())
    @rule(data=st.data(), tag=WORDS)
    def tag(self, data, tag: str) -> None:
        eid = data.draw(st.sampled_from(self.visible()))
        self.mem.tag(eid, tag)
        self.model[eid] = replace(self.model[eid], tags=self.model[eid].tags | {f":{tag}"})
        self.note()

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def forget(self, data) -> None:
        eid = data.draw(st.sampled_from(sorted(self.model)))
        self.mem.forget(eid)
        self.model[eid] = replace(self.model[eid], forgotten=True)
        self.note()

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def restore(self, data) -> None:
        eid = data.draw(st.sampled_from(sorted(self.model)))
        self.mem.restore(eid)
        one = self.model[eid]
        still = None if one.expires is None or one.expires <= self.clock.now else one.expires
        self.model[eid] = replace(one, forgotten=False, expires=still)
        self.note()

    @precondition(lambda self: [e for e in self.visible() if self.model[e].ended is None])
    @rule(data=st.data(), text=WORDS)
    def supersede(self, data, text: str) -> None:
        candidates = [e for e in self.visible() if self.model[e].ended is None]
        eid = data.draw(st.sampled_from(candidates))
        at = self.clock.now + timedelta(seconds=30)
        after = self.mem.supersede(eid, text, at=at)
        before = self.model[eid]
        self.model[eid] = replace(before, ended=at)
        self.model[after.eid] = Kept(text, before.kind, before.tags)
        self.note()

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def delete(self, data) -> None:
        eid = data.draw(st.sampled_from(sorted(self.model)))
        self.mem.delete(eid)
        del self.model[eid]
        self.note()

    @rule(hours=st.integers(1, 3))
    def wait(self, hours: int) -> None:
        self.clock.advance(hours=hours)

    @invariant()
    def the_present_is_the_model(self) -> None:
        assert self.read(self.mem.view()) == shown(self.model, self.clock.now)
        assert self.other.list() == []

    @precondition(lambda self: self.past)
    @rule(data=st.data())
    def the_past_is_what_it_was(self, data) -> None:
        t, now, model = data.draw(st.sampled_from(self.past))
        assert self.read(self.mem.view(as_of=t)) == shown(model, now)

    def read(self, db) -> set[tuple[int, str, frozenset[str]]]:
        found = self.mem.list(db=db)
        return {(one.eid, one.content, frozenset(one.tags)) for one in found}


TestRemembering = Remembering.TestCase
TestRemembering.settings = settings(max_examples=8, stateful_step_count=20, deadline=None)
