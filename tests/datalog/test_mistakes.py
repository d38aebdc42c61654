"""Mistakes as a new user makes them: each error says what, where, and what to do."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest

import datamem
from datamem.datalog.find.aggregates import AGGREGATES
from datamem.datalog.functions.registry import AGGREGATE_NAMES
from datamem.errors import QueryError

SCHEMA = """{:user/email {:db/valueType :db.type/string :db/unique :db.unique/identity}
             :user/name {:db/valueType :db.type/string}
             :user/age {:db/valueType :db.type/long}
             :user/tags {:db/valueType :db.type/keyword :db/cardinality :db.cardinality/many}
             :user/team {:db/valueType :db.type/ref}}"""


@pytest.fixture(scope="module")
def db() -> Iterator[datamem.Db]:
    with datamem.connect(":memory:", schema=SCHEMA) as conn:
        conn.transact([{"user/email": "ann@x.org", "user/name": "Ann", "user/age": 30}])
        yield conn.db


def refused(db: datamem.Db, text: Any, *inputs: Any) -> QueryError:
    with pytest.raises(QueryError) as caught:
        db.q(text, *inputs)
    return caught.value


def caret(error: QueryError) -> str:
    """Return what stands at the caret."""
    line, mark = str(error.message).splitlines()[-2:]
    assert mark.strip() == "^"
    return line[mark.index("^") :]


MISTAKES = [
    ("[:find ?e ?nmae :where [?e :user/name ?name]]", "query/unbound-variable", "?nmae ", "?name"),
    ("[:find ?e :where [?e :user/age ?age] [(< ?ag 3)]]", "query/unbound-variable", "(< ?ag", "?age"),
    ("[:find ?e :where [?e :user/age ?a] [(upper-cas ?a)]]", "query/unknown-function", "(upper-cas", "upper-case"),
    ("[:find ?u :where [?e :user/name ?a] [(subs ?a) ?u]]", "query/arity", "(subs", None),
    ('[:find ?e :where [?e :user/team "red"]]', "query/not-an-entity", '"red"', "lookup ref"),
    ("[:find ?e :where [?e :user/age ?t] [(> ?t 3) (< ?t 60)]]", "query/two-calls", "(< ?t", "two clauses"),
    ("[:find ?e :where (?e :user/age ?t)]", "query/syntax", "?e :user", "[?e :attribute ?value]"),
    ("[:find ?e :where [?e user/age ?t]]", "query/syntax", "user/age", ":user/age"),
    ("[:find ?e :where [?e :user/age ?t]", "query/syntax", "", None),
    ("[:find ?e :were [?e :user/age ?t]]", "query/unknown-key", ":were", ":where"),
    ("[:find ?e :where [?e :user/name ?n :user/age ?a]]", "query/syntax", ":user/age", "one clause for each"),
    ("[:find ?e :where [?e :user/name ?n] :order-by [?n :down]]", "query/bad-order", ":down", ":asc or :desc"),
    ("[:find ?e :where [?e :user/name ?n] :limit -1]", "query/syntax", "-1", "0, 1, 2"),
    ("[:find ?e :where (old ?e)]", "query/missing-rules", "(old", "add % to :in"),
    ('[:find ?n :where [[:user/name "Ann"] :user/age ?n]]', "lookup-ref/not-unique", '[:user/name "Ann"', "add :db/unique"),
    ('[:find ?v :where [?e :user/age] [(get-else $ [:user/name "Ann"] :user/age 0) ?v]]', "lookup-ref/not-unique", "(get-else", "add :db/unique"),
    ("[:find ?e ?n :strs e :where [?e :user/name ?n]]", "query/keys", ":strs e", "a name for each"),
    ("[:find ?e . :keys e :where [?e :user/name ?n]]", "query/keys", ":keys e", "a relation or a tuple"),
    ("[:find (pull ?e [user/name]) :where [?e :user/name ?n]]", "pull/bad-attribute", "(pull", ":user/name"),
    ("[:find ?e :where [?e :user/_age 36]]", "query/not-a-ref", ":user/_age", "[?e :user/age ?v]"),
    ("[:find ?e :where [?e :user/age 3 _ :yes]]", "query/syntax", ":yes", "tx added"),
    ("[:find (cuont ?e) :where [?e :user/name]]", "query/unknown-aggregate", "(cuont", "count"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "place", "hint"), MISTAKES)
def test_a_mistake_is_named_shown_and_answered(
    db: datamem.Db, text: str, code: str, place: str, hint: str | None
) -> None:
    error = refused(db, text)
    assert error.code == code
    assert caret(error).startswith(place)
    assert hint is None or hint in (error.hint or "")


IN_RULES = [
    ("[[(r ?x) [?x :user/age ?n] [(/ ?n 0) ?m]]]", "query/division-by-zero", "(/ ?n", None),
    ("[[(r ?x) [?x :user/age ?n] [(nofn ?n)]]]", "query/unknown-function", "(nofn", None),
    ("[[(r ?x) [?x :user/age ?n] [(< ?m 3)]]]", "query/unbound-variable", "(< ?m", "?n"),
    ("[[(r ?x) [?x :user/age] (s ?x 1)] [(s ?x) [?x :user/age]]]", "query/rule-arity", "(s ?x 1", "(s ?x)"),
    ("[[(r ?x) [?x :user/age] (s ?x)] [(t ?x) [?x :user/age]]]", "query/unknown-rule", "(s ?x", None),
    ("[[(r ?x) [?x :user/age] (not (s ?x))] [(s ?x) (r ?x)]]", "query/unstratifiable", "[(", "lead back"),
    ("[[(r ?x ?y) [?x :user/age]]]", "query/rule-head", "[(r", "?y"),
    ("", "query/syntax", "", "[[(name ?x) "),
    ("[(r ?x) [?x :user/age]]", "query/syntax", "r ?x", "list of rules"),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "code", "place", "hint"), IN_RULES)
def test_a_mistake_in_a_rule_is_shown_in_the_text_of_the_rules(
    db: datamem.Db, rules: str, code: str, place: str, hint: str | None
) -> None:
    """A query may use many texts; variables are named as their author named them."""
    error = refused(db, "[:find ?x\n :in $ %\n :where (r ?x)]", rules)
    assert error.code == code
    assert caret(error).startswith(place)
    assert "#" not in f"{error.message}{error.hint}"
    assert hint is None or hint in (error.hint or "")
    again = pickle.loads(pickle.dumps(error))
    assert (again.code, again.message, again.data) == (error.code, error.message, error.data)


@pytest.mark.parametrize(
    ("text", "inputs", "code", "said"),
    [
        ("[:find ?e :in $ ?n :where [?e :user/name ?n]]", (), "query/inputs", "missing: ?n"),
        ("[:find ?e :where [?e :user/name ?n]]", ("Ann",), "query/inputs", "takes 1 input"),
        ("[:find ?e :in $ [?n ...] :where [?e :user/name ?n]]", ("Ann",), "query/binding-shape", "[?n ...]"),
        ("[:find ?e :in $ ?t :where [?e :user/team ?t]]", ("red",), "query/not-an-entity", "?t"),
        ("[:find ?n :in $ ?e :where [?e :user/name ?n]]", (True,), "query/not-an-entity", "true"),
        ("[:find ?e :in $ % :where (r ?e)]", (None,), "query/syntax", "nil"),
        ("[:find ?n :in $ ?e :where [?e :user/age ?n]]", ([":user/name", "Ann"],), "lookup-ref/not-unique", "the input ?e"),
    ],
)  # fmt: skip
def test_wrong_inputs_are_named(
    db: datamem.Db, text: str, inputs: tuple[Any, ...], code: str, said: str
) -> None:
    error = refused(db, text, *inputs)
    assert error.code == code
    assert said in error.message


GIVEN = [
    ("[[(r ?a ?b) (or [?a :user/age 30] [?a :user/team ?b])]]", "(r ?e _)", "?b"),
    ("[[(r [?a] ?b) [?a :user/age ?b]]]", "(r _ ?e)", "?a"),
    ("[[(r ?a ?b) [?a :user/age] [(< ?b 3)]]]", "(r ?e _)", "?b"),
]  # fmt: skip


@pytest.mark.parametrize("around", ["", "not "])
@pytest.mark.parametrize(("rules", "call", "needed"), GIVEN)
def test_what_a_rule_needs_cannot_be_left_out(
    db: datamem.Db, rules: str, call: str, needed: str, around: str
) -> None:
    clause = f"({around}{call})" if around else call
    error = refused(db, f"[:find ?e :in $ % :where [?e :user/age] {clause}]", rules)
    assert error.code == "query/unbound-variable"
    assert f"rule r needs to be given {needed}" in error.message


def test_limits_of_another_type_are_refused(db: datamem.Db) -> None:
    for limit in ({"timeout": "1"}, {"max_rows": 2.5}, {"timeout": -1}, {"max_rows": -1}):
        with pytest.raises(QueryError) as caught:
            db.q("[:find ?e :where [?e :user/name]]", **limit)
        assert caught.value.code == "query/bad-count"
        assert repr(next(iter(limit.values()))) in caught.value.message


UNREACHED = [
    ("[(foo ?e)]", "query/unknown-function"),
    ("[(foo ?e) ?x]", "query/unknown-function"),
    ("(not [(foo ?e)])", "query/unknown-function"),
    ("(or [?e :user/age] (and [?e :user/name] [(foo ?e)]))", "query/unknown-function"),
    ("[(inc ?e 3)]", "query/arity"),
    ("[(missing? $ ?e)]", "query/arity"),
    ("[(get-else $ ?e :user/age 0 1) ?x]", "query/arity"),
    ("[(get-else ?e :user/tags 0) ?x]", "query/cardinality"),
]  # fmt: skip


@pytest.mark.parametrize(("clause", "code"), UNREACHED)
def test_a_mistake_is_found_though_no_row_reaches_it(
    db: datamem.Db, clause: str, code: str
) -> None:
    assert refused(db, f"[:find ?e :where [?e :user/age 77] {clause}]").code == code
    rules = f"[[(r ?e) [?e :user/age 77] {clause}]]"
    assert refused(db, "[:find ?e :in $ % :where (r ?e)]", rules).code == code


KINDS = [
    ("[(sum ?a) ?b]", "sum is an aggregate: write (sum ?x) in :find"),
    ("[(old ?e)]", "old is a rule: write (old …), without brackets around it"),
    ("[(of ?e ?b)]", "of is a rule: write (of …), without brackets around it"),
    ("(missing? ?e :user/age)", "missing? is a function: write [(missing? $ …)]"),
    ("[(UPPER-CASE ?a) ?b]", "did you mean upper-case?"),
    ("[(mising? $ ?e :user/age)]", "did you mean missing?"),
]


@pytest.mark.parametrize(("clause", "hint"), KINDS)
def test_what_is_called_as_something_else_is_told_apart(
    db: datamem.Db, clause: str, hint: str
) -> None:
    rules = "[[(old ?e) [?e :user/age 99]] [(of ?e ?b) [?e :user/team ?b]]]"
    error = refused(db, f"[:find ?e :in $ % :where [?e :user/age ?a] {clause}]", rules)
    assert hint in (error.hint or "")


def test_every_aggregate_is_known_to_be_one() -> None:
    functions = {"count", "min", "max", "rand"}
    assert set(AGGREGATES) - functions == AGGREGATE_NAMES


NOTES = [
    ("[:find ?e :where [?e :user/nme ?n]]", "there is no attribute :user/nme; did you mean :user/name"),
    ("[:find ?e :where (not [_ :user/nme]) [?e :user/age 7]]", "there is no attribute :user/nme"),
    ('[:find ?e :where [?e :user/age "30"]]', '"30" is no :db.type/long, which :user/age holds'),
    ("[:find ?e :where [?e :user/name 3]]", "3 is no :db.type/string, which :user/name holds"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "note"), NOTES)
def test_an_empty_answer_says_what_could_match_nothing(
    db: datamem.Db, text: str, note: str
) -> None:
    found = db.q(text)
    assert found == set()
    assert [n.startswith(note) for n in found.notes] == [True]
    assert f"note: {note}" in repr(found)
    assert note.replace('"', "&quot;") in found._repr_html_()
    assert db.prepare(text).notes() == found.notes


def test_inputs_and_rules_are_looked_at_and_what_can_match_is_not_noted(db: datamem.Db) -> None:
    text = "[:find ?e :in $ % ?n :where (r ?e ?n)]"
    found = db.q(text, "[[(r ?e ?n) [?e :user/agee ?n]] [(r ?e ?n) [?e :user/agee ?n]]]", 1)
    assert len(found.notes) == 1
    by_age = "[:find ?e :in $ ?a :where [?e :user/age ?a]]"
    assert db.q(by_age, "30").notes == ('"30" is no :db.type/long, which :user/age holds',)
    assert db.q(by_age, 31).notes == db.q(by_age, 31.0).notes == db.q(by_age, 30).notes == ()
    assert db.q('[:find ?e :where [?e :user/name "Bob"]]').notes == ()


def test_a_pulled_map_names_its_entity(db: datamem.Db) -> None:
    text = "[:find ?n . :in $ ?e :where [?e :user/name ?n]]"
    pulled = db.pull("[*]", ["user/email", "ann@x.org"])
    assert db.q(text, pulled) == db.q(text, {":db/id": pulled[":db/id"]}) == "Ann"
    assert refused(db, text, {":user/name": "Ann"}).code == "query/not-an-entity"


SEARCHES = [
    ('(fulltext $ "words")', "text/not-fulltext", ":db/fulltext true"),
    ("(fulltext $ :user/name)", "query/arity", '(fulltext $ :user/name "words")'),
    ('(fulltext $ :user/name "words" {:limit 3})', "query/arity", "no option :limit"),
    ('(fulltext $ :user/name "words" {:limit 3})', "query/arity", "options: :k, "),
]


@pytest.mark.parametrize(("call", "code", "said"), SEARCHES)
def test_a_search_that_cannot_be(db: datamem.Db, call: str, code: str, said: str) -> None:
    error = refused(db, f"[:find ?e :where [{call} [[?e]]]]")
    assert error.code == code
    assert said in str(error)
    assert caret(error).startswith("(fulltext")


@pytest.mark.parametrize("functions", [5, [len]])
def test_functions_are_a_map(db: datamem.Db, functions: Any) -> None:
    with pytest.raises(QueryError, match="a map of names to callables") as caught:
        db.q("[:find ?e :where [?e :user/name]]", functions=functions)
    assert caught.value.code == "query/not-a-function"
