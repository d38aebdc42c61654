"""Commands that draw, and the one that looks whether everything works."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

import datamem as library

SCHEMA = "{:u/name {:db/unique :db.unique/identity} :u/friend {:db/valueType :db.type/ref}}"


@pytest.fixture
def friends(datamem):
    with library.connect("test.dm", schema=SCHEMA) as conn:
        conn.transact('[{:db/id "a" :u/name "Ada" :u/friend "b"} {:db/id "b" :u/name "Bo"}]')
    return datamem


def test_a_graph_is_mermaid_dot_or_svg(friends) -> None:
    assert "n1 -->|u/friend| n2" in friends("graph", "1").out
    assert "n1 -> n2" in friends("graph", "--format", "dot", "1").out
    ET.fromstring(friends("graph", "--format", "svg", '[:u/name "Bo"]').out)
    assert friends("graph", "99").code == 1


def test_the_schema_is_a_diagram_of_kinds(friends) -> None:
    out = friends("schema", "--format", "mermaid").out
    assert "u }o--o{ u : friend" in out
    assert '"u" -> "u" [label="friend"];' in friends("schema", "--format", "dot").out


def test_a_doctor_finds_everything_well(datamem, tmp_path) -> None:
    said = datamem("doctor", "--at", str(tmp_path))
    assert said.code == 0
    assert "✗" not in said.out
    assert "a second writer is kept out" in said.out
    assert list(tmp_path.iterdir()) == []


def test_a_doctor_says_what_is_wrong(datamem, tmp_path) -> None:
    said = datamem("doctor", "--at", str(tmp_path / "nowhere"))
    assert said.code == 1
    assert "cannot be written" in said.out
