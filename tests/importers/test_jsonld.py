"""JSON-LD: what an RDF reader makes of an export."""

from __future__ import annotations

import io
import json

import pytest

import datamem
from datamem.importers.jsonld import ATTRIBUTE, ENTITY
from datamem_cli.commands.transfer import write_entities

SCHEMA = """{:u/friend {:db/valueType :db.type/ref :db/cardinality :db.cardinality/many}
             :u/born {:db/valueType :db.type/instant}
             :u/config {:db/valueType :db.type/doc}}"""


@pytest.fixture
def exported() -> str:
    with datamem.connect(":memory:", schema=SCHEMA) as conn:
        conn.transact(
            """[{:db/id "a" :u/name "Ada \\"the\\" first" :u/born #inst "1815-12-10"
                 :u/friend ["b" "c"] :u/config {"tea" [1 {"x" 2}]}}
                {:db/id "b" :u/name "Bo"} {:db/id "c" :u/age 7}]"""
        )
        stream = io.StringIO()
        assert write_entities(conn.db, "jsonld", stream) == 3
        return stream.getvalue()


def test_an_export_is_json_with_a_context(exported: str) -> None:
    document = json.loads(exported)
    ada = document["@graph"][0]
    assert ada["@id"] == f"{ENTITY}1"
    assert ada["u/friend"] == [f"{ENTITY}2", f"{ENTITY}3"]
    assert ada["u/config"] == {"tea": [1, {"x": 2}]}
    assert document["@context"]["u/friend"] == {"@id": f"{ATTRIBUTE}u/friend", "@type": "@id"}
    assert set(ada) - {"@id"} <= set(document["@context"])


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")  # the reader's own
def test_an_rdf_reader_finds_every_fact(exported: str) -> None:
    rdflib = pytest.importorskip("rdflib")
    graph = rdflib.Graph().parse(data=exported, format="json-ld")
    friend = rdflib.URIRef(f"{ATTRIBUTE}u/friend")
    name = rdflib.URIRef(f"{ATTRIBUTE}u/name")
    assert {str(o) for o in graph.objects(None, friend)} == {f"{ENTITY}2", f"{ENTITY}3"}
    assert {str(o) for o in graph.objects(None, name)} == {'Ada "the" first', "Bo"}
    born = next(graph.objects(None, rdflib.URIRef(f"{ATTRIBUTE}u/born")))
    assert born.datatype == rdflib.XSD.dateTime
