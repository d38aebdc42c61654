"""Notes: what a query says though nobody can have meant it, told with the answer, empty or not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import datamem

SCHEMA = """{:u/email {:db/valueType :db.type/string :db/unique :db.unique/identity}
             :u/id {:db/valueType :db.type/uuid}
             :u/name {:db/valueType :db.type/string}
             :u/age {:db/valueType :db.type/long}
             :u/score {:db/valueType :db.type/double}
             :u/role {:db/valueType :db.type/keyword}
             :u/since {:db/valueType :db.type/instant}
             :u/boss {:db/valueType :db.type/ref}}"""


@pytest.fixture(scope="module")
def db() -> Iterator[datamem.Db]:
    with datamem.connect(":memory:", schema=SCHEMA) as conn:
        conn.transact(
            """[{:db/id "a" :u/email "a@x" :u/name "Ann" :u/age 36 :u/score 1.5 :u/role :admin
                 :u/id #uuid "00000000-0000-0000-0000-000000000001" :u/since #inst "2024-03-01"}
                {:u/email "b@x" :u/name "Bob" :u/age 18 :u/boss "a"}]"""
        )
        yield conn.db


ODD = [
    # comparisons of values that are never equal, with all rows as with none
    ('[?e :u/role ?r] [(= ?r "admin")]', ':db.type/keyword of :u/role with "admin"'),
    ('[?e :u/age ?a] [(> ?a "20")]', ':db.type/long of :u/age with "20"'),
    ('[?e :u/age ?a] [(< ?a "20")]', ':db.type/long of :u/age with "20"'),
    ('[?e :u/since ?t] [(> ?t "2024")]', ':db.type/instant of :u/since with "2024"'),
    ('[?e :u/since ?t] [(> ?t "2024")]', '; an instant is written #inst "…"'),
    ('[?e :u/since "2024-03-01"]', '; an instant is written #inst "…"'),
    ("[?e :u/name ?n] [?e :u/age ?a] [(not= ?n ?a)]", "of :u/name with a :db.type/long of :u/age"),
    ("[?e :u/boss ?b] [(= ?b nil)]", "compares with nil"),
    ("[?e :u/name] (not [?e :u/age ?a] [(= ?a :x)])", "of :u/age with :x"),
    # variables that are two things
    ("[?e :u/id ?i] [?x :u/boss ?i]", "?i is a :db.type/uuid of :u/id and, in [?x :u/boss ?i], an entity"),
    ("[?e :u/name ?n] [?n :u/age]", "join through an attribute"),
    ("[?e :u/role ?x] [?f :u/name ?x]", "a :db.type/string of :u/name: values of different types"),
    ("[?e :u/name ?n] (or [?e :u/age ?n] [?e :u/role :x])", "?n is"),
    # names that nothing has
    ("[?e :u/name] (not [?e :u/rol])", "there is no attribute :u/rol; did you mean :u/role"),
    ("[?e :u/boss :team/blue]", "no entity has the ident :team/blue"),
    ("[:team/blue :u/age ?e]", "no entity has the ident :team/blue"),
    ("[?e :u/name] [(missing? $ ?e :u/bos)]", "there is no attribute :u/bos; did you mean :u/boss"),
    ("[?e :u/name] [(get-else $ ?e :u/agee 0) ?x]", "there is no attribute :u/agee; did you mean :u/age"),
    ("[?e :u/name] [(get-some $ ?e :u/agee :u/nam) ?x]", "there is no attribute :u/nam; did you mean :u/name"),
    ("[?e :u/name ?n] [(get-else $ ?n :u/age 0) ?x]", "reads an entity, and ?n is a :db.type/string"),
    ("[?e :u/name+ ?x]", ":u/name+ follows references, and :u/name holds :db.type/string"),
    # values that are none
    ("[?e :u/boss 2.5]", "2.5 is no :db.type/ref"),
    ("[?e :u/name nil]", "(missing? $ ?e :u/name)"),
    ("[?e :u/age 36 _ false]", "only a history shows what was retracted"),
]  # fmt: skip


@pytest.mark.parametrize(("clauses", "note"), ODD)
def test_what_is_odd_is_noted(db: datamem.Db, clauses: str, note: str) -> None:
    notes = db.q(f"[:find ?e :where {clauses}]").notes
    assert [note in said for said in notes].count(True) == 1
    assert db.prepare(f"[:find [?e ...] :where {clauses}]").notes() == notes
    in_rule = db.q("[:find ?e :in $ % :where (r ?e)]", f"[[(r ?e) {clauses}]]").notes
    assert any(note in said for said in in_rule)


MEANT = [
    "[?e :u/age ?a] [(> ?a 20.5)]",
    "[?e :u/score ?s] [?e :u/age ?a] [(< ?s ?a)]",
    "[?e :u/role ?r] [(= ?r :admin)]",
    "[?e :u/boss ?b] [?b :u/age ?a]",
    "[?e :u/name] [(get-else $ ?e :u/nickname-of-years nil) ?x]",
    "[?e :u/name] [(missing? $ ?e :never/used)]",
    "[?e :u/boss 36.0]",
    "(or [?e :u/name ?v] [?e :u/age ?v])",
    "[?e :u/name] (not [?e :u/role :guest])",
    '[?e :u/role "admin"]',
]


@pytest.mark.parametrize("clauses", MEANT)
def test_what_can_be_meant_is_not_noted(db: datamem.Db, clauses: str) -> None:
    assert db.q(f"[:find ?e :where {clauses}]").notes == ()


def test_inputs_are_compared_too(db: datamem.Db) -> None:
    text = "[:find ?e :in $ ?x :where [?e :u/age ?a] [(< ?a ?x)]]"
    found = db.q(text, "40")
    assert len(found) == 2
    assert 'of :u/age with "40"' in found.notes[0]
    assert "note: [(< ?a ?x)]" in repr(found)
    assert db.q(text, 40).notes == ()


def test_tuples_have_no_entities(db: datamem.Db) -> None:
    text = "[:find ?n ?x :in $ $list :where [?e :u/name ?n] [$list ?n ?x _ ?n]]"
    assert db.q(text, [("Ann", 1, 2, "Ann")]).notes == ()


def test_texts_of_tuples_are_no_keywords() -> None:
    text = "[:find ?n :where [?e :u/name ?n]]"
    found = datamem.q(text, [(1, ":u/name", "Ann")])
    assert found.notes == (
        ":u/name is a keyword, and the tuples of $ hold the string: Keyword(':u/name')",
    )
    assert datamem.q(text, [(1, datamem.Keyword(":u/name"), "Ann")]) == {("Ann",)}


def test_pulls_are_looked_at(db: datamem.Db) -> None:
    found = db.q("[:find (pull ?e [:u/nmae {:u/_boss [:u/agee]}]) :where [?e :u/age 36]]")
    assert [note.split(";")[0] for note in found.notes] == [
        "there is no attribute :u/nmae",
        "there is no attribute :u/agee",
    ]
    text = "[:find (pull ?n [:u/name]) :where [_ :u/name ?n]]"
    assert "(pull ?n …) reads an entity, and ?n is a :db.type/string" in db.q(text).notes[0]
    shape = "[:find (pull ?e ?shape) :in $ ?shape :where [?e :u/age 36]]"
    assert db.q(shape, "[:u/nmae]").notes == found.notes[:1]
    assert db.q(shape, "[* {:u/_boss [:db/id :u/name]}]").notes == ()


def test_retractions_are_seen_in_a_history(db: datamem.Db) -> None:
    assert db.history().q("[:find ?e :where [?e :u/age 36 _ false]]").notes == ()


def test_references_are_followed_backwards(db: datamem.Db) -> None:
    ann, bob = db.q("[:find [?e ...] :where [?e :u/name ?n] :order-by ?n]")
    assert db.q("[:find ?e ?x :where [?e :u/_boss+ ?x]]") == {(ann, bob)}
    assert db.q("[:find [?x ...] :in $ ?e :where [?e :u/_boss* ?x]]", ann) == [ann, bob]


NAMELESS = [
    ("[:find ?n :in $ ?a :where [?e ?a ?n]]", "u/nme", "there is no attribute u/nme; did you mean"),
    ("[:find ?n :in $ ?e :where [?e :u/name ?n]]", ["u/email", "z@x"], 'no entity is ["u/email" "z@x"], which ?e is'),
    ("[:find ?e :in $ ?b :where [?e :u/boss ?b]]", ":team/blue", "which ?b is"),
    ("[:find ?e :in $ ?a :where [?e :u/age ?a]]", [18, 36], "[18 36] is no :db.type/long"),
    ("[:find ?e :in $ ?a :where [?e :u/age ?a]]", {18}, "several are taken by [?a ...] in :in"),
    ("[:find ?e :in $ ?a :where [?e :u/age ?a]]", object, "is no :db.type/long"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value", "note"), NAMELESS)
def test_an_input_that_names_nothing_is_noted(
    db: datamem.Db, text: str, value: object, note: str
) -> None:
    found = db.q(text, value)
    assert len(found) == 0
    assert note in found.notes[0]
    assert note in repr(found)


RULES = """[[(role ?r ?e) [?e :u/role ?r]]
            [(near ?a ?b) [?b :u/boss ?a]] [(near ?a ?b) [?a :u/boss ?b]]
            [(any ?x ?e) [?e :u/role ?x]] [(any ?x ?e) [?e :u/name ?x]]]"""


def test_constants_given_to_rules_are_compared_too(db: datamem.Db) -> None:
    def notes(call: str) -> tuple[str, ...]:
        found: tuple[str, ...] = db.q(f"[:find ?e :in $ % :where {call}]", RULES).notes
        return found

    given = '(role ?const ?e) is given "admin", and takes a :db.type/keyword of :u/role'
    assert notes('(role "admin" ?e)') == (given,)
    assert "?n is 5 and, in" in notes("[(ground 5) ?n] [?e :u/name ?n]")[0]
    wrong = "[?e :u/name ?n] (near ?n ?e)"
    assert "(near ?n ?e) is given a :db.type/string of :u/name, and takes an entity" in notes(
        wrong
    )
    for call in ("(role :admin ?e)", '(any "Ann" ?e)', "(near 1 ?e)", "(role _ ?e)"):
        assert notes(call) == ()
