"""The attributes a transaction may use: the schema's, its own declarations, and inferred ones."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import numpy as np

from datamem.edn import Keyword
from datamem.errors import DatamemError, SchemaError
from datamem.schema import Attribute, ValueType, VectorSpec, tag_of
from datamem.schema.bootstrap import SYSTEM_BY_NAME
from datamem.schema.convert import RefusedValue, to_doc, to_edn
from datamem.schema.names import ident_of, unknown_attribute_error
from datamem.transact.forms.forms import Add

if TYPE_CHECKING:
    from datamem.schema import Schema
    from datamem.transact.forms.forms import Place, TxForms


class Draft:
    """An attribute that nobody declared, while its values are collected.

    Attributes:
        id: the entity it will be.
        ident: its name.
        values: place and raw value of each assertion, in the order met.
        many: whether a set was among them.
    """

    __slots__ = ("id", "ident", "many", "values")

    def __init__(self, entity_id: int, ident: Keyword) -> None:
        self.id = entity_id
        self.ident = ident
        self.values: list[tuple[Place, Any]] = []
        self.many = False

    def put(self, e: Place, value: Any) -> None:
        """Note an assertion; a set means one assertion for each element."""
        if isinstance(value, AbstractSet):
            self.many = True
            self.values.extend((e, item) for item in value if item is not None)
        else:
            self.values.append((e, value))


class Vocabulary:
    """Finds attributes by name for one transaction.

    What the transaction itself declares comes first; an unknown name becomes a Draft in an open
    schema and an error in a strict one.
    """

    def __init__(self, schema: Schema, forms: TxForms) -> None:
        self.schema = schema
        self._forms = forms
        self._drafts: dict[str, Draft] = {}

    def attribute(self, name: object) -> Attribute | Draft:
        """Return the attribute of a name.

        Raises:
            SchemaError: `schema/unknown-attribute` (strict), `schema/bad-name`.
        """
        if not isinstance(name, str | int) or isinstance(name, bool):
            raise SchemaError(
                f"{name!r} is no name of an attribute",
                code="schema/bad-name",
                hint="write :namespace/name",
                name=name,
            )
        declared = self._forms.attributes
        if declared and isinstance(name, str):
            full = name if name.startswith(":") else f":{name}"
            if full in declared:
                return declared[full]
        return self.schema.get(name) or self._draft(name)

    def known(self, name: object) -> Attribute | None:
        """Return the attribute of a name if it is declared; never a draft, never an error."""
        if not isinstance(name, str):
            return None
        full = name if name.startswith(":") else f":{name}"
        return self._forms.attributes.get(full) or self.schema.get(full)

    def _draft(self, name: str | int) -> Draft:
        if isinstance(name, int) or self.schema.strict:
            raise unknown_attribute_error(str(name), self.schema.idents())
        ident = ident_of(name)
        if ident.startswith((":db/", ":db.")):
            raise unknown_attribute_error(ident, SYSTEM_BY_NAME)
        draft = self._drafts.get(ident)
        if draft is None:
            draft = self._drafts[ident] = Draft(self._forms.next_attribute, ident)
            self._forms.next_attribute += 1
        return draft

    def infer(self) -> None:
        """Give every draft its type and turn its values into ordinary assertions."""
        for draft in self._drafts.values():
            _infer_draft(draft, self._forms)
        self._drafts.clear()


def _infer_draft(draft: Draft, forms: TxForms) -> None:
    values = []
    for e, raw in draft.values:
        try:
            values.append((e, _natural(raw)))
        except RefusedValue as refused:
            forms.conflicts.add(refused.code, f"{draft.ident}: {raw!r} {refused.reason}")
    if not values:
        return
    attribute = _attribute_of(draft, [value for _, value in values])
    forms.attributes[draft.ident] = attribute
    system = SYSTEM_BY_NAME
    cardinality = "many" if draft.many else "one"
    for name, fact in (
        (":db/ident", draft.ident),
        (":db/valueType", Keyword(attribute.value_type.keyword)),
        (":db/cardinality", Keyword(f":db.cardinality/{cardinality}")),
        (":db/dimension", attribute.vector and attribute.vector.dimensions),
        (":db/inferred", True),
    ):
        if fact is not None:
            forms.add(draft.id, system[Keyword(name)], fact)
    for e, value in values:
        try:
            forms.adds.append(Add(e, attribute, attribute.check(value)))
        except DatamemError as error:
            forms.conflicts.add_error(error, entity=e)


def _natural(raw: Any) -> Any:
    """Return a value as canonical as it can be without an attribute."""
    if isinstance(raw, np.ndarray) and raw.ndim == 1 and raw.dtype.kind == "f":
        return raw
    if isinstance(raw, Mapping | list | tuple):
        try:
            return to_doc(raw)
        except RefusedValue:
            return to_edn(raw)
    return to_edn(raw)


def _attribute_of(draft: Draft, values: list[Any]) -> Attribute:
    types = {_type_of(value) for value in values}
    if types == {ValueType.LONG, ValueType.DOUBLE}:
        types = {ValueType.DOUBLE}
    if types == {ValueType.LONG, ValueType.BIGINT}:
        types = {ValueType.BIGINT}
    value_type = types.pop() if len(types) == 1 else _type_of(values[0])
    vector = VectorSpec(len(values[0])) if value_type is ValueType.VECTOR else None
    return Attribute(
        draft.id, draft.ident, value_type, many=draft.many, vector=vector, declared=False
    )


def _type_of(value: Any) -> ValueType:
    if isinstance(value, Mapping | list):
        return ValueType.DOC if not _is_edn_only(value) else ValueType.EDN
    return tag_of(value)


def _is_edn_only(value: Any) -> bool:
    try:
        to_doc(value)
    except RefusedValue:
        return True
    return False
