"""Extraction: what waits is a query, what is read is marked, nothing is lost or made twice."""

from __future__ import annotations

import pytest

from datamem.errors import DatamemError
from datamem.memory import Extraction, Memory, Passage
from datamem.memory.reflection.patterns import read_by_rules
from tests.memory.talks import talk

TURNS = [
    ("Ann", "I work at Acme Labs. I love green tea!"),
    ("Bob", "Did you move to Berlin?"),
    ("Ann", "I moved to Berlin. My sister is a nurse."),
    ("Bob", "The parser in datamem/edn/reader.py calls read_form() a lot, see `lexer`."),
]
WAITING = '[:find [?m ...] :where [?m :message/content _] (not [?m :extraction/by "rules"])]'


def test_what_waits_is_a_query_and_reading_empties_it(conn_at) -> None:
    conn, _ = conn_at
    mem = Memory(conn)
    talk(mem, 1, TURNS)
    assert sorted(conn.db.q(WAITING)) == mem.to_extract()
    assert mem.extract() == 4
    assert list(conn.db.q(WAITING)) == mem.to_extract() == []
    t = conn.db.basis_t
    assert mem.extract() == 0
    assert conn.db.basis_t == t


def test_entities_relations_and_facts_are_joined_to_what_said_them(conn_at) -> None:
    conn, _ = conn_at
    mem = Memory(conn)
    talk(mem, 1, TURNS)
    mem.extract()
    db = conn.db
    relations = db.q(
        """[:find ?a ?type ?b :where [?r :relation/source ?x] [?x :entity/name ?a]
            [?r :relation/type ?type] [?r :relation/target ?y] [?y :entity/name ?b]]"""
    )
    assert set(relations) == {("Ann", ":works-at", "Acme Labs"), ("Ann", ":lives-in", "Berlin")}
    said = db.q(
        """[:find [?text ...] :where [?e :entity/name "Berlin"] [?e :entity/mentions ?m]
            [?m :message/content ?text]]"""
    )
    assert set(said) == {TURNS[1][1], TURNS[2][1]}
    facts = {record.content: record for record in mem.list(type="fact")}
    assert "Ann works at Acme Labs" in facts
    assert "Ann's sister is a nurse" in facts
    fact = facts["Ann works at Acme Labs"]
    assert [m.content for m in fact.source_messages] == [TURNS[0][1]]
    assert [record.content for record in mem.list(type="preference")] == ["Ann loves green tea"]
    kinds = dict(db.q("[:find ?n ?t :where [?e :entity/name ?n] [?e :entity/type ?t]]"))
    assert kinds["datamem/edn/reader.py"] == ":file"
    assert kinds["read_form"] == ":function"
    assert kinds["lexer"] == ":code"


def test_an_extractor_that_fails_half_way_is_resumed(conn_at) -> None:
    conn, _ = conn_at
    mem = Memory(conn)
    for number in range(3):
        talk(mem, number, TURNS, day=number)
    read: list[int] = []

    def fragile(passages):
        if len(read) == 5:
            raise ConnectionError
        read.extend(p.e for p in passages)
        return [
            Extraction({"Ann": ":person"}, facts=[(":fact", f"said {p.e}")]) for p in passages
        ]

    from datamem.memory.reflection.extract import extract

    with pytest.raises(ConnectionError):
        extract(mem.ctx, fragile, by="fragile", batch=5)
    assert len(mem.to_extract("fragile")) == 7
    read.append(0)
    assert extract(mem.ctx, fragile, by="fragile", batch=5) == 7
    facts = [record.content for record in mem.list(type="fact")]
    assert len(facts) == len(set(facts)) == 12
    assert conn.db.q('[:find (count ?e) . :where [?e :entity/name "Ann"]]') == 1
    assert conn.db.q("[:find (count ?m) . :where [_ :entity/mentions ?m]]") == 12


def test_an_extractor_must_answer_for_every_passage(conn_at) -> None:
    conn, _ = conn_at
    mem = Memory(conn)
    talk(mem, 1, TURNS)
    with pytest.raises(DatamemError) as error:
        mem.extract(lambda passages: [], by="mute")
    assert error.value.code == "memory/bad-extraction"
    assert len(mem.to_extract("mute")) == 4


@pytest.mark.parametrize(
    "text", ["", "?", "I", "What do I love?", "``", "()", "A.", "I love", "My is"]
)
def test_rules_read_little_and_never_fail(text) -> None:
    (found,) = read_by_rules([Passage(1, text, "Ann", None)])
    assert found.facts == []
    assert found.relations == []
