"""`datamem memory` and `datamem session`: what they print, and how they refuse."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def mem(datamem):
    """The command line, over a database with the sample."""
    assert datamem("demo", "--db", "test.dm").code == 0
    return datamem


def rows(said) -> list[dict]:
    assert said.code == 0, said.err
    return json.loads(said.out)


def contents(mem, *options: str) -> list[str]:
    return [row["content"] for row in rows(mem("memory", "list", "--format", "json", *options))]


def test_what_is_added_is_listed_and_known_the_second_time(mem) -> None:
    said = mem(
        "memory", "add", "Mira takes tea", "--id", "tea", "--tag", "tea", "--priority", "8"
    )
    assert said.out == "added tea: Mira takes tea\n"
    assert mem("memory", "add", "Mira takes tea").out == "known already, tea: Mira takes tea\n"
    (row,) = rows(mem("memory", "list", "--tag", "tea", "--format", "json"))
    assert row == {
        "id": "tea",
        "type": ":fact",
        "priority": 8,
        "tags": ":tea",
        "content": "Mira takes tea",
    }


def test_a_memory_is_revised_superseded_and_forgotten(mem) -> None:
    mem("memory", "add", "Mira takes tea", "--id", "tea")
    assert mem("memory", "revise", "tea", "Mira takes milk", "--why", "said so").code == 0
    mem("memory", "supersede", "tea", "Mira takes coffee", "--at", "2030-01-01")
    assert {"Mira takes milk", "Mira takes coffee"} <= set(contents(mem))
    assert "Mira takes coffee" not in contents(mem, "--valid-at", "2029-01-01")
    assert "Mira takes milk" not in contents(mem, "--valid-at", "2031-01-01")
    versions = rows(mem("memory", "show", "tea", "--format", "json"))
    assert {"was": "Mira takes tea", "is": "Mira takes milk", "why": "said so"}.items() <= next(
        row for row in versions if row["was"] == "Mira takes tea"
    ).items()
    assert mem("memory", "forget", "tea").out == "forgot tea\n"
    assert "Mira takes milk" not in contents(mem)
    assert "Mira takes milk" in contents(mem, "--forgotten")
    assert mem("memory", "restore", "tea").out == "restored tea: Mira takes milk\n"
    assert mem("memory", "tag", "tea", "drink", "milk").code == 0
    assert contents(mem, "--tag", "drink", "--tag", "milk") == ["Mira takes milk"]


def test_lists_look_into_the_past(mem) -> None:
    assert "Mira is allergic to hazelnuts" in contents(mem, "--as-of", "2024-03-20")
    assert "Mira is allergic to walnuts" in contents(mem)


def test_what_expires_and_what_retention_does(mem) -> None:
    assert mem("memory", "add", "short", "--expires", "2020-01-01").code == 0
    assert "short" not in contents(mem)
    with_policy = '[{:retention/name "ttl" :retention/action :purge}]'
    assert mem("transact", with_policy).code == 0
    dry = rows(mem("memory", "retain", "--dry-run", "--format", "json"))
    assert dry == [{"policy": "ttl", "action": "purge", "count": 1}]
    assert rows(mem("memory", "retain", "ttl", "--format", "json")) == dry
    assert rows(mem("memory", "retain", "--format", "json"))[0]["count"] == 0


def test_tenants_are_apart(mem) -> None:
    assert mem("memory", "add", "theirs", "--organization", "acme").code == 0
    assert contents(mem, "--organization", "acme") == ["theirs"]
    said = mem("memory", "list", "--organization", "nobody")
    assert (said.code, "memory/unknown" in said.err) == (1, True)


def test_recall_answers_with_scores(mem) -> None:
    found = rows(
        mem("memory", "recall", "What is Mira allergic to?", "-k", "3", "--format", "json")
    )
    assert 1 <= len(found) <= 3
    assert "allergic" in found[0]["text"]


def test_a_session_from_start_to_archive(mem) -> None:
    assert mem("session", "start", "--id", "monday", "--title", "Oven").out == "began monday\n"
    assert mem("session", "say", "monday", "user", "It comes on Friday").out == "turn 1\n"
    assert mem("session", "say", "monday", "assistant", "-", stdin="Noted").out == "turn 2\n"
    turns = rows(mem("session", "show", "monday", "--last", "1", "--format", "json"))
    assert [(t["sequence"], t["role"], t["content"]) for t in turns] == [
        (2, ":assistant", "Noted")
    ]
    assert mem("session", "pause", "monday").out == "monday: paused\n"
    assert mem("session", "resume", "monday").out == "monday: active\n"
    assert mem("session", "end", "monday", "--summary", "Oven").out == "monday: ended\n"
    said = mem("session", "say", "monday", "user", "late")
    assert (said.code, "session/ended" in said.err) == (1, True)
    assert mem("session", "archive", "monday").out == "monday: archived\n"
    listed = rows(
        mem("session", "list", "--status", "ended", "--limit", "1", "--format", "json")
    )
    assert listed[0]["id"] == "monday"


@pytest.mark.parametrize(
    "wrong",
    [
        ("memory", "add", "x", "--expires", "soon"),
        ("memory", "add", "x", "--expires", "12"),
        ("memory", "add"),
        ("session", "say", "monday", "critic", "x"),
        ("memory", "list", "--valid-at", "never"),
    ],
)
def test_wrong_usage_is_told(mem, wrong) -> None:
    said = mem(*wrong)
    assert said.code == 2
    assert "Usage" in said.err


@pytest.mark.parametrize("group", ["memory", "session"])
def test_help_teaches_by_example(datamem, group) -> None:
    said = datamem(group, "--help")
    assert said.code == 0
    assert f"datamem {group} " in said.out.partition("Examples:")[2]
