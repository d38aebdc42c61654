"""What attributes exist, what they may hold, and how that may change."""

from datamem.schema.attribute import Attribute
from datamem.schema.changes import SchemaRow, apply_changes, from_datoms
from datamem.schema.reader import read_schema
from datamem.schema.schema import Schema
from datamem.schema.specs import EntitySpec
from datamem.schema.types import HEAP_TYPES, ValueType, VectorSpec
from datamem.schema.values import order_key, tag_of

__all__ = [
    "HEAP_TYPES",
    "Attribute",
    "EntitySpec",
    "Schema",
    "SchemaRow",
    "ValueType",
    "VectorSpec",
    "apply_changes",
    "from_datoms",
    "order_key",
    "read_schema",
    "tag_of",
]
