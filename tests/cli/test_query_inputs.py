"""Inputs of queries as people type them: words, files, rules, and sources beside the database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

RULES = "[[(above ?a ?b) [?b :p/boss ?a]] [(above ?a ?b) [?b :p/boss ?x] (above ?a ?x)]]"


@pytest.fixture
def people(datamem):
    """Ann, her report Bob, and his, Cy; Bob was 17 in the second transaction and is 18."""
    schema = """{:p/mail {:db/valueType :db.type/string :db/unique :db.unique/identity}
                 :p/boss {:db/valueType :db.type/ref} :p/age {:db/valueType :db.type/long}
                 :p/since {:db/valueType :db.type/instant}}"""
    Path("schema.edn").write_text(schema)
    assert datamem("init", "--schema", "schema.edn").code == 0
    told = datamem(
        "transact",
        """[{:db/id "a" :p/mail "ann@x.org" :p/name "Ann" :p/age 36 :p/since #inst "2024-03-01"}
            {:db/id "b" :p/mail "bob@x.org" :p/name "Bob" :p/age 17 :p/boss "a"}
            {:p/mail "cy@x.org" :p/name "Cy" :p/age 5 :p/boss "b"}]""",
    )
    assert told.code == 0
    assert datamem("transact", '[[:db/add [:p/mail "bob@x.org"] :p/age 18]]').code == 0
    return datamem


BY_MAIL = "[:find ?n . :in $ ?m :where [?e :p/mail ?m] [?e :p/name ?n]]"


def test_words_without_quotes_are_a_string(people) -> None:
    assert people("q", BY_MAIL, "ann@x.org").out == "Ann\n"
    echo = "[:find ?x . :in $ ?x]"
    for text in ("Mill Lane 3", "2024-03-20", "50%", "a/b/c"):
        assert json.loads(people("q", echo, text, "--format", "json").out) == text
    refused = people("q", echo, '["open')
    assert (refused.code, refused.err.startswith("datamem: edn/")) == (1, True)


def test_files_hold_inputs_and_rules(people) -> None:
    Path("rules.edn").write_text(RULES)
    Path("mail.edn").write_text('"ann@x.org"')
    query = "[:find [?n ...] :in $ % ?m :where [?a :p/mail ?m] (above ?a ?b) [?b :p/name ?n]]"
    assert people("q", query, "@rules.edn", "@mail.edn").out == "Bob\nCy\n"


def test_another_source_is_a_point_in_time_or_rows(people) -> None:
    was = "[:find ?n ?was :in $ $old :where [?e :p/name ?n] [?e :p/age ?is] [$old ?e :p/age ?was] [(not= ?is ?was)]]"
    assert json.loads(people("q", was, "3", "--format", "json").out) == [["Bob", 17]]
    for point in ("now", "2100-01-01"):
        assert json.loads(people("q", was, point, "--format", "json").out) == []
    ever = '[:find [?a ...] :in $ $all :where [$all [:p/mail "bob@x.org"] :p/age ?a]]'
    assert people("q", ever, "history").out == "17\n18\n"
    listed = "[:find ?x . :in $ $list :where [?e :p/age 36] [?e :p/name ?n] [$list ?n ?x]]"
    assert people("q", listed, '[["Ann" 7] ["Zoe" 8]]').out == "7\n"
    refused = people("q", listed, "Ann")
    assert "query/not-a-source" in refused.err


def test_notes_are_told_with_rows_and_without(people) -> None:
    some = people("q", '[:find [?n ...] :where [?e :p/name ?n] [?e :p/age ?a] [(< ?a "9")]]')
    assert some.out == "Ann\nBob\nCy\n"
    assert 'note: [(< ?a "9")] compares' in some.err
    none = people("q", "[:find ?e :in $ ?t :where [?e :p/since ?s] [(> ?s ?t)]]", "2024-01-01")
    assert 'an instant is written #inst "…"' in none.err
    assert "did you mean :p/name" in people("pull", "[:p/nmae]", "1").err


def test_a_plan_is_data_too(people) -> None:
    query = "[:find ?n :where [?e :p/age 36] [?e :p/name ?n]]"
    plan = json.loads(people("q", query, "--explain", "--format", "json").out)
    assert [step["clause"] for step in plan["steps"]] == ["[?e :p/age 36]", "[?e :p/name ?n]"]
    assert plan["rows"] == 1
    assert plan["way"]["reads"] == []
    assert people("q", query, "--explain", "--format", "csv").out.startswith("clause,how,")


def test_a_session_binds_rules_sources_and_files(people) -> None:
    Path("rules.edn").write_text(RULES)
    said = people(
        "repl",
        stdin="""\\let % @rules.edn
[:find [?n ...] :in $ % :where [?a :p/mail "ann@x.org"] (above ?a ?b) [?b :p/name ?n]]
\\let $old 3
[:find ?was . :in $ $old :where [?e :p/age 18] [$old ?e :p/age ?was]]
\\let $list [["Ann" 7]]
[:find ?x . :in $ $list _ :where [$list "Ann" ?x]]
\\let ?shape [:p/age]
[:find [(pull ?e shape) ...] :in $ shape :where [?e :p/age 18]]
\\let ?m bob@x.org
"""
        + BY_MAIL,
    )
    assert (said.code, said.out.splitlines()) == (
        0,
        ["Bob", "Cy", "2 values", "17", "7", "{:p/age 18}", "1 value", "Bob"],
    )


def test_rules_of_a_session_show_their_mistakes(people) -> None:
    refused = people("repl", stdin="\\let % [(above ?a) [?a :p/name]]")
    assert "rules are a list of rules" in refused.err
    text = "\\let % [[(odd ?a) [?a :p/age ?n] [(ood? ?n)]]]\n[:find ?a :in $ % :where (odd ?a)]"
    assert "there is no function ood?, at line 1, column 28" in people("repl", stdin=text).err
