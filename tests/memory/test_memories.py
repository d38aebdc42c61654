"""Memories: added once, revised with a reason, tagged, related, forgotten and restored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import numpy as np
import pytest

import datamem
from datamem.errors import DatamemError
from datamem.memory import Memory
from tests.memory.conftest import fresh


def texts(records) -> list[str]:
    return [record.content for record in records]


def test_what_is_added_can_be_read_by_short_names(acme, clock) -> None:
    memory = acme.add(
        "Ada takes her tea black",
        user="ada",
        agent="pip",
        session="s1",
        tags=["tea", ":drinks"],
        importance=0.7,
        metadata={"source": {"page": 3}},
        id="tea-1",
    )
    assert memory.content == "Ada takes her tea black"
    assert (memory.user.name, memory.agent.name) == ("Ada", "Pip")
    assert sorted(memory.tags) == [":drinks", ":tea"]
    assert (memory.type, memory.priority, memory.importance) == (":fact", 5, 0.7)
    assert memory.created_at == clock.now
    assert memory.summary is None
    assert memory.contexts == []
    assert isinstance(memory.id, UUID)
    assert acme.get("tea-1") == acme.get(memory.id) == acme.get(str(memory.id))
    with pytest.raises(AttributeError, match="no colour"):
        _ = memory.colour


def test_json_is_queried_by_path(acme) -> None:
    acme.add("x", metadata={"source": {"page": 3}})
    query = """[:find ?page . :where [_ :memory/metadata ?doc]
                                     [(get-in ?doc ["source" "page"]) ?page]]"""
    assert acme.db.q(query) == 3


def test_a_memory_is_recognised_by_what_it_says(acme) -> None:
    first = acme.add("tea", user="ada")
    again = acme.add("tea", user="ada")
    assert (first.is_new, again.is_new) == (True, False)
    assert again.eid == first.eid
    assert acme.add("tea").is_new, "of another user: nobody"
    assert acme.add("tea", user="ada", type="preference").is_new
    assert acme.add("tea", user="ada", dedupe=False).is_new


def test_a_batch_recognises_its_own(acme) -> None:
    found = acme.add_many(["a", "b", "a", {"content": "a", "type": "preference"}], user="ada")
    assert [record.is_new for record in found] == [True, True, False, True]
    assert found[0].eid == found[2].eid
    assert acme.add_many([]) == []


def test_what_is_forgotten_is_not_recognised(acme) -> None:
    first = acme.add("tea")
    acme.forget(first)
    assert acme.add("tea").eid != first.eid


def test_structured_content_says_its_text(mem) -> None:
    memory = mem.add(data={"text": "hello", "mood": "good"})
    assert memory.content == "hello"
    assert mem.revise(memory, data={"text": "bye"}).content == "bye"
    with pytest.raises(DatamemError) as refused:
        mem.add(data={"mood": "good"})
    assert refused.value.code == "memory/no-content"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"importance": 1.5}, "schema/out-of-range"),
        ({"priority": 0}, "schema/out-of-range"),
        ({"priority": 11}, "schema/out-of-range"),
        ({"level": 4}, "schema/out-of-range"),
        ({"scope": "everyone"}, "schema/not-in-enum"),
        ({"user": "nobody"}, "memory/unknown"),
        ({"colour": "red"}, "memory/bad-option"),
        ({"expires_at": "tomorrow"}, "memory/bad-instant"),
        ({"user": 1.5}, "memory/bad-name"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(acme, options, code) -> None:
    t = acme.conn.db.basis_t
    with pytest.raises(DatamemError) as refused:
        acme.add("x", **options)
    conflicts = refused.value.data.get("conflicts", [])
    assert code in {refused.value.code, *(one["code"] for one in conflicts)}
    assert acme.conn.db.basis_t == t


def test_an_id_is_taken_once(mem) -> None:
    mem.add("x", id="one")
    with pytest.raises(DatamemError, match="already"):
        mem.add("y", id="one")


def test_revising_keeps_the_old_version_with_its_reason(acme, clock) -> None:
    memory = acme.add("The bakery opens on 20 April", importance=0.8, tags=["plan"])
    before = clock.advance(days=1)
    clock.advance(days=1)
    revised = acme.revise(
        memory, "The bakery opens on 11 May", why="The oven is late", tags=["new"]
    )
    assert (revised.content, revised.tags, revised.importance) == (
        "The bakery opens on 11 May",
        [":new"],
        0.8,
    )
    assert (
        acme.get(memory, db=acme.view(as_of=before)).content == "The bakery opens on 20 April"
    )
    first, second = acme.history(memory)
    assert second.why == "The oven is late"
    assert second.retracted[":memory/content"] == "The bakery opens on 20 April"
    assert second.instant == clock.now
    assert first.retracted == {}
    assert acme.revise(memory, importance=None).importance is None
    assert acme.add("The bakery opens on 11 May").eid == memory.eid


def test_tags_are_a_set(mem) -> None:
    memory = mem.tag(mem.add("x", tags="a"), "a", "b")
    assert sorted(memory.tags) == [":a", ":b"]
    assert mem.untag(memory, "a", "c").tags == [":b"]
    assert texts(mem.list(tags="b")) == ["x"]
    assert mem.list(tags="a") == []


def test_relationships_are_typed_and_single(mem) -> None:
    a, b = mem.add_many(["a", "b"])
    relation = mem.relate(a, b, "reply-to", metadata={"weight": 2})
    assert (relation.source.content, relation.target.content) == ("a", "b")
    assert relation.metadata == {"weight": 2}
    with pytest.raises(DatamemError) as refused:
        mem.relate(a, b, "reply-to")
    assert refused.value.code == "memory/related"
    mem.relate(a, b, "follows")
    mem.relate(b, a, "reply-to")
    assert [r.type for r in mem.related(a, direction="out")] == [":reply-to", ":follows"]
    assert len(mem.related(a)) == 3
    assert len(mem.related(a, "reply-to")) == 2
    assert mem.unrelate(a, b, "reply-to") is True
    assert mem.unrelate(a, b, "reply-to") is False
    with pytest.raises(DatamemError, match="itself"):
        mem.relate(a, a)


def test_forgetting_hides_from_every_query_and_restoring_shows(mem) -> None:
    a, b = mem.add_many(["a", "b"])
    mem.relate(a, b)
    mem.forget(a, why="asked to")
    mem.forget(a)
    assert texts(mem.list()) == ["b"]
    assert mem.get(a) is None
    assert mem.db.q("[:find [?c ...] :where [_ :memory/content ?c]]") == ["b"]
    assert mem.related(b) == [], "the relationship is hidden with it"
    assert mem.history(a)[-1].why == "asked to"
    everything = mem.view(include_forgotten=True)
    assert set(everything.q("[:find [?c ...] :where [_ :memory/content ?c]]")) == {"a", "b"}
    assert mem.restore(a).content == "a"
    assert len(mem.list()) == 2


def test_expiry_comes_by_itself(mem, clock) -> None:
    memory = mem.add("for an hour", expires_at=timedelta(hours=1))
    mem.add("for ever")
    assert len(mem.list()) == 2
    clock.advance(minutes=59)
    assert len(mem.list()) == 2
    clock.advance(minutes=1)
    assert texts(mem.list()) == ["for ever"]
    assert len(mem.list(db=mem.view(as_of=clock.now - timedelta(minutes=30)))) == 2
    mem.restore(memory)
    assert len(mem.list()) == 2
    mem.expire(memory)
    clock.advance(seconds=1)
    assert len(mem.list()) == 1


def test_deleting_takes_the_relationships_along(mem) -> None:
    a, b = mem.add_many(["a", "b"])
    mem.relate(a, b)
    t = mem.conn.db.basis_t
    mem.delete(a)
    assert mem.conn.db.q("[:find ?r :where [?r :relationship/type _]]") == set()
    assert len(mem.list(db=mem.view(as_of=t))) == 2


def test_lists_are_newest_first_and_narrowed(acme, clock) -> None:
    for number in range(5):
        acme.add(f"m{number}", user="ada" if number % 2 else None, level=number % 3)
        clock.advance(hours=1)
    assert texts(acme.list(limit=2)) == ["m4", "m3"]
    assert texts(acme.list(user="ada")) == ["m3", "m1"]
    assert texts(acme.list(level=0)) == ["m3", "m0"]
    assert texts(acme.list(since=timedelta(hours=2))) == ["m4", "m3"]
    assert acme.list(type="archetype") == []


def test_unknown_names_are_told(acme) -> None:
    for call in (acme.forget, acme.restore, acme.delete, acme.history, acme.expire):
        with pytest.raises(DatamemError) as refused:
            call("no-such-memory")
        assert refused.value.code == "memory/unknown"
    assert acme.get(uuid4()) is None
    assert acme.get(acme.users.get("ada").eid) is None, "an entity, but no memory"


class Letters:
    """Embeds a text as its letter counts."""

    name = "letters"

    def __call__(self, several) -> np.ndarray:
        rows = [[text.count(letter) for letter in "abcdefghijklmnop"] for text in several]
        return np.array(rows, np.float32)


def test_an_embedder_gives_vectors_of_its_own_attribute() -> None:
    mem = Memory(datamem.connect(), embedder=Letters())
    tea = mem.add("black tea")
    assert len(tea.entity[":embedding/letters"]) == 16
    assert mem.add("black  tea", similar=0.99).eid == tea.eid
    assert mem.add("omelette", similar=0.99).is_new
    model = mem.conn.db.entity([":embedding-model/name", "letters"])
    assert model[":embedding-model/dimensions"] == 16
    again = Memory(mem.conn, embedder=Letters())
    assert again.add("tea pot").entity[":embedding/letters"] is not None
    with pytest.raises(DatamemError) as refused:
        mem.add("x", embedding=[1.0, 2.0], model="letters")
    assert refused.value.code == "memory/wrong-dimensions"


def test_a_revised_text_has_another_vector() -> None:
    mem = Memory(fresh(), embedder=Letters())
    memory = mem.add("aaa", embedding=[1.0, 0.0], model="two")
    assert ":embedding/two" in memory.entity
    revised = mem.revise(memory, "bbb")
    assert list(revised.entity[":embedding/letters"][:2]) == [0.0, 3.0]
    assert ":embedding/two" not in revised.entity, "of a text that is no longer there"
    assert mem.revise(memory, importance=0.5).entity[":embedding/letters"][1] == 3.0
    after = mem.supersede(memory, "ccc")
    assert after.entity[":embedding/letters"][2] == 3.0
    plain = Memory(mem.conn).revise(after, "ddd")
    assert ":embedding/letters" not in plain.entity, "there is nothing to embed it with"


def test_a_vector_may_come_with_the_memory(mem) -> None:
    vector = [0.0] * 1535 + [1.0]
    memory = mem.add("x", embedding=vector)
    assert memory.embedding[-1] == 1.0
    small = mem.add("y", embedding=[1.0, 0.0], model="two")
    assert list(small.entity[":embedding/two"]) == [1.0, 0.0]


def test_a_memory_has_one_embedding_by_a_model(mem) -> None:
    memory = mem.add("x", embedding=[1.0, 0.0], model="two")
    t = mem.conn.db.basis_t
    with pytest.raises(DatamemError, match="has an embedding by two already") as refused:
        mem.add_embedding(memory, [0.0, 1.0], model="two")
    assert refused.value.code == "memory/embedded"
    mem.add_embedding(memory, [1.0, 0.0], model="two")
    assert mem.conn.db.basis_t == t, "the same again is no change"
    assert list(
        mem.add_embedding(memory, [1.0, 2.0], model="other").entity[":embedding/other"]
    ) == [1, 2]
    again = mem.add_embedding(
        memory, [0.0, 1.0], model="two", replace=True, why="a better crop"
    )
    assert list(again.entity[":embedding/two"]) == [0.0, 1.0]
    assert [
        list(v.added[":embedding/two"])
        for v in mem.history(memory)
        if ":embedding/two" in v.added
    ] == [[1, 0], [0, 1]]
    assert mem.history(memory)[-1].why == "a better crop"
    with pytest.raises(DatamemError) as refused:
        mem.add_embedding(memory, [1.0], model="two", replace=True)
    assert refused.value.code == "memory/wrong-dimensions"
    with pytest.raises(DatamemError) as refused:
        mem.add_embedding("nothing", [1.0, 0.0], model="two")
    assert refused.value.code == "memory/unknown"


def test_an_embedder_that_returns_anything_else_is_refused() -> None:
    mem = Memory(datamem.connect(), embedder=lambda texts: np.zeros(3))
    with pytest.raises(DatamemError) as refused:
        mem.add("x")
    assert refused.value.code == "memory/bad-embedder"


def test_a_memory_taken_twice_declares_its_schema_once() -> None:
    conn = datamem.connect()
    Memory(conn)
    t = conn.db.basis_t
    Memory(conn)
    assert conn.db.basis_t == t


def test_a_database_open_for_reading_can_be_read(tmp_path) -> None:
    with datamem.connect(tmp_path / "m") as conn:
        Memory(conn).add("x")
    with datamem.connect(tmp_path / "m", read_only=True) as conn:
        assert texts(Memory(conn).list()) == ["x"]


def test_a_record_says_what_it_has(mem) -> None:
    memory = mem.add("x", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert memory.as_dict()[":memory/content"] == "x"
    assert memory[":memory/content"] == "x"
    assert memory == mem.get(memory, db=memory.db)
    assert len({memory, mem.get(memory, db=memory.db)}) == 1
    assert str(memory.id) in repr(memory)
