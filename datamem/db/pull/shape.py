"""Pull patterns resolved against a schema: steps that say what to read and what to make of it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

from datamem.db.pull.faults import pattern_error, shown
from datamem.db.pull.parse import parse_data, parse_text
from datamem.db.pull.syntax import (
    NOTHING,
    UNLIMITED,
    AttributeSpec,
    Path,
    Pattern,
    Recursion,
)
from datamem.db.pull.values import FREE_FORM, sort_key_of, word_reader
from datamem.edn import Keyword
from datamem.schema.names import near_names
from datamem.schema.types import ValueType

if TYPE_CHECKING:
    from datamem.schema.attribute import Attribute
    from datamem.schema.schema import Schema

ID: Final = Keyword(":db/id")
_MOST_PATTERNS: Final = 512


class Step:
    """One attribute of a pattern.

    Attributes:
        key: in the result.
        a: the attribute's id; None reads nothing: `:db/id`, and names that no schema knows.
        value_type: of the words; those of a reverse attribute are entity ids.
        is_id: this is `:db/id`.
        is_reverse: read who refers to the entity, not what it refers to.
        many: the result is a list.
        limit: length of the list at most, or None.
        default: what stands for nothing, or NOTHING.
        xform: called with the result, or None; a str is the name of a registered function.
        nested: the shape of what is referred to; None gives `{":db/id": n}`.
        depth: hops of a recursion, UNLIMITED if it is none.
        read: word to value for types that need no heap; None for the others.
        sort_key: as for `list.sort`.
        is_plain: one value, used as it is read.
        is_flat: it leads to no other entity, and says nothing of what is not there.
    """

    __slots__ = (
        "a",
        "default",
        "depth",
        "is_flat",
        "is_free_form",
        "is_id",
        "is_plain",
        "is_ref",
        "is_reverse",
        "key",
        "limit",
        "many",
        "nested",
        "read",
        "sort_key",
        "value_type",
        "xform",
    )

    def __init__(
        self,
        spec: AttributeSpec,
        attribute: Attribute | None,
        *,
        is_reverse: bool = False,
        nested: Shape | None = None,
        depth: int = UNLIMITED,
    ) -> None:
        self.key: Hashable = spec.key
        self.limit, self.default, self.xform = spec.limit, spec.default, spec.xform
        self.is_id = spec.name == ID
        self.is_reverse = is_reverse
        self.nested = nested
        self.depth = depth
        self.a = None if attribute is None else attribute.id
        value_type = ValueType.EDN if attribute is None else attribute.value_type
        self.value_type = value_type
        self.is_ref = value_type is ValueType.REF
        self.many = attribute is not None and (
            not attribute.component if is_reverse else attribute.many
        )
        self.is_free_form = value_type in FREE_FORM
        self.read = word_reader(value_type)
        self.sort_key = sort_key_of(value_type)
        self.is_plain = not (self.many or self.is_ref or self.xform or self.is_free_form)

        self.is_flat = nested is None and not is_reverse and self.default is NOTHING

    def default_value(self) -> Any:
        """Return the default; one that can be changed is a copy of its own."""
        default = self.default
        return deepcopy(default) if isinstance(default, list | dict | set) else default


class Shape:
    """A pattern, resolved.

    Attributes:
        steps: in the order of the pattern.
        wildcard: attributes that no step reads are pulled as `[*]` does.
        reads: how many attributes the steps read forwards.
        taken: these, and attributes whose names the steps use as keys: no wildcard adds them.
        expands: this is the shape of components that nothing is said about; it contains itself.
        can_invent: pulled of nothing at all it gives something, `:db/id` or a default.
        is_flat: no step leads to another entity, or says something of what is not there.
        only: the one attribute that is read, and nothing else matters; or None.
    """

    __slots__ = (
        "can_invent",
        "expands",
        "is_flat",
        "only",
        "reads",
        "steps",
        "taken",
        "wildcard",
        "wildcard_steps",
    )

    def __init__(self, wildcard_steps: WildcardSteps, *, expands: bool = False) -> None:
        self.wildcard_steps = wildcard_steps
        self.expands = expands
        self.wildcard = expands
        self.steps: tuple[Step, ...] = ()
        self.taken: set[int] = set()
        self.reads = 0
        self.can_invent = expands
        self.is_flat = False
        self.only: int | None = None

    def complete(self, steps: list[Step], *, wildcard: bool) -> None:
        """Give the shape its steps; separate from making it, since a step may lead back to it."""
        self.wildcard = wildcard
        if wildcard and not any(step.is_id for step in steps):
            steps.insert(0, self.wildcard_steps.id_step)
        self.steps = tuple(steps)
        read = {step.a for step in steps if step.a is not None and not step.is_reverse}
        self.reads = len(read)
        self.taken = read | self.wildcard_steps.named([step.key for step in steps])
        self.can_invent = any(step.is_id or step.default is not NOTHING for step in steps)
        self.is_flat = all(step.is_flat for step in steps)
        if len(read) == 1 and not (wildcard or self.can_invent):
            self.only = next(iter(read))


class WildcardSteps(dict[int, "Step | None"]):
    """The step of each attribute under a wildcard, made at its first use; None if unknown."""

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self._schema = schema
        self.id_step = Step(AttributeSpec(ID, (), ID), None)
        self.expanding = Shape(self, expands=True)
        self.expanding.complete([], wildcard=True)

    def named(self, keys: list[Hashable]) -> set[int]:
        """Return the attributes that have any of these names."""
        found = [self._schema.get(key) for key in keys if isinstance(key, str)]
        return {attribute.id for attribute in found if attribute is not None}

    def __missing__(self, a: int) -> Step | None:
        attribute = self._schema.get(a)
        step = None
        if attribute is not None:
            spec = AttributeSpec(attribute.ident, (), attribute.ident)
            step = Step(spec, attribute, nested=self.expanding if attribute.component else None)
        self[a] = step
        return step


def shape_of(schema: Schema, pattern: Any) -> Shape:
    """Return the shape of a pattern, text or data; one seen before with this schema is not made again.

    Raises:
        EdnError: the text is no EDN.
        QueryError: `pull/…`, where the pattern is not one or does not fit the schema.
    """
    known = schema.derive("pull-shapes", _no_shapes)
    try:
        key = pattern if type(pattern) is str else _key_of(pattern)
        shape = known.get(key)
    except (TypeError, RecursionError):
        return _compile(schema, pattern)
    if shape is None:
        if len(known) >= _MOST_PATTERNS:
            known.clear()
        shape = known[key] = _compile(schema, pattern)
    return shape


def unknown_attributes(schema: Schema, pattern: Any) -> list[str]:
    """Return the names in a pattern, text or data, that are no attributes, forwards or backwards."""
    parsed = parse_text(pattern) if type(pattern) is str else parse_data(pattern)
    found: list[str] = []
    waiting = [parsed]
    while waiting:
        for spec in waiting.pop().specs:
            names = (spec.name, forward_name(spec.name))
            if spec.name != ID and not any(name and schema.get(name) for name in names):
                found.append(spec.name)
            if isinstance(spec.nested, Pattern):
                waiting.append(spec.nested)
    return found


def _no_shapes(_: Schema) -> dict[Hashable, Shape]:
    return {}


def _key_of(form: Any) -> Hashable:
    """Return what equals the key of an equal pattern; 1, true and 1.0 differ.

    Raises:
        TypeError: for what cannot be hashed.
    """
    if isinstance(form, list | tuple):
        return type(form), tuple([_key_of(item) for item in form])
    if isinstance(form, Mapping):
        return Mapping, tuple([(_key_of(key), _key_of(form[key])) for key in form])
    hash(form)
    return type(form), form


def _compile(schema: Schema, pattern: Any) -> Shape:
    parsed = parse_text(pattern) if type(pattern) is str else parse_data(pattern)
    steps = schema.derive("pull-wildcard", WildcardSteps)
    return _Compiler(schema, steps, pattern).shape(parsed)


class _Compiler:
    """Resolves one pattern."""

    def __init__(self, schema: Schema, wildcard_steps: WildcardSteps, origin: Any) -> None:
        self._schema = schema
        self._wildcard_steps = wildcard_steps
        self._origin = origin

    def shape(self, pattern: Pattern) -> Shape:
        shape = Shape(self._wildcard_steps)
        steps = [self._step(spec, shape) for spec in pattern.specs]
        last = {step.key: i for i, step in enumerate(steps)}
        kept = [step for i, step in enumerate(steps) if last[step.key] == i]
        shape.complete(kept, wildcard=pattern.wildcard)
        return shape

    def _step(self, spec: AttributeSpec, around: Shape) -> Step:
        attribute, is_reverse = self._resolve(spec)
        self._check(spec, attribute, is_reverse=is_reverse)
        nested: Shape | None = None
        depth = UNLIMITED
        if isinstance(spec.nested, Recursion):
            nested, depth = around, spec.nested.depth
        elif spec.nested is not None:
            nested = self.shape(spec.nested)
        elif attribute is not None and attribute.component and not is_reverse:
            nested = self._wildcard_steps.expanding
        return Step(spec, attribute, is_reverse=is_reverse, nested=nested, depth=depth)

    def _resolve(self, spec: AttributeSpec) -> tuple[Attribute | None, bool]:
        """Return the attribute a name means, and whether it is read backwards."""
        name = spec.name
        attribute = self._schema.get(name)
        if attribute is not None or name == ID:
            return attribute, False
        forward = forward_name(name)
        if forward is not None:
            attribute = self._schema.get(forward)
            if attribute is not None and attribute.value_type is not ValueType.REF:
                raise self._not_ref(spec.path, name, attribute, "cannot be read backwards")
        if attribute is None and self._schema.strict:
            raise self._unknown(spec.path, forward or name)
        return attribute, forward is not None

    def _unknown(self, path: Path, name: str) -> Exception:
        near = near_names(name, self._schema.idents())
        return pattern_error(
            self._origin,
            path,
            f"{name} is not an attribute of this schema, which is strict",
            code="pull/unknown-attribute",
            hint=f"did you mean {' or '.join(near)}?" if near else "declare it in the schema",
            attribute=name,
            near=near,
        )

    def _not_ref(self, path: Path, name: str, attribute: Attribute, why: str) -> Exception:
        return pattern_error(
            self._origin,
            path,
            f"{name} holds values of type {attribute.value_type.keyword}, not references, and {why}",
            code="pull/not-a-ref",
            hint="declare it with :db/valueType :db.type/ref, or pull it"
            + (" forwards" if "backwards" in why else " without a map"),
            attribute=attribute.ident,
        )

    def _check(
        self, spec: AttributeSpec, attribute: Attribute | None, *, is_reverse: bool
    ) -> None:
        if spec.name == ID and (spec.nested is not None or spec.limit is not None):
            raise pattern_error(
                self._origin,
                spec.path,
                ":db/id is a number, and has neither a pattern nor a limit",
                code="pull/bad-pattern",
                hint="write :db/id by itself, or [:db/id :as :id]",
            )
        if attribute is None:
            return
        if spec.nested is not None and attribute.value_type is not ValueType.REF:
            raise self._not_ref(spec.path, spec.name, attribute, "has no pattern of its own")
        many = not attribute.component if is_reverse else attribute.many
        if spec.limit is not None and not many:
            raise pattern_error(
                self._origin,
                spec.path,
                f"{spec.name} gives one value, so {shown(spec.limit)} cannot limit it",
                code="pull/limit-on-one",
                hint="leave :limit out, or declare :db/cardinality :db.cardinality/many",
                attribute=attribute.ident,
            )


def forward_name(name: str) -> str | None:
    """Return `:ns/name` for `:ns/_name`, and `:name` for `:_name`; None for other names."""
    start = name.rfind("/") + 1 or 1
    return name[:start] + name[start + 1 :] if name[start : start + 1] == "_" else None
