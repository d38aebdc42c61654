"""Consolidation: what an episode and a theme hold, and that nothing is made twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.memory import Memory
from datamem.memory.reflection.consolidate import by_shared_words, sessions_to_consolidate
from datamem.memory.reflection.summarise import extractive
from datamem.memory.reflection.terms import content_words
from tests.memory.talks import talk

DOGS = [
    ("Ann", "I adopted a dog called Rex."),
    ("Bob", "A dog! How old is Rex?"),
    ("Ann", "Two."),
]
MORE = [("Ann", "The dog Rex ran away today."), ("Bob", "Did the dog come back?")]
RAIN = [("Ann", "It rained in the mountains."), ("Bob", "The tent was wet.")]


def snapshot(mem: Memory) -> set[tuple[object, ...]]:
    return {(d.e, d.a, str(d.v)) for d in mem.conn.db.datoms("eavt") if d.e < 1 << 40}


def test_a_session_becomes_an_episode_that_names_its_messages(conn_at) -> None:
    conn, _ = conn_at
    mem = Memory(conn)
    session = talk(mem, 1, DOGS)
    (episode,) = mem.consolidate(themes=False)
    messages = conn.db.q("[:find [?m ...] :in $ ?s :where [?m :message/session ?s]]", session)
    assert sorted(record.eid for record in episode.source_messages) == sorted(messages)
    assert (episode.type, episode.level, episode.session.eid) == (":episode", 1, session)
    assert episode.decay_rate == 0.4
    assert "Rex" in episode.content


def test_consolidating_again_changes_nothing_and_more_messages_renew_it(conn_at) -> None:
    conn, clock = conn_at
    mem = Memory(conn)
    talk(mem, 1, DOGS)
    (first,) = mem.consolidate()
    before = snapshot(mem)
    clock.hours(1)
    assert mem.consolidate() == []
    assert mem.consolidate(["session-1"]) != []
    assert snapshot(mem) == before
    talk(mem, 1, [*DOGS, ("Bob", "Rex is a fine name.")])
    assert sessions_to_consolidate(mem.db) != []
    (again,) = mem.consolidate()
    assert again.eid == first.eid
    assert len(again.source_messages) == 4
    assert [v.content for v in mem.list(type="episode")] == [again.content]


def test_a_forgotten_episode_is_not_made_again_and_a_deleted_message_leaves_it(conn_at) -> None:
    conn, _ = conn_at
    mem = Memory(conn)
    session = talk(mem, 1, DOGS)
    talk(mem, 2, RAIN, day=1)
    first, second = mem.consolidate(themes=False)
    mem.forget(first)
    assert mem.consolidate() == []
    conn.transact([[":db/retractEntity", mem.recall("Did the tent get wet", k=1).eids[0]]])
    talk(mem, 2, [RAIN[0], ("Bob", "We slept badly.")], day=1)
    (again,) = mem.consolidate()
    assert again.eid == second.eid
    assert {m.content for m in again.source_messages} == {RAIN[0][1], "We slept badly."}
    assert [record.eid for record in mem.consolidate([session])] == [first.eid]
    assert mem.get(first) is None


def test_a_session_that_goes_on_waits(conn_at) -> None:
    conn, _ = conn_at
    mem = Memory(conn)
    talk(mem, 1, DOGS, status=":active")
    assert mem.consolidate() == []


def test_a_summariser_that_fails_leaves_what_was_done_before(conn_at) -> None:
    conn, _ = conn_at
    mem = Memory(conn)
    for number in range(3):
        talk(mem, number, DOGS, day=number)
    calls = []

    def fails_once(texts):
        calls.append(texts)
        if len(calls) == 2:
            raise TimeoutError
        return f"{len(texts)} turns, {texts[0]}"

    with pytest.raises(TimeoutError):
        mem.consolidate(summarise=fails_once, themes=False)
    assert len(mem.list(type="episode")) == 1
    assert len(mem.consolidate(summarise=fails_once, themes=False)) == 2
    assert len(mem.list(type="episode")) == 3


def test_episodes_that_share_their_words_become_a_theme_and_others_join_it(conn_at) -> None:
    conn, _ = conn_at
    mem = Memory(conn)
    for number, turns in enumerate((DOGS, RAIN, MORE)):
        talk(mem, number, turns, day=number)
    found = mem.consolidate()
    (theme,) = [record for record in found if record.type == ":theme"]
    joined = mem.tree(theme)[":memory/children"]
    assert {child[":memory/level"] for child in joined} == {1}
    assert len(joined) == 2
    assert all("dog" in child[":memory/content"].lower() for child in joined)
    before = snapshot(mem)
    assert mem.consolidate() == []
    assert snapshot(mem) == before
    talk(mem, 7, [("Ann", "The dog Rex learned to swim."), ("Bob", "Good dog Rex.")], day=9)
    again = [record for record in mem.consolidate() if record.type == ":theme"]
    assert [record.eid for record in again] == [theme.eid]
    assert len(mem.tree(theme)[":memory/children"]) == 3
    assert mem.roll_up(theme).messages == 7


def together(texts):
    """Group memories by whether they speak of dogs, and themes all together."""
    if all("about" in text for text in texts):
        return [list(range(len(texts)))]
    dogs = [i for i, text in enumerate(texts) if "dog" in text.lower()]
    return [dogs, [i for i in range(len(texts)) if i not in dogs]]


def about(texts) -> str:
    return f"about {min(content_words(' '.join(texts)))}, {len(texts)} in all"


def test_themes_become_an_archetype_and_others_join_it(conn_at) -> None:
    conn, _ = conn_at
    mem = Memory(conn)
    for number, turns in enumerate((DOGS, RAIN, MORE, RAIN)):
        talk(mem, number, turns, day=number)
    mem.consolidate(themes=False)
    found = mem.consolidate(summarise=about, group=together, archetypes=True)
    assert [record.type for record in found] == [":theme", ":theme", ":archetype"]
    archetype = found[-1]
    assert (archetype.level, archetype.decay_rate, archetype.content[:5]) == (3, 0.05, "about")
    assert [theme.parent.eid for theme in mem.list(type="theme")] == [archetype.eid] * 2
    assert mem.roll_up(archetype).by_level == {"episode": 4, "theme": 2}
    (episode, *_) = mem.list(type="episode")
    assert [one.type for one in mem.ancestors(episode)] == [":theme", ":archetype"]
    before = snapshot(mem)
    assert mem.consolidate(summarise=about, group=together, archetypes=True) == []
    assert snapshot(mem) == before
    mem.add("about the harbour", type="theme", level=2)
    (again,) = mem.consolidate(summarise=about, group=together, archetypes=True)
    assert again.eid == archetype.eid
    assert again.content.endswith("3 in all")


def test_no_archetypes_are_made_unless_asked_for(conn_at) -> None:
    mem = Memory(conn_at[0])
    for name in ("dogs", "walks with dogs"):
        mem.add(f"about {name}", type="theme", level=2)
    assert mem.consolidate() == []
    assert [one.type for one in mem.consolidate(archetypes=True)] == [":archetype"]


@given(st.lists(st.text(alphabet="ab cd.\n", max_size=60), max_size=8), st.integers(1, 20))
def test_an_extractive_summary_says_only_what_was_said(texts, most) -> None:
    summary = extractive(texts, max_words=most)
    said = " ".join(" ".join(text.split()) for text in texts)
    assert set(content_words(summary)) <= set(content_words(said))
    assert extractive(texts, max_words=most) == summary


@given(st.lists(st.text(alphabet="abc ", max_size=12), max_size=8))
def test_grouping_puts_every_text_into_one_group(texts) -> None:
    groups = by_shared_words(texts)
    assert sorted(i for group in groups for i in group) == list(range(len(texts)))
