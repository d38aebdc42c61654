"""From tx-data to forms: operations are told apart, names become attributes, values are checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from datamem.errors import DatamemError, TransactError
from datamem.ids import tx_of_t
from datamem.schema import ValueType
from datamem.schema.bootstrap import ENSURE
from datamem.schema.names import near_names, unknown_attribute_error
from datamem.transact.conflicts import shown
from datamem.transact.forms.declare import declare
from datamem.transact.forms.forms import ANY, Call, Cas, Place, Retract, Tempid, TxForms
from datamem.transact.forms.maps import MapReader
from datamem.transact.forms.places import PlaceReader
from datamem.transact.forms.vocabulary import Draft, Vocabulary

if TYPE_CHECKING:
    from datamem.schema import Attribute
    from datamem.transact.ports import DbView, Functions


class FormReader:
    """Reads items into a TxForms; kept while functions return more items."""

    def __init__(self, db: DbView, functions: Functions) -> None:
        self.forms = TxForms(next_attribute=db.next_attribute)
        self._schema = db.schema
        self._functions = functions
        self._vocabulary = Vocabulary(db.schema, self.forms)
        self._tx = tx_of_t(db.basis_t + 1)
        self._places = PlaceReader(self._vocabulary, self.forms, self._tx)
        self._maps = MapReader(self._vocabulary, self._places, self.forms)

    def read(self, items: list[Any]) -> None:
        """Read items; what cannot be read becomes a conflict."""
        for item in declare(items, self._schema, self.forms):
            try:
                self._read_item(item)
            except DatamemError as error:
                self.forms.conflicts.add_error(error, form=item)

    def read_meta(self, meta: Mapping[Any, Any]) -> None:
        """Read attributes of the transaction entity."""
        self.read([{":db/id": self._tx, **meta}])

    def finish(self) -> TxForms:
        """Return the forms, once the types of undeclared attributes are inferred."""
        self._vocabulary.infer()
        return self.forms

    def _read_item(self, item: Any) -> None:
        if isinstance(item, Mapping):
            self._maps.read(item, 0)
        elif isinstance(item, list | tuple) and item and isinstance(item[0], str):
            self._read_operation(item)
        elif hasattr(item, "added") and isinstance(item, tuple):
            self._read_datom(item)
        else:
            raise TransactError(
                f"{shown(item)} is not a form",
                code="transact/bad-form",
                hint="write a map, or a list such as [:db/add e a v]",
            )

    def _read_datom(self, datom: Any) -> None:
        """Read a datom of some database as the assertion or retraction that it was."""
        operation = ":db/add" if datom.added else ":db/retract"
        self._read_operation((operation, datom.e, datom.a, datom.v))

    def _read_operation(self, item: list[Any] | tuple[Any, ...]) -> None:
        name = item[0] if item[0].startswith(":") else f":{item[0]}"
        arguments = item[1:]
        known = _OPERATIONS.get(name)
        if known is None:
            self._read_call(name, arguments)
            return
        method, least, most = known
        if not least <= len(arguments) <= most:
            count = f"{least}" if least == most else f"{least} to {most}"
            raise TransactError(
                f"{name} has {len(arguments)} arguments, and takes {count}",
                code="transact/bad-form",
                hint=_SHAPES[name.rpartition("/")[2]],
            )
        method(self, *arguments)

    def _read_call(self, name: str, arguments: list[Any] | tuple[Any, ...]) -> None:
        if name == ":db.fn/call" and arguments:
            written, arguments = arguments[0], arguments[1:]
            function = written if callable(written) else find_function(self._functions, written)
            name = getattr(written, "__name__", str(written))
        else:
            function = find_function(self._functions, name)
        if function is None:
            known = [*_OPERATIONS, *(f":{key.lstrip(':')}" for key in self._functions)]
            near = near_names(name, known)
            raise TransactError(
                f"{name} is neither an operation nor a registered function",
                code="transact/unknown-operation",
                hint=f"did you mean {' or '.join(near)}?" if near else "register the function",
                operation=name,
                near=near,
            )
        self.forms.calls.append(Call(name, function, tuple(arguments)))

    def _add(self, e: Any, a: Any, v: Any) -> None:
        place = self._places.place(e)
        if v is None:
            raise _nil_error(a, "assert")
        attribute = self._vocabulary.attribute(a)
        if isinstance(attribute, Draft):
            attribute.put(place, v)
            self._maps.mention(place)
        elif attribute.id == ENSURE:
            self._ensure(e, v)
        else:
            self._maps.add_one(place, attribute, v, 0)

    def _retract(self, e: Any, a: Any, *values: Any) -> None:
        place = self._existing(e, ":db/retract")
        attribute = self._known_attribute(a)
        if attribute is None:
            return
        if not values:
            self.forms.retracts.append(Retract(place, attribute, ANY))
        elif values[0] is None:
            raise _nil_error(a, "retract")
        else:
            value = self._value(attribute, values[0])
            self.forms.retracts.append(Retract(place, attribute, value))

    def _retract_attribute(self, e: Any, a: Any) -> None:
        self._retract(e, a)

    def _retract_entity(self, e: Any) -> None:
        self.forms.retract_entities.append(self._existing(e, ":db/retractEntity"))

    def _cas(self, e: Any, a: Any, old: Any, new: Any) -> None:
        place = self._existing(e, ":db/cas")
        if new is None:
            raise _nil_error(a, "cas to")
        attribute = self._vocabulary.attribute(a)
        if isinstance(attribute, Draft):
            if old is not None:
                raise TransactError(
                    f"{shown(e)} has no {attribute.ident}, and cas expected {shown(old)}",
                    code="transact/cas-failed",
                    hint="read the value again, and retry",
                    attribute=attribute.ident,
                    expected=old,
                    actual=None,
                )
            attribute.put(place, new)
            return
        if attribute.many:
            raise TransactError(
                f"{attribute.ident} has cardinality many, and cas compares one value",
                code="transact/cas-many",
                attribute=attribute.ident,
            )
        expected = None if old is None else self._value(attribute, old)
        self.forms.cas.append(Cas(place, attribute, expected, self._value(attribute, new)))

    def _ensure(self, e: Any, spec: Any) -> None:
        place = self._places.place(e)
        self._maps.ensure(place, spec)

    def _known_attribute(self, name: Any) -> Attribute | None:
        """Return the attribute of a retraction; None where nothing can have it."""
        found = (
            self._vocabulary.known(name) if isinstance(name, str) else self._schema.get(name)
        )
        if found is None and self._schema.strict:
            raise unknown_attribute_error(str(name), self._schema.idents())
        return found

    def _value(self, attribute: Attribute, written: Any) -> Any:
        if attribute.value_type is ValueType.REF:
            return self._places.place(written)
        return self._places.value(attribute, written)

    def _existing(self, e: Any, operation: str) -> Place:
        place = self._places.place(e)
        if type(place) is Tempid:
            raise TransactError(
                f"{operation} names {place!r}, and a tempid is for what is new",
                code="transact/tempid-in-retract",
                hint="name the entity by id, ident or lookup ref; "
                "a string that starts with a colon is an ident",
                entity=e,
            )
        return place


def find_function(functions: Functions, name: Any) -> Callable[..., Any] | None:
    """Return a registered function by a name with or without colon."""
    if not isinstance(name, str):
        return None
    bare = name.lstrip(":")
    return functions.get(f":{bare}") or functions.get(bare)


def _nil_error(attribute: Any, verb: str) -> TransactError:
    return TransactError(
        f"nil is no value to {verb} for {shown(attribute)}",
        code="transact/nil-value",
        hint="in a map, nil asserts nothing; to take a value away, retract it",
        attribute=attribute,
    )


_OPERATIONS: Final[dict[str, tuple[Callable[..., None], int, int]]] = {
    ":db/add": (FormReader._add, 3, 3),  # noqa: SLF001  # its own class
    ":db/retract": (FormReader._retract, 2, 3),  # noqa: SLF001
    ":db/retractAttribute": (FormReader._retract_attribute, 2, 2),  # noqa: SLF001
    ":db.fn/retractAttribute": (FormReader._retract_attribute, 2, 2),  # noqa: SLF001
    ":db/retractEntity": (FormReader._retract_entity, 1, 1),  # noqa: SLF001
    ":db.fn/retractEntity": (FormReader._retract_entity, 1, 1),  # noqa: SLF001
    ":db/cas": (FormReader._cas, 4, 4),  # noqa: SLF001
    ":db.fn/cas": (FormReader._cas, 4, 4),  # noqa: SLF001
    ":db/ensure": (FormReader._ensure, 2, 2),  # noqa: SLF001
}
_SHAPES: Final = {
    "add": "write [:db/add entity attribute value]",
    "retract": "write [:db/retract entity attribute value], or leave the value out",
    "retractAttribute": "write [:db/retractAttribute entity attribute]",
    "retractEntity": "write [:db/retractEntity entity]",
    "cas": "write [:db/cas entity attribute old new]",
    "ensure": "write [:db/ensure entity spec]",
}
