"""What is forgotten, has expired or is another's is found by no search either."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

import datamem
from datamem.memory import Memory
from tests.memory.conftest import fresh

SECRET = "zanzibar"


class Letters:
    """Embeds a text as its letter counts."""

    name = "letters"
    dimensions = 26

    def __call__(self, several) -> np.ndarray:
        alphabet = "abcdefghijklmnopqrstuvwxyz"
        rows = [[text.lower().count(letter) + 0.01 for letter in alphabet] for text in several]
        return np.array(rows, np.float32)


@pytest.fixture
def world(clock):
    """One memory that everybody may see, and some that say the word and are hidden from one tenant."""
    with fresh(clock) as conn:
        mem = Memory(conn, organization="acme", embedder=Letters())
        evil = Memory(conn, organization="evil", embedder=Letters())
        mem.add("tea is brewed in Ceylon")
        mem.forget(mem.add(f"{SECRET} forgotten"))
        mem.add(f"{SECRET} expired", expires_at=timedelta(hours=1))
        mem.supersede(mem.add(f"{SECRET} superseded"), "cloves come from elsewhere now")
        evil.add(f"{SECRET} theirs")
        session = mem.sessions.create()
        mem.add_message(session, "user", f"{SECRET} in a session that is deleted")
        mem.sessions.delete(session)
        clock.advance(hours=2)
        yield mem


def everything_found(mem, db) -> list[str]:
    """Return what each kind of search finds for the word."""
    vector = Letters()([f"{SECRET} forgotten"])[0]
    content = "[?m :memory/content ?c]"
    searches = [
        (f'[:find [?c ...] :where [(fulltext $ :memory/content "{SECRET}") [[?m ?c]]]]', ()),
        (
            (
                "[:find [?c ...] :in $ ?v :where [(vector/search :embedding/letters ?v 9) [[?m]]]"
                f" {content}]"
            ),
            (vector,),
        ),
        (f'[:find [?c ...] :where {content} [(includes? ?c "{SECRET}")]]', ()),
        (f'[:find [?c ...] :where [_ :message/content ?c] [(includes? ?c "{SECRET}")]]', ()),
        ("[:find [?c ...] :where [_ ?a ?c] [(string? ?c)]]", ()),
    ]
    found = [text for query, inputs in searches for text in db.q(query, *inputs)]
    return found + [item.text for item in mem.recall(SECRET, k=20)]


def test_no_search_finds_what_is_hidden(world) -> None:
    found = everything_found(world, world.db)
    assert "tea is brewed in Ceylon" in found, "the searches do find something"
    assert [text for text in found if SECRET in text] == []


def test_every_search_finds_it_where_it_is_not_hidden(world) -> None:
    db = world.conn.db
    vector = Letters()([f"{SECRET} forgotten"])[0]
    query = "[:find [?c ...] :in $ ?v :where [(vector/search :embedding/letters ?v 2) [[?m]]] [?m :memory/content ?c]]"
    assert all(SECRET in text for text in db.q(query, vector))
    query = f'[:find [?c ...] :where [(fulltext $ :memory/content "{SECRET}") [[?m ?c]]]]'
    assert len(db.q(query)) == 4


def test_the_k_nearest_are_the_nearest_that_are_shown(world) -> None:
    """A search must not fill its k with what is then hidden."""
    vector = Letters()([f"{SECRET} forgotten"])[0]
    query = "[:find [?c ...] :in $ ?v :where [(vector/search :embedding/letters ?v 1) [[?m]]] [?m :memory/content ?c]]"
    assert len(world.db.q(query, vector)) == 1
    found = datamem.vector.search(world.db, ":embedding/letters", vector, 2)
    assert len(found.e) == 2
