"""Pictures: well-formed, with everything they should show, and as of any instant."""

from __future__ import annotations

import itertools
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import datamem
from datamem.errors import DatamemError
from datamem.jupyter import changes, decay, graph, hierarchy, plan, timeline
from datamem.jupyter.sliders import answer_at

ROOT = Path(__file__).resolve().parents[2]

SCHEMA = """{:u/name {:db/unique :db.unique/identity}
             :u/friend {:db/valueType :db.type/ref :db/cardinality :db.cardinality/many}
             :memory/parent {:db/valueType :db.type/ref}}"""


@pytest.fixture
def conn():
    with datamem.connect(":memory:", schema=SCHEMA) as made:
        made.transact(
            """[{:db/id "a" :u/name "Ada & <co>" :u/age 36 :u/friend ["b" "c"]}
                {:db/id "b" :u/name "Bo" :u/friend "c"} {:db/id "c" :u/name "Cy"}]"""
        )
        made.transact('[[:db/add [:u/name "Bo"] :u/age 7]]')
        made.transact('[[:db/add [:u/name "Bo"] :u/age 8]]')
        yield made


def texts_of(picture) -> list[str]:
    root = ET.fromstring(picture._repr_svg_())
    return [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]


def test_a_graph_shows_neighbours_in_both_directions(conn) -> None:
    found = graph(conn.db, ["u/name", "Bo"], depth=1)
    assert set(found.labels.values()) == {"Bo", "Ada & <co>", "Cy"}
    assert {(a, b) for a, b, _ in found.edges} == {(1, 2), (2, 3)}
    assert {"Bo", "Ada & <co>", "Cy"} <= set(texts_of(found))


def test_a_graph_says_what_it_leaves_out(conn) -> None:
    found = graph(conn.db, 1, depth=2, most=2)
    assert (len(found.labels), found.left_out) == (2, 2)
    assert any("not drawn" in text for text in texts_of(found))


def test_a_graph_is_text_for_other_tools(conn) -> None:
    found = graph(conn.db, 1, depth=1)
    assert 'n1 -> n2 [label=":u/friend"];' in found.to_dot()
    assert "n1 -->|u/friend| n2" in found.to_mermaid()
    nx = pytest.importorskip("networkx")
    assert nx.descendants(found.to_networkx(), 1) == {2, 3}


def test_a_graph_of_the_past_is_as_it_was(conn) -> None:
    conn.transact("[[:db/retract 1 :u/friend 3] [:db/retract 2 :u/friend 3]]")
    assert graph(conn.db, 1).edges == [(1, 2, ":u/friend")]
    assert len(graph(conn.db.as_of(conn.db.t - 1), 1).edges) == 3


def test_a_timeline_has_a_bar_for_every_value(conn) -> None:
    picture = timeline(conn.db, ["u/name", "Bo"])
    assert picture.about == "timeline of 4 values"
    assert {"u/age", "u/name", "u/friend", "8"} <= set(texts_of(picture))
    assert timeline(conn.db.as_of(conn.db.t - 1), 2).about == "timeline of 3 values"
    assert timeline(conn.db, 2, attributes=["u/age"]).about == "timeline of 2 values"


def test_a_timeline_knows_what_is_gone(conn) -> None:
    conn.transact("[[:db/retractEntity 2]]")
    assert "Bo" in texts_of(timeline(conn.db, 2))


def test_a_hierarchy_is_every_tree_and_survives_cycles(conn) -> None:
    conn.transact("[[:db/add 2 :memory/parent 1] [:db/add 3 :memory/parent 2]]")
    assert texts_of(hierarchy(conn.db)) == ["Ada & <co>", "Bo", "Cy"]
    assert texts_of(hierarchy(conn.db, 2)) == ["Bo", "Cy"]
    assert any("not drawn" in text for text in texts_of(hierarchy(conn.db, most=2)))
    conn.transact("[[:db/add 1 :memory/parent 3]]")
    assert texts_of(hierarchy(conn.db, 1)) == ["Ada & <co>", "Bo", "Cy"]


def test_a_plan_shows_each_step_with_its_rows(conn) -> None:
    query = "[:find ?n ?m :where [?a :u/friend ?b] [?a :u/name ?n] [?b :u/name ?m]]"
    picture = plan(conn.db, query)
    assert texts_of(picture)[0].startswith("3 rows in ")
    assert sum(":u/" in text for text in texts_of(picture)) >= 1
    assert not any("short way" in text for text in texts_of(picture))
    point = texts_of(plan(conn.db, "[:find [?f ...] :where [1 :u/friend ?f]]"))
    assert any("short way: point, :u/friend by eavt" in text for text in point)


def test_changes_are_shown_in_colour_and_escaped(conn) -> None:
    before = conn.db
    conn.transact('[[:db/add 2 :u/note "<script>"]]')
    shown = changes(before, conn.db)._repr_html_()
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown
    assert "2 entities differ" in shown  # Bo, and the new attribute


def test_a_memory_fades_and_a_review_lifts_it(conn) -> None:
    from datamem.importers import agent_schema_text

    instants = iter(range(10**15, 2 * 10**15, 3600 * 10**6 * 10))
    with datamem.connect(":memory:", agent_schema_text(), clock=lambda: next(instants)) as aged:
        aged.transact(
            '[{:memory/content "x" :memory/type :fact :memory/initial-strength 1.0'
            ' :memory/created-at #inst "2001-09-09T01:46:40Z"}]'
        )
        once = heights(decay(aged.db, 1))
        assert once[0] < 30
        assert once == sorted(once)  # y grows downwards
        aged.transact('[[:db/add 1 :memory/last-reviewed #inst "2001-09-09T11:46:40Z"]]')
        twice = heights(decay(aged.db, 1))
        assert any(later < earlier for earlier, later in itertools.pairwise(twice))


def heights(picture) -> list[float]:
    root = ET.fromstring(picture._repr_svg_())
    line = next(root.iter("{http://www.w3.org/2000/svg}polyline"))
    return [float(point.split(",")[1]) for point in line.attrib["points"].split()]


def test_a_slider_asks_any_instant(conn) -> None:
    age = '[:find ?age . :where [?u :u/name "Bo"] [?u :u/age ?age]]'
    t = conn.db.t
    assert [answer_at(conn.db, age, at) for at in (t - 2, t - 1, t)] == [None, 7, 8]
    assert answer_at(conn.db, lambda db: db.t, 2) == 2


def test_a_slider_is_a_widget_that_shows_its_instant(conn) -> None:
    pytest.importorskip("ipywidgets")
    from datamem.jupyter import slider

    box = slider(conn.db, "[:find ?n :where [_ :u/name ?n]]")
    control, caption = box.children[0].children
    assert control.max == conn.db.t
    now = caption.value
    control.value = 1
    assert caption.value != now


@pytest.mark.parametrize("draw", [graph, timeline, hierarchy])
def test_what_is_not_there_is_not_drawn(conn, draw) -> None:
    with pytest.raises(DatamemError) as refused:
        draw(conn.db, 999)
    assert refused.value.code == "entity/not-found"


def test_the_picture_of_the_readme_is_what_the_sample_gives() -> None:
    from datamem.demo import play_sample
    from datamem.importers import agent_schema_text

    with datamem.connect(":memory:", agent_schema_text()) as sample:
        play_sample(sample)
        ids = sorted(sample.db.history().q("[:find [?m ...] :where [?m :memory/content]]"))
        drawn = timeline(sample.db, *ids, attributes=["memory/content"]).svg
    assert drawn == (ROOT / "docs" / "images" / "timeline.svg").read_text(encoding="utf-8")
