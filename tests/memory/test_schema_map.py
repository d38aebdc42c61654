"""The page that says where every column went names only what there is, and all that must be there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from datamem.edn import read

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "schema-map.md").read_text(encoding="utf-8")
SCHEMA = read((ROOT / "schemas" / "agent_schema.edn").read_text(encoding="utf-8"))

COLUMN_COUNTS = {
    "organizations": 5,
    "users": 10,
    "agents": 18,
    "messages": 21,
    "blocks": 15,
    "tools": 14,
    "memories": 19,
    "blocks_agents": 3,
    "tools_agents": 2,
    "sessions": 9,
    "memory_entries": 11,
    "memory_tags": 3,
    "vector_embeddings": 5,
    "user_profiles": 6,
    "agent_states": 7,
    "memory_relationships": 6,
    "memory_access_logs": 10,
    "user": 4,
    "project": 2,
    "chat_session": 1,
    "source": 3,
    "conversation": 4,
    "agent_execution": 3,
    "episode": 3,
    "metadata": 3,
    "field_metadata": 3,
    "query_patterns": 2,
}
KEPT_NAMES = 81


def section(table: str) -> str:
    found = re.search(rf"^### `{table}`\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, table
    return found[1]


def test_every_attribute_on_the_page_is_in_the_schema() -> None:
    named = set(re.findall(r"`(:[a-z-]+/[a-z?-]+)`", PAGE)) - {
        ":x/id",
        ":x/external-id",
        ":memory/_parent",
        ":db/ensure",
    }
    assert named - {str(name) for name in SCHEMA} == set()


@pytest.mark.parametrize("table", COLUMN_COUNTS)
def test_every_column_of_a_table_has_a_place(table) -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \|$", section(table), re.MULTILINE)
    assert len(rows) == len(dict(rows)) == COLUMN_COUNTS[table]
    assert all(place.strip() for _, place in rows)


def test_names_that_were_kept_are_all_there() -> None:
    kept = (
        PAGE.partition("kept their names")[2]
        .partition("\n## ")[0]
        .partition("\n`:memory/children`")[0]
    )
    names = re.findall(r"`(:[a-z-]+/[a-z-]+)`", kept)
    assert len(names) == len(set(names)) == KEPT_NAMES
    assert all(name in SCHEMA for name in names)


def test_every_attribute_says_what_it_is() -> None:
    """Those whose name does not say it all have a sentence; what refers to a table says which."""
    untold = [
        str(name)
        for name, facts in SCHEMA.items()
        if facts.get(":db/valueType") == ":db.type/keyword"
        and not (facts.get(":db/doc") or facts.get(":db/enum"))
    ]
    assert set(untold) <= {":memory-type/name", ":memory/tags", ":tool/tags", ":entity/type"}
