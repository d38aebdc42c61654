"""Recall: what answers a question, in which order and why; in every view, and kept as entities."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datamem
from datamem.errors import DatamemError
from datamem.memory import Memory
from datamem.memory.recall import DEFAULT
from tests.memory.talks import START, talk

PETS = [
    ("Ann", "I finally adopted a dog from the shelter!"),
    ("Bob", "Wonderful! What do you call him?"),
    ("Ann", "Rex, after my uncle."),
]
WORK = [
    ("Bob", "My new job at the bakery begins at four in the morning."),
    ("Ann", "So early! Do you sleep at all?"),
    ("Bob", "I go to bed at eight."),
]
TRIP = [
    ("Ann", "We hiked in the mountains and it rained."),
    ("Bob", "Did the tent hold?"),
    ("Ann", "It leaked all night."),
]


class Toy:
    """An embedder of a few meanings."""

    name = "toy"
    meanings = (
        {"dog", "pet", "animal", "rex"},
        {"job", "work", "bakery"},
        {"rain", "tent", "wet"},
    )

    def __call__(self, texts):
        words = [set(text.lower().replace(".", "").replace("?", "").split()) for text in texts]
        rows = [[0.1, *(len(of & meaning) for meaning in self.meanings)] for of in words]
        return np.array(rows, np.float32)


@pytest.fixture
def mem(conn_at):
    conn, _ = conn_at
    memory = Memory(conn)
    for number, turns in enumerate((PETS, WORK, TRIP), start=1):
        talk(memory, number, turns, day=30 * (number - 1))
    return memory


def texts(recall) -> list[str]:
    return [item.text for item in recall]


def test_the_turn_that_answers_comes_first_and_its_neighbours_follow(mem) -> None:
    found = mem.recall("Which dog did Ann adopt from a shelter?", k=3)
    assert texts(found)[0] == PETS[0][1]
    assert set(texts(found)) == {text for _, text in PETS}
    session = mem.conn.db.q('[:find ?s . :where [?s :session/external-id "session-1"]]')
    assert found.sessions[0].eid == session
    first = found[0]
    assert (first.kind, first.rank, first.record.sender.name) == ("message", 1, "Ann")
    assert first.at == START + timedelta(minutes=1)
    assert "its words: dog, adopt, shelter" in first.paths
    assert any(path.startswith("said by Ann") for path in first.paths)
    assert any(" before it is " in path for path in found[1].paths)
    assert any(path.startswith("in session") for path in first.paths)


def test_the_parts_of_why_sum_to_the_score(mem) -> None:
    for item in mem.recall("What did Ann say about her dog in March 2026?", k=9):
        assert sum(item.why.values()) == pytest.approx(item.score)
        assert set(item.why) <= {*DEFAULT.as_dict(), "neighbours"}
        assert all(value > 0 for value in item.why.values())


def test_a_date_in_the_question_counts(mem) -> None:
    question = "What did they talk about on {:%d %B %Y}?"
    for number, turns in enumerate((PETS, WORK, TRIP)):
        day = START + timedelta(days=30 * number)
        found = mem.recall(f"sleep dog tent {question.format(day)}", k=3)
        assert set(texts(found)) <= {text for _, text in turns}


def test_who_is_named_counts(mem) -> None:
    assert mem.recall("Bob early morning", k=1)[0].text == WORK[0][1]
    bobs = mem.recall("what did Bob say of sleep and bed", k=2, weights={"who": 2.0})
    assert all(item.record.sender.name == "Bob" for item in bobs)


def test_vectors_find_what_no_word_does(conn_at) -> None:
    conn, _ = conn_at
    mem = Memory(conn, embedder=Toy())
    for number, turns in enumerate((PETS, WORK, TRIP), start=1):
        talk(mem, number, turns, day=number)
    assert mem.recall("animal", fallback=False).considered == 0
    assert mem.embed() == 9
    assert mem.embed() == 0
    found = mem.recall("animal", k=1)
    assert texts(found) == [PETS[0][1]]
    assert any(path.startswith("similar in meaning: 1.00") for path in found[0].paths)
    given_vector = mem.recall("nothing at all", k=1, vector=Toy()(["bakery"])[0])
    assert texts(given_vector) == [WORK[0][1]]


def test_an_entity_that_the_question_names_leads_to_what_mentions_it(conn_at) -> None:
    conn, _ = conn_at
    mem = Memory(conn)
    talk(mem, 1, PETS)
    walk = mem.add("He likes long walks")
    conn.transact([{":entity/name": "Rex", ":entity/mentions": [walk.eid]}])
    found = mem.recall("Tell me of Rex")
    assert walk.eid in found.eids
    item = next(item for item in found if item.eid == walk.eid)
    assert "mentions Rex, which the question names" in item.paths


@pytest.mark.parametrize("way", ["relation", "reversed relation", "related", "related to it"])
def test_what_is_related_to_a_named_entity_counts_half(conn_at, way) -> None:
    conn, _ = conn_at
    mem = Memory(conn)
    kennel = mem.add("It opens at nine on weekdays")
    forms = [
        {":db/id": "rex", ":entity/name": "Rex"},
        {":db/id": "kennel", ":entity/name": "Kennel", ":entity/mentions": [kennel.eid]},
    ]
    ends = ("rex", "kennel") if way in {"relation", "related"} else ("kennel", "rex")
    if "relation" in way:
        ends_of = {":relation/source": ends[0], ":relation/target": ends[1]}
        forms.append({**ends_of, ":relation/type": ":stays-at"})
    else:
        forms.append({":db/id": ends[0], ":entity/related": [ends[1]]})
    conn.transact(forms)
    (found,) = mem.recall("Where is Rex?")
    assert found.eid == kennel.eid
    assert found.why["entities"] == DEFAULT.entities / 2
    assert "mentions Kennel, related to what the question names" in found.paths


def test_importance_and_strength_decide_between_equal_words(conn_at) -> None:
    conn, clock = conn_at
    mem = Memory(conn)
    same = {"dedupe": False, "type": "fact"}
    plain = mem.add("tea is green", importance=0.1, **same)
    vital = mem.add("tea is green", importance=0.9, **same)
    assert mem.recall("tea").eids.tolist() == [vital.eid, plain.eid]
    clock.hours(50)
    fresh = mem.add("tea is green", importance=0.1, **same)
    ranked = mem.recall("tea", weights={"strength": 1.0, "importance": 0.0}).eids.tolist()
    assert ranked[0] == fresh.eid


def test_recall_sees_what_its_view_shows(conn_at) -> None:
    conn, clock = conn_at
    mem = Memory(conn)
    old = mem.add("Ada drinks tea with sugar")
    then = conn.db.basis_t
    clock.hours(1)
    mem.revise(old, "Ada drinks tea without milk")
    secret = mem.add("Ada hides her tea")
    mem.forget(secret)
    assert texts(mem.recall("tea")) == ["Ada drinks tea without milk"]
    assert texts(mem.recall("tea", as_of=then)) == ["Ada drinks tea with sugar"]
    assert set(texts(mem.recall("tea", include_forgotten=True))) == {
        "Ada drinks tea without milk",
        "Ada hides her tea",
    }


def test_facts_that_were_not_true_then_are_not_recalled(conn_at) -> None:
    conn, _ = conn_at
    mem = Memory(conn)
    mem.add("Ada lives in Paris", valid_from=START - timedelta(days=90), valid_to=START)
    mem.add("Ada lives in Rome", valid_from=START)
    assert texts(mem.recall("Ada lives", valid_at=START + timedelta(days=1))) == [
        "Ada lives in Rome"
    ]
    assert texts(mem.recall("Ada lives", valid_at=START - timedelta(days=1))) == [
        "Ada lives in Paris"
    ]


def test_a_scope_recalls_only_its_own(conn_at) -> None:
    conn, _ = conn_at
    one, other = (Memory(conn, organization=name) for name in ("one", "other"))
    one.add("the tea of one")
    other.add("the tea of the other")
    assert texts(one.recall("tea")) == ["the tea of one"]
    assert texts(other.recall("tea")) == ["the tea of the other"]


options = st.fixed_dictionaries(
    {},
    optional={
        "kinds": st.sampled_from([("memory",), ("message",), ("memory", "message")]),
        "types": st.sampled_from([("fact",), ("preference", "fact"), ("episode",)]),
        "tags": st.sampled_from([("a",), ("b", "c")]),
        "levels": st.sampled_from([(0,), (1, 2)]),
        "since": st.integers(0, 5).map(lambda n: START + timedelta(days=n)),
        "until": st.integers(0, 5).map(lambda n: START + timedelta(days=n)),
    },
)


@settings(max_examples=20)
@given(options, st.data())
def test_filters_hold_and_leave_nothing_out(filters, data) -> None:
    """Model: every item about tea, filtered in Python."""
    mem = Memory(datamem.connect())
    talk(mem, 1, [("Ann", "tea please"), ("Bob", "no tea left")], day=1)
    made = data.draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "type": st.sampled_from(["fact", "preference", "episode"]),
                    "tags": st.lists(st.sampled_from("abc"), unique=True),
                    "level": st.integers(0, 2),
                    "created_at": st.integers(0, 5).map(lambda n: START + timedelta(days=n)),
                }
            ),
            max_size=6,
        )
    )
    for i, item in enumerate(made):
        mem.add(f"tea number {i}", **item)
    db = mem.db
    found = mem.recall("tea", k=50, **filters)
    wanted = set()
    for e in db.q(
        "[:find [?e ...] :where (or [?e :memory/content _] [?e :message/content _])]"
    ):
        entity = db.entity(e)
        kind = "memory" if ":memory/content" in entity else "message"
        at = entity.get(":memory/created-at") or entity.get(":message/timestamp")
        if kind not in filters.get("kinds", (kind,)):
            continue
        if "types" in filters and entity.get(":memory/type", "")[1:] not in filters["types"]:
            continue
        tags = {tag[1:] for tag in entity.get(":memory/tags", ())}
        if "tags" in filters and not tags & set(filters["tags"]):
            continue
        if "levels" in filters and entity.get(":memory/level") not in filters["levels"]:
            continue
        if at < filters.get("since", at) or at >= filters.get("until", at + timedelta(1)):
            continue
        wanted.add(e)
    assert set(found.eids.tolist()) == wanted


def test_a_recall_may_be_kept_afterwards_with_as_many_candidates_as_wanted(mem) -> None:
    found = mem.recall("Which dog did Ann adopt?", k=1)
    kept = mem.record_recall(found, keep=2)
    assert kept[":recall/query"] == "Which dog did Ann adopt?"
    ranks = mem.conn.db.q(
        "[:find [?rank ...] :in $ ?r :where [?c :candidate/recall ?r] [?c :candidate/rank ?rank]]",
        kept.eid,
    )
    assert sorted(ranks) == [1, 2]


def test_a_recall_is_kept_and_asked_about(mem) -> None:
    found = mem.recall("Which dog did Ann adopt?", k=1, record=True)
    db = mem.conn.db
    assert db.q(
        """[:find ?query ?text :where [?r :recall/query ?query] [?r :recall/chosen ?m]
            [?m :message/content ?text]]"""
    ) == {("Which dog did Ann adopt?", PETS[0][1])}
    ignored = db.q("[:find (count ?m) . :where [?r :recall/ignored ?m]]")
    assert ignored == found.considered - 1
    paths = db.q(
        """[:find [?path ...] :in $ ?m :where [?c :candidate/item ?m] [?c :candidate/chosen? true]
            [?c :candidate/recall ?r] [?c :candidate/rank 1] [?c :candidate/paths ?path]]""",
        found[0].eid,
    )
    assert set(paths) == set(found[0].paths)
    known = db.q("[:find ?t . :where [_ :recall/basis-t ?t]]")
    assert mem.recall("Which dog did Ann adopt?", k=1, as_of=known).eids.tolist() == (
        found.eids.tolist()
    )


def test_reinforcing_waits_for_a_flush_and_counts(conn_at) -> None:
    conn, clock = conn_at
    mem = Memory(conn)
    tea = mem.add("Ada likes tea", type="fact")
    talk(mem, 1, [("Ann", "tea?"), ("Bob", "no")])
    clock.hours(10)
    faded = mem.strength(tea)
    t = conn.db.basis_t
    for _ in range(3):
        mem.recall("tea", reinforce=True)
    assert conn.db.basis_t == t
    assert mem.flush() == 1
    assert mem.flush() == 0
    assert conn.db.basis_t == t + 1
    assert conn.db.entity(tea.eid)[":memory/access-count"] == 3
    assert mem.strength(tea) == pytest.approx(1.0)
    assert faded < 0.5


def test_a_review_makes_fresh_and_slows_the_decay(conn_at) -> None:
    conn, clock = conn_at
    mem = Memory(conn)
    tea, other = mem.add("tea", type="fact"), mem.add("coffee", type="fact")
    clock.hours(10)
    mem.review(tea)
    assert mem.strength(tea) == pytest.approx(1.0)
    at = conn.now_us() + 10 * 3_600_000_000
    assert mem.strength(tea, at) == pytest.approx(np.exp(-0.5), rel=1e-3)
    assert mem.strength(other, at) == pytest.approx(np.exp(-2.0), rel=1e-3)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"k": 0}, "recall/bad-k"),
        ({"candidates": 0}, "recall/bad-k"),
        ({"weights": {"wit": 1.0}}, "recall/bad-weight"),
        ({"weights": {"words": -1.0}}, "recall/bad-weight"),
        ({"kinds": "dreams"}, "recall/bad-kind"),
        ({"kinds": ()}, "recall/bad-kind"),
    ],
)
def test_what_cannot_be_asked_is_refused(mem, options, code) -> None:
    with pytest.raises(DatamemError) as error:
        mem.recall("tea", **options)
    assert error.value.code == code


@pytest.mark.parametrize(
    "query", ["", "?", "the of", 'AND "', "a:b (", "*", "ölçü 東京", "x" * 3000]
)
def test_any_text_may_be_asked(mem, query) -> None:
    assert len(mem.recall(query)) <= 10


@pytest.mark.parametrize(
    ("query", "options", "code"),
    [
        (42, {}, "recall/bad-query"),
        ("dogs", {"wieghts": {}}, "recall/bad-option"),
        ("dogs", {"k": 0}, "recall/bad-k"),
    ],
)
def test_what_a_recall_cannot_be_asked_is_refused(mem, query, options, code) -> None:
    with pytest.raises(DatamemError) as refused:
        mem.recall(query, **options)
    assert refused.value.code == code


def test_an_empty_memory_recalls_nothing() -> None:
    found = Memory(datamem.connect()).recall("anything in May 2026?")
    assert list(found) == []
    assert found.sessions == []
    assert found.considered == 0


def test_now_is_the_instant_of_the_view(mem) -> None:
    """A relative date in a question of the past is seen from there."""
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert mem.recall("yesterday").now_us >= int(now.timestamp()) * 1_000_000


def test_a_scope_keeps_its_recalls_extractions_and_episodes_to_itself(conn_at) -> None:
    conn, _ = conn_at
    one, other = (Memory(conn, organization=name) for name in ("one", "other"))
    one.users.create("Nia", id="nia")
    one.agents.create("Otto", id="otto")
    own = one.scope(user="nia", agent="otto")
    session = own.sessions.create(id="first")
    turns = [("user", "I love the sea. I work at Acme Labs."), ("assistant", "How wide it is!")]
    own.messages.add_many(session, turns)
    own.sessions.end(session)
    own.recall("What did Nia say about the sea?", record=True, reinforce=True)
    assert own.extract() == 2
    assert [record.type for record in own.consolidate()] == [":episode"]
    for memory, count in ((one, 1), (other, None)):
        db = memory.db
        assert db.q("[:find (count ?r) . :where [?r :recall/query _]]") == count
        assert db.q('[:find (count ?e) . :where [?e :entity/name "Acme Labs"]]') == count
        assert db.q("[:find (count ?m) . :where [?m :memory/level 1]]") == count
    assert other.db.q("[:find (count ?c) . :where [?c :candidate/score _]]") is None
    assert other.recall("sea").considered == 0
    assert one.recall("sea", scope={"user": "nia"}).considered > 0
    assert one.recall("sea", scope={"user": one.users.create("Ida")}).considered == 0


def test_a_message_without_a_session_is_recalled_as_one(conn_at) -> None:
    conn, _ = conn_at
    mem = Memory(conn)
    conn.transact([{":message/role": ":user", ":message/content": "tea at four"}])
    (found,) = mem.recall("tea")
    assert (found.kind, found.at, found.who) == ("message", None, "")
    assert mem.recall("tea").sessions == []


def test_what_was_made_of_a_talk_does_not_come_between_its_turns(mem) -> None:
    question = "Which dog did Ann adopt from a shelter?"
    before = [item.text for item in mem.recall(question, k=3)]
    mem.extract()
    assert "Ann adopted a dog from the shelter" not in before
    after = mem.recall(question, k=4, kinds=["message"])
    assert [item.text for item in after][:3] == before
    everything = mem.recall(question, k=9)
    turn = next(item for item in everything if item.text == PETS[1][1])
    assert any(path.startswith("1 turn before it is") for path in turn.paths)


def test_a_question_that_only_names_somebody_finds_what_is_known_of_them(mem) -> None:
    ann = mem.users.create("Ann", id="ann-herself")
    mem.add("allergic to walnuts", user=ann)
    found = mem.recall("What must Ann avoid?", k=3)
    assert texts(found) == ["allergic to walnuts"]
    assert found[0].why["who"] > 0


def test_a_person_of_whom_nothing_is_kept_is_answered_by_what_was_said_last(conn_at) -> None:
    memory = Memory(conn_at[0])
    nia = memory.users.create("Nia", id="nia")
    session = memory.sessions.create(user=nia, agent=memory.agents.create("Otto", id="otto"))
    memory.add_messages(session, [("user", "I bought a boat."), ("assistant", "Which one?")])
    assert texts(memory.recall("Nia?", k=1)) == ["I bought a boat."]
    assert len(memory.recall("Nobody?", fallback=False)) == 0


def test_what_was_kept_counts_for_itself(mem) -> None:
    kept = mem.add("Rex is a dog that Ann adopted")
    scores = []
    for weight in (0.0, 0.3):
        found = mem.recall("Which dog did she adopt?", k=5, weights={"kept": weight})
        item = next(item for item in found if item.text == kept.content)
        scores.append((item.score, item.why.get("kept", 0.0)))
    (without, nothing), (with_it, part) = scores
    assert nothing == 0.0
    assert with_it > without
    assert part > 0.0
