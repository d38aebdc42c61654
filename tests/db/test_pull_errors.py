"""Pull patterns that are none: each refusal has a code, says where, and hints."""

from __future__ import annotations

from typing import Any

import pytest

from datamem.db import Db
from datamem.errors import DatamemError, EdnError, QueryError
from tests.db.worlds import SCHEMA, connect

CASES: list[tuple[Any, str, str]] = [
    ("[]", "pull/bad-pattern", "names no attribute"),
    (17, "pull/bad-pattern", "17 is not a pull pattern"),
    (None, "pull/bad-pattern", "nil is not a pull pattern"),
    ("[{}]", "pull/bad-pattern", "is empty"),
    ("[{:u/boss nil}]", "pull/bad-pattern", "nil is not a pull pattern"),
    ("[{:db/id [:u/name]}]", "pull/bad-pattern", "neither a pattern nor a limit"),
    ("[name]", "pull/bad-attribute", "name names no attribute"),
    ("[17]", "pull/bad-attribute", "17 names no attribute"),
    (["user name"], "pull/bad-attribute", "names no attribute"),
    ("[{* [:u/name]}]", "pull/bad-attribute", r"\* names no attribute"),
    ("[[:u/name :as]]", "pull/odd-options", "option without a value"),
    ("[[:u/name :of 1]]", "pull/bad-option", ":of is not an option"),
    ("[[:u/name :as :a :as :b]]", "pull/bad-option", ":as is given twice"),
    ([["u/name", ":as", []]], "pull/bad-option", "cannot be a key"),
    ("[[:u/name :xform 3]]", "pull/bad-option", "3 cannot be called"),
    ("[[:u/tags :limit 0]]", "pull/bad-limit", "0 is not a limit"),
    ("[(limit :u/tags -1)]", "pull/bad-limit", "-1 is not a limit"),
    ("[[:u/tags :limit true]]", "pull/bad-limit", "true is not a limit"),
    ("[{:u/boss 0}]", "pull/bad-recursion", "0 is not a depth"),
    ("[{:u/boss -2}]", "pull/bad-recursion", "-2 is not a depth"),
    ("[{:u/boss 1.5}]", "pull/bad-recursion", "1.5 is not a depth"),
    ("[{:u/boss true}]", "pull/bad-recursion", "true is not a depth"),
    ("[[:u/name :limit 2]]", "pull/limit-on-one", ":u/name gives one value"),
    ("[{[:u/_home :limit 2] [:u/name]}]", "pull/limit-on-one", ":u/_home gives one value"),
    ("[{:u/name [:u/age]}]", "pull/not-a-ref", "not references"),
    ("[{:u/name ...}]", "pull/not-a-ref", "not references"),
    ("[:u/_age]", "pull/not-a-ref", "cannot be read backwards"),
]


@pytest.fixture(scope="module")
def db() -> Db:
    return connect(SCHEMA, [{":u/name": "ann", ":u/tags": ["x"]}]).db


@pytest.mark.parametrize(("pattern", "code", "message"), CASES)
def test_refusals(db: Db, pattern: Any, code: str, message: str) -> None:
    with pytest.raises(QueryError, match=message) as refused:
        db.pull(pattern, 1)
    assert refused.value.code == code
    assert refused.value.hint
    with pytest.raises(QueryError, match=message):
        db.pull_many(pattern, [])


def test_text_shows_the_place_with_a_caret(db: Db) -> None:
    with pytest.raises(QueryError) as refused:
        db.pull("[:u/name\n {:u/friend [#_ :x :u/age [:u/age :limit 3]]}]", 1)
    data = refused.value.data
    assert (data["line"], data["column"]) == (2, 28)
    line, caret = refused.value.message.splitlines()[-2:]
    assert line[caret.index("^") :].startswith(":u/age :limit 3")


def test_data_shows_what_is_around_the_place(db: Db) -> None:
    with pytest.raises(
        QueryError, match=r'in \{"u/boss" \{"u/name" 0\}\}|in \{"u/name" 0\}'
    ) as refused:
        db.pull(["u/name", {"u/boss": [{"u/name": 0}]}], 1)
    assert refused.value.data["path"] == [1, 1, 0, 1]


def test_text_that_is_no_edn_is_refused_as_such(db: Db) -> None:
    with pytest.raises(EdnError):
        db.pull("[:u/name", 1)


def test_nesting_has_an_end(db: Db) -> None:
    pattern: Any = ["u/name"]
    for _ in range(2000):
        pattern = [{"u/boss": pattern}]
    with pytest.raises(QueryError) as refused:
        db.pull(pattern, 1)
    assert refused.value.code == "pull/too-deep"


def test_strict_mode_knows_its_attributes() -> None:
    db = connect([SCHEMA, "strict"]).db
    assert db.schema.strict
    for pattern in (
        "[:u/nmae]",
        "[:u/_bos]",
        "[{:u/frend [:u/name]}]",
        "[(default :u/agee 1)]",
    ):
        with pytest.raises(QueryError, match="is not an attribute") as refused:
            db.pull(pattern, 1)
        assert refused.value.code == "pull/unknown-attribute"
        assert "did you mean :u/" in str(refused.value.hint)


def test_a_failing_xform_says_which(db: Db) -> None:
    with pytest.raises(QueryError, match="the :xform of :u/name failed: TypeError") as refused:
        db.pull([["u/name", "xform", lambda: 1]], 1)
    assert refused.value.code == "pull/xform-failed"
    with pytest.raises(QueryError, match="no function not/there") as refused:
        db.pull("[[:u/name :xform not/there]]", 1)
    assert refused.value.code == "pull/unknown-function"


@pytest.mark.parametrize("eid", [None, True, 1.5, "two words", [":u/name"], {}, [":u/age", 4]])
def test_what_can_name_no_entity_is_refused(db: Db, eid: Any) -> None:
    with pytest.raises(DatamemError) as refused:
        db.pull("[*]", eid)
    assert refused.value.code in {"entity/bad-reference", "lookup-ref/not-unique"}


@pytest.mark.parametrize("eids", [2, None, "abc", b"abc"])
def test_pull_many_takes_a_list(db: Db, eids: Any) -> None:
    with pytest.raises(QueryError, match="takes a list of entities") as refused:
        db.pull_many("[*]", eids)
    assert refused.value.code == "entity/bad-reference"
