"""Predicates and functions: the library, bindings, Python callables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.datalog import q, register_function
from datamem.db.database import Db
from datamem.edn import Keyword
from datamem.errors import QueryError

from .worlds import LONG, World


def value(call: str, **given: Any) -> Any:
    """Return what one call gives, nil included."""
    names = " ".join(f"?{name}" for name in given)
    rows = (
        q(f"[:find ?r :in [[{names} ?unused]] :where [{call} ?r]]", [(*given.values(), 0)])
        if given
        else q(f"[:find ?r :in ?unused :where [{call} ?r]]", 0)
    )
    return next(row[0] for row in rows) if len(rows) else None


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("(+ 1 2 3)", 6), ("(- 5)", -5), ("(- 5 2 1)", 2), ("(* 2 3.5)", 7.0), ("(/ 3 2)", 1.5),
        ("(/ 4 2)", 2.0), ("(quot -7 2)", -3), ("(rem -7 2)", -1), ("(mod -7 2)", 1), ("(inc 1)", 2),
        ("(dec 1)", 0), ("(max 1 2.5 2)", 2.5), ("(min 3 1)", 1), ("(abs -3)", 3), ("(+)", 0),
        ("(* 9223372036854775807 2)", 18446744073709551614),
        ('(str "a" 1 :k)', "a1:k"), ('(subs "hello" 1 3)', "el"), ('(count "😀")', 1),
        ('(clojure.string/upper-case "a")', "A"), ('(re-find "b+" "abbc")', "bb"),
        ('(re-matches "(a)(b)" "ab")', ["ab", "a", "b"]), ('(re-seq "." "ab")', ["a", "b"]),
        ('(keyword "a" "b")', Keyword(":a/b")), ("(name :a/b)", "b"), ("(namespace :a/b)", "a"),
        ("(vector 1 2)", [1, 2]), ("(count [1 2 3])", 3), ("(get {:a 1} :a)", 1), ("(nth [1 2] 1)", 2),
        ("(identity false)", False), ("(identity nil)", None), ("(get {:a 1} :b)", None),
        ("(not nil)", True), ("(and 1 nil 2)", None), ("(or nil 3)", 3), ("(compare 1 2)", -1),
        ("(compare 1 1.0)", 0), ("(type 1)", Keyword(":db.type/long")), ("(< 1 2 3)", True),
        ("(= 1 1.0)", True), ("(= 1 true)", False), ('(= "a" "a")', True), ("(not= 1 2)", True),
        ('(< "b" 1)', False), ("(< nil 1)", True), ("(= [1 2] [1 2])", True),
        ("(+ 1 (* 2 3))", 7), ('(like "hello" "h%o")', True), ("(contains? #{1 2} true)", False),
        ('(instant/year #inst "2023-05-20")', 2023), ('(instant/iso (instant/truncate #inst "2023-05-20T10:11:12Z" :hour))', "2023-05-20T10:00:00+00:00"),
        ('(instant/between #inst "2023-05-20" #inst "2023-05-22" :days)', 2.0),
        ('(hash/md5 "a")', "0cc175b9c0f1b6a831c399e269772661"),
        ('(get-in {"a" [1 {"b" 2}]} ["a" 1 "b"])', 2),
    ],
)  # fmt: skip
def test_library(call: str, expected: Any) -> None:
    found = value(call)
    assert found == expected
    assert type(found) is type(expected) or isinstance(found, int)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[:find ?e :where [?e :p/age ?a] [(> ?a 20)]]", {(1,), (3,)}),
        ("[:find ?e :where [(> ?a 20)] [?e :p/age ?a]]", {(1,), (3,)}),
        ("[:find ?e :where [?e :p/age ?a] [(< 10 ?a 20)]]", {(2,)}),
        ("[:find ?e :where [?e :p/age ?a] [(< ?a 15.5)]]", {(2,)}),
        ("[:find ?e :where [?e :p/age ?a] [(<= ?a 14.5)]]", set()),
        ("[:find ?e :where [?e :p/age ?a] [(>= ?a 15)]]", {(1,), (2,), (3,)}),
        ("[:find ?e :where [?e :p/age ?a] [(= ?a 15.0)]]", {(2,)}),
        ("[:find ?e :where [?e :p/score ?s] [(> ?s 1)]]", {(1,), (2,)}),
        ("[:find ?e :where [?e :p/score ?s] [(= ?s -1)]]", {(3,)}),
        ('[:find ?e :where [?e :p/name ?n] [(< ?n "C")]]', {(1,), (2,)}),
        (
            '[:find ?e :where [?e :p/born ?b] [(> ?b #inst "2000")]]'.replace(
                "2000", "2000-01-01"
            ),
            {(2,)},
        ),
        ("[:find ?e ?f :where [?e :p/age ?a] [?f :p/age ?a] [(< ?e ?f)]]", {(1, 3)}),
        ("[:find ?e :where [?e :p/age ?a] [(even? ?a)]]", {(1,), (3,)}),
        ("[:find ?e :where [?e :p/active ?x] [(false? ?x)]]", {(2,)}),
        ("[:find ?e :where [?e :p/active ?x] [(identity ?x)]]", {(1,)}),
        ("[:find ?e :where [?e :p/age ?a] [?e :p/score ?s] [(< ?s ?a)]]", {(1,), (2,), (3,)}),
        ("[:find ?e ?x :where [?e :p/age ?a] [(* ?a 2) ?x]]", {(1, 60), (2, 30), (3, 60)}),
        ("[:find ?e ?x :where [?e :p/age ?a] [(/ ?a 2) ?x]]", {(1, 15.0), (2, 7.5), (3, 15.0)}),
        ("[:find ?e :where [?e :p/age ?a] [?f :p/age ?b] [(* ?b 2) ?a]]", {(1,), (3,)}),
        ("[:find ?e :where [?e :p/name] [(missing? $ ?e :p/age)]]", {(4,)}),
        (
            "[:find ?e ?x :where [?e :p/name] [(get-else $ ?e :p/age 0) ?x]]",
            {(1, 30), (2, 15), (3, 30), (4, 0)},
        ),
        (
            '[:find ?e ?x :where [?e :p/name] [(get-else $ ?e :p/age "none") ?x]]',
            {(1, 30), (2, 15), (3, 30), (4, "none")},
        ),
        (
            "[:find ?e ?x :where [?e :p/name] [(get-else $ ?e :p/age nil) ?x]]",
            {(1, 30), (2, 15), (3, 30), (4, None)},
        ),
        (
            "[:find ?e ?x :where [?e :p/name] [(get-else $ ?e :never/used nil) ?x]]",
            {(1, None), (2, None), (3, None), (4, None)},
        ),
        (
            "[:find ?e ?x :where [?e :p/name] [(get-else $ ?e :p/active true) ?x]]",
            {(1, True), (2, False), (3, True), (4, True)},
        ),
        ("[:find ?x :where [(get-else $ 2 :p/age 0) ?x]]", {(15,)}),
        ("[:find ?v :where [(get-some $ 2 :p/aka :p/age) [?a ?v]]]", {(15,)}),
        (
            "[:find ?e :where [?e :p/name] [(get-some $ ?e :p/boss :p/status) _]]",
            {(1,), (2,), (3,), (4,)},
        ),
        ("[:find ?x :where [(ground [1 2 3]) [?x ...]]]", {(1,), (2,), (3,)}),
        ("[:find ?x ?y :where [(ground [[1 2] [3 4]]) [[?x ?y] ...]]]", {(1, 2), (3, 4)}),
        ("[:find ?x ?y :where [(ground [[1 2] [3 4]]) [[?x ?y]]]]", {(1, 2), (3, 4)}),
        ("[:find ?x ?y :where [(ground [1 2 9]) [?x ?y]]]", {(1, 2)}),
        ("[:find ?x :where [(ground [1 2]) [_ ?x]]]", {(2,)}),
        ("[:find ?a :where [(untuple [1 2]) [?a ?a]]]", set()),
        ("[:find ?a :where [(untuple [2 2]) [?a ?a]]]", {(2,)}),
        (
            "[:find ?t :where [?e :p/age ?a] [(tuple ?e ?a) ?t]]",
            {((1, 30),), ((2, 15),), ((3, 30),)},
        ),
        ("[:find ?x :where [?e :p/age ?a] [(identity nil) ?x]]", set()),
    ],
)
def test_in_queries(people: Db, text: str, expected: set[Any]) -> None:
    assert q(text, people) == expected


def test_the_source_of_a_lookup_may_be_left_out_and_missing_may_be_bound(people: Db) -> None:
    text = "[:find ?e ?x ?m :where [?e :p/name] [(get-else ?e :p/age 0) ?x] [(missing? ?e :p/age) ?m]]"
    assert q(text, people) == {(1, 30, False), (2, 15, False), (3, 30, False), (4, 0, True)}
    assert q("[:find ?e :where [?e :p/name] [(missing? ?e :p/age)]]", people) == {(4,)}


def test_a_lookup_in_a_rule_reads_the_source_of_the_rule(people: Db) -> None:
    rules = "[[(age ?e ?x) [?e :p/name] [(get-else $ ?e :p/age 0) ?x]]]"
    later = people.with_tx([[":db/add", 4, "p/age", 77]]).db_after
    text = "[:find ?x . :in $ $later % :where ($later age 4 ?x)]"
    assert q(text, people, later, rules) == 77


def test_false_is_a_result_and_nil_is_none(people: Db) -> None:
    assert q("[:find ?x . :where [(identity false) ?x]]", people) is False
    assert q("[:find ?x :where [(identity nil) ?x]]", people) == set()


def test_callables_as_inputs_by_name_and_registered(people: Db) -> None:
    def twice(number: int) -> int:
        return number * 2

    text = "[:find ?x :in $ ?f :where [?e :p/age ?a] [(?f ?a) ?x]]"
    assert q(text, people, twice) == {(60,), (30,)}
    assert q(
        "[:find ?x :where [_ :p/age ?a] [(twice ?a) ?x]]", people, functions={"twice": twice}
    ) == {(60,), (30,)}
    register_function("my/twice", twice, pure=True)
    assert q("[:find ?x :where [_ :p/age ?a] [(my/twice ?a) ?x]]", people) == {(60,), (30,)}
    register_function("my/all", lambda xs: [x + 1 for x in xs], vectorised=True)
    assert q("[:find ?x :where [_ :p/age ?a] [(my/all ?a) ?x]]", people) == {(31,), (16,)}
    register_function(
        "my/ages",
        lambda db, n: [r[0] for r in db.q("[:find ?a :where [_ :p/age ?a]]")][:n],
        needs_database=True,
    )
    assert len(q("[:find ?x :where [(my/ages 2) [?x ...]]]", people)) == 2
    assert q(
        "[:find ?e :in $ ?p :where [?e :p/age ?a] [(?p ?a)]]", people, lambda a: a < 20
    ) == {(2,)}
    assert q(
        [":find", "?x", ":where", ["_", ":p/age", "?a"], [(twice, "?a"), "?x"]], people
    ) == {(60,), (30,)}


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("[:find ?x :where [_ :p/age ?a] [(incc ?a) ?x]]", "query/unknown-function", "inc"),
        ("[:find ?x :where [_ :p/age ?a] [(inc ?a 1) ?x]]", "query/arity", "inc takes 1 argument"),
        ("[:find ?x :where [_ :p/age ?a] [(/ ?a 0) ?x]]", "query/division-by-zero", "?a = "),
        ('[:find ?x :where [_ :p/name ?a] [(+ ?a 1) ?x]]', "query/not-a-number", "?a ="),
        ("[:find ?x :where [_ :p/age ?a] [(subs ?a 1) ?x]]", "query/not-a-string", "subs"),
        ('[:find ?x :where [_ :p/name ?a] [(re-find "(" ?a) ?x]]', "query/bad-regex", "("),
        ("[:find ?x :where [_ :p/age ?a] [(inc ?b) ?x]]", "query/unbound-variable", "?b"),
        ("[:find ?x :where [_ :p/age ?a] [(inc ?a) [?x ?y]]]", "query/binding-shape", "tuple"),
        ("[:find ?x :where [_ :p/age ?a] [(vector ?a) [?x ?y]]]", "query/binding-shape", "tuple"),
        ("[:find ?x :where [_ :p/age ?a] [(get-else $ ?a :p/aka 1) ?x]]", "query/cardinality", "many"),
        ("[:find ?t :in $ ?s ?e :where [_ :p/born ?t]\n [(> ?t ?s) (< ?t ?e)]]", "query/two-calls", "write two clauses"),
    ],
)  # fmt: skip
def test_errors(people: Db, text: str, code: str, words: str) -> None:
    with pytest.raises(QueryError) as caught:
        q(text, people)
    assert caught.value.code == code
    assert words in str(caught.value)


def test_a_failing_callable_says_which_clause_and_values(people: Db) -> None:
    def bad(_: int) -> int:
        raise ValueError("no")

    with pytest.raises(QueryError, match="ValueError: no") as caught:
        q("[:find ?x :in $ ?f :where [2 :p/age ?a] [(?f ?a) ?x]]", people, bad)
    assert caught.value.code == "query/function-failed"
    assert caught.value.data["bindings"]["?a"] == 15
    assert isinstance(caught.value.__cause__, ValueError)


def test_instants_compare_with_naive_and_aware_datetimes(people: Db) -> None:
    text = "[:find ?e :in $ ?t :where [?e :p/born ?b] [(< ?b ?t)]]"
    assert q(text, people, datetime(2000, 1, 1)) == {(1,)}  # noqa: DTZ001  # naive on purpose
    assert q(text, people, datetime(2000, 1, 1, tzinfo=UTC)) == {(1,)}


def test_regular_expressions_as_clojure_writes_them(people: Db) -> None:
    assert q(r'[:find ?n :where [_ :p/name ?n] [(re-find #"^[A-B]\w" ?n)]] ; #"', people) == {
        ("Ann",),
        ("Bob",),
    }
    assert q(r'[:find ?x . :where [(re-matches #"\d+\"" "12\"") ?x]]', people) == '12"'


def test_the_attribute_of_get_else_is_a_rules_own_variable(people: Db) -> None:
    rules = "[[(r [?at] ?e ?v) [?e :p/age] [(get-else $ ?e ?at 0) ?v]]]"
    text = "[:find ?v :in $ % ?at :where (r :p/age 2 ?v) [_ :p/name]]"
    assert q(text, people, rules, ":p/score") == {(15,)}
    text = "[:find ?v :in $ % ?x :where (r ?x 2 ?v)]"
    assert q(text, people, rules, ":p/score") == {(2.5,)}
    with pytest.raises(QueryError, match=r"\?at is 2 different ones"):
        q(
            "[:find ?v :in $ [?at ...] :where [(get-else $ 2 ?at 0) ?v]]",
            people,
            [":p/age", ":p/score"],
        )


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (
            (
                "[:find ?n ?c :where [?b :p/name ?n] [_ :p/boss ?b]"
                " [(q [:find (count ?e) . :in $ ?b :where [?e :p/boss ?b]] $ ?b) ?c]]"
            ),
            {("Ann", 1), ("Bob", 1)},
        ),
        (
            (
                "[:find ?n :where [(q '[:find (max ?a) . :where [_ :p/age ?a]] $) ?most]"
                " [?e :p/age ?most] [?e :p/name ?n]]"
            ),
            {("Ann",), ("Cid",)},
        ),
        (
            (
                "[:find ?n ?a :where [(q [:find ?n ?a :where [?e :p/name ?n] [?e :p/age ?a]] $) [[?n ?a] ...]]"
                " [(< ?a 20)]]"
            ),
            {("Bob", 15)},
        ),
        (
            "[:find ?e :where [?e :p/name] [(q {:find [?f .] :in [$ ?e] :where [[?e :p/friend ?f]]} $ ?e) _]]",
            {(1,), (2,)},
        ),
        (
            "[:find ?e :where [?e :p/name] (not [(q [:find ?f . :in $ ?e :where [?e :p/friend ?f]] $ ?e) _])]",
            {(3,), (4,)},
        ),
    ],
)
def test_a_query_inside_a_query(people: Db, text: str, rows: set[Any]) -> None:
    assert q(text, people) == rows


def test_a_query_inside_a_query_keeps_its_limits_and_says_what_is_wrong(people: Db) -> None:
    wide = "[:find ?a :where [?a :p/name] [(q [:find ?x ?y :where [?x :p/name] [?y :p/name]] $) _]]"
    with pytest.raises(QueryError) as caught:
        q(wide, people, max_rows=10)
    assert caught.value.code == "query/too-many-rows"
    with pytest.raises(QueryError, match="no clause or input binds it"):
        q("[:find ?a :where [?a :p/name] [(q [:find ?x :where [?y :p/name]] $) _]]", people)
    with pytest.raises(QueryError, match="needs a query"):
        q("[:find ?a :where [?a :p/age ?b] [(q ?b $) _]]", people)
    own = q("[:find ?x . :where [(q 3) ?x]]", people, functions={"q": lambda x: x + 1})
    assert own == 4


def test_a_path_into_a_document_is_given_in_pieces_or_as_a_list() -> None:
    text = "[:find ?v . :in ?doc :where [({} ?doc {}) ?v]]"
    document = {"a": {"b": [1, {"c": 3}]}}
    for path in ('"a" "b" 1 "c"', '["a" "b" 1 "c"]', "[:a :b 1 :c]"):
        assert q(text.format("doc/get", path), document) == 3
    assert q(text.format("get-in", "[:a :b 1 :c]"), document) == 3


ANSWERS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 2), st.just(0.5), st.sampled_from("ab")
)


@given(answers=st.lists(ANSWERS, min_size=4, max_size=4), count=st.integers(1, 15))
def test_a_pure_function_answers_as_one_that_is_called_for_every_row(
    answers: list[Any], count: int
) -> None:
    """Model: the same function, not declared pure. It may keep rows, bind, and compare with what is bound."""
    world = World({":n/k": LONG, ":n/v": LONG})
    db = world.add(
        [(e, ":n/k", e % 4) for e in range(1, count + 1)]
        + [(e, ":n/v", e % 3) for e in range(1, count + 1)]
    )

    def chosen(k: int) -> Any:
        return answers[k]

    def pure(k: int) -> Any:
        calls.append(k)
        return answers[k]

    pure.pure = True  # type: ignore[attr-defined]
    calls: list[int] = []
    for found, where in (("", "[(?f ?k)]"), ("?x", "[(?f ?k) ?x]"), ("", "[(?f ?k) ?v]")):
        text = f"[:find ?e ?v {found} :in $ ?f :where [?e :n/k ?k] [?e :n/v ?v] {where}]"
        calls.clear()
        assert q(text, db, pure) == q(text, db, chosen), where
        assert len(calls) == len(set(calls))
