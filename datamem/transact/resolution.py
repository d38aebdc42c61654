"""Transactions: from tx-data to a plan, or to one error that tells every fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from datamem.db.advance import advance, branch
from datamem.errors import TransactError
from datamem.ids import tx_of_t
from datamem.index.words import instant_of_us
from datamem.schema.bootstrap import TX_INSTANT
from datamem.transact.effects.apply import apply_forms
from datamem.transact.effects.changes import Changes
from datamem.transact.effects.embeddings import embed_strings
from datamem.transact.effects.kinds import (
    check_required,
    check_values,
    fill_defaults,
    find_ensured,
    run_predicate,
)
from datamem.transact.effects.retractions import check_references
from datamem.transact.effects.schema_changes import change_schema
from datamem.transact.effects.tuples import maintain_tuples
from datamem.transact.effects.unique import check_unique
from datamem.transact.encoder import Encoder
from datamem.transact.fast.change import resolve_change, resolve_upsert
from datamem.transact.fast.plain import resolve_plain
from datamem.transact.forms.functions import run_functions
from datamem.transact.forms.items import read_items
from datamem.transact.forms.parse import FormReader
from datamem.transact.plan import TxPlan
from datamem.transact.resolved.tempids import resolve_tempids

if TYPE_CHECKING:
    from collections.abc import Mapping

    from datamem.db.database import Db
    from datamem.schema import EntitySpec, Schema
    from datamem.transact.conflicts import Conflicts
    from datamem.transact.ports import DbView, Functions
    from datamem.transact.resolved.resolved import ResolvedForms

MANY: Final = 64
"""From so many maps on, columns are quicker than a map at a time."""

FEW: Final = 8
"""From so many on, they are quicker than the general stages."""


def resolve(
    db: DbView,
    tx_data: Any,
    *,
    now_us: int,
    meta: Mapping[Any, Any] | None = None,
    functions: Functions | None = None,
    basis_t: int | None = None,
) -> TxPlan:
    """Return what transacting `tx_data` on `db` would do; nothing changes.

    Args:
        db: the database before, a present without filters.
        tx_data: EDN text, or forms as Python data: maps, and lists such as `[":db/add", e, a, v]`.
        now_us: the wall clock, µs since 1970; the plan's instant is later than all before it.
        meta: attributes of the transaction entity.
        functions: registered functions and predicates by name.
        basis_t: refuse unless the database is at this t.

    Raises:
        TransactError: with every fault in `data["conflicts"]`: `transact/…`, `schema/…`,
            `lookup-ref/…` (`docs/errors.md`); alone: `transact/stale-basis`,
            `transact/function-failed`, `transact/bad-tx-data`.
        EdnError: for text that is not EDN.

    Cost: about 1 µs a datom for plain maps of new entities (`plain.py`), 0.2 µs where they are many, new
        or known (`bulk.py`), 10 µs for other forms.
    """
    if basis_t is not None and basis_t != db.basis_t:
        raise TransactError(
            f"the transaction is for t {basis_t}, and the database is at t {db.basis_t}",
            code="transact/stale-basis",
            hint="read again, and retry",
            expected=basis_t,
            actual=db.basis_t,
        )
    items = read_items(tx_data)
    plan = None if meta else resolve_change(items, db, now_us)
    if len(items) < MANY:
        plan = plan or resolve_plain(items, db, now_us, meta)
        plan = plan or (None if meta else resolve_upsert(items, db, now_us))
    if plan is None and len(items) >= FEW:
        from datamem.transact.fast.bulk import resolve_bulk

        plan = resolve_bulk(items, db, now_us, meta)
        if plan is None and len(items) >= MANY:
            plan = resolve_plain(items, db, now_us, meta)
    return plan or resolve_general(items, db, now_us, meta, functions or {})


def resolve_general(
    items: list[Any],
    db: DbView,
    now_us: int,
    meta: Mapping[Any, Any] | None,
    functions: Functions,
) -> TxPlan:
    """Return the plan of any forms, stage by stage."""
    reader = FormReader(db, functions)
    reader.read(items)
    if meta:
        reader.read_meta(meta)
    run_functions(reader, db)
    forms = reader.finish()
    conflicts = forms.conflicts
    encoder = Encoder(db)
    resolved = resolve_tempids(forms, db, encoder)
    if conflicts.has("transact/upsert-conflict"):
        conflicts.raise_if_any()  # who is who is not known, and what else is wrong depends on it
    changes = Changes(db, encoder, db.next_entity)
    apply_forms(resolved, changes, conflicts)
    instant_us, is_given = _take_instant(changes, db, now_us, conflicts)
    schema = change_schema(changes, db, conflicts)
    ensured = find_ensured(resolved.ensures, schema, conflicts)
    fill_defaults(changes, schema, ensured, instant_of_us(instant_us), resolved.faulty)
    embed_strings(changes, resolved, schema, functions, conflicts)
    maintain_tuples(changes, schema, conflicts)
    check_unique(changes, conflicts)
    check_references(changes, conflicts)
    check_values(changes, functions, conflicts)
    specs = check_required(changes, schema, ensured, resolved.faulty, conflicts)
    conflicts.raise_if_any()
    plan = _plan(changes, resolved, schema, instant_us)
    plan.empty = changes.is_empty() and not is_given
    _check_entities(specs, plan, db, functions, conflicts)
    return plan


def _take_instant(
    changes: Changes, db: DbView, now_us: int, conflicts: Conflicts
) -> tuple[int, bool]:
    """Take `:db/txInstant` out of the changes; return the instant, and whether it was given."""
    previous = db.last_instant_us if db.basis_t else now_us - 1
    slot = tx_of_t(db.basis_t + 1), TX_INSTANT
    given = changes.asserted.pop(slot, None)
    for e, a in (*changes.asserted, *changes.retracted):
        if a == TX_INSTANT:
            conflicts.add(
                "transact/instant-elsewhere",
                f":db/txInstant of {e} cannot be changed",
                "only the transaction itself can say when it was",
                entity=e,
            )
    if given is None:
        return max(now_us, previous + 1), False
    instant_us = next(iter(given))
    if db.basis_t and instant_us < previous:
        conflicts.add(
            "transact/instant-before",
            f"{instant_of_us(instant_us)} is before the last transaction, "
            f"{instant_of_us(previous)}",
            "transact in the order of the instants, or keep the date in an attribute of its own",
            instant_us=instant_us,
            previous_us=previous,
        )
    return max(instant_us, previous + 1) if db.basis_t else instant_us, True


def _check_entities(
    specs: Mapping[int, tuple[EntitySpec, ...]],
    plan: TxPlan,
    db: DbView,
    functions: Functions,
    conflicts: Conflicts,
) -> None:
    """Run the predicates of specs on (database after, entity id)."""
    calls = [
        (e, name) for e, several in specs.items() for spec in several for name in spec.preds
    ]
    if not calls:
        return
    after = advance(branch(cast("Db", db)), plan)
    for e, name in calls:
        run_predicate(functions, name, (after, e), f"entity {e}", conflicts)
    conflicts.raise_if_any()


def _plan(changes: Changes, resolved: ResolvedForms, schema: Schema, instant_us: int) -> TxPlan:
    db = changes.db
    t = db.basis_t + 1
    rows: list[tuple[int, int, int, bool]]
    rows = [(tx_of_t(t), TX_INSTANT, instant_us, True), *changes.rows()]
    e, a, v, added = zip(*rows, strict=True)
    return TxPlan(
        t=t,
        tx=tx_of_t(t),
        instant_us=instant_us,
        e=e,
        a=a,
        v=v,
        added=added,
        new_values=changes.encoder.new_values,
        next_entity=resolved.next_entity,
        next_attribute=resolved.next_attribute,
        tempids=resolved.tempids,
        schema=schema,
        changes_schema=schema is not db.schema,
    )
