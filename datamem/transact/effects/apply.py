"""From resolved forms to net changes; what contradicts itself in one transaction is found here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datamem.transact.conflicts import Conflicts, shown
from datamem.transact.effects.retractions import retract_entities

if TYPE_CHECKING:
    from datamem.schema import Attribute
    from datamem.transact.effects.changes import Changes
    from datamem.transact.resolved.resolved import ResolvedForms


def apply_forms(resolved: ResolvedForms, changes: Changes, conflicts: Conflicts) -> None:
    """Put resolved forms into `changes`, as a set: their order says nothing.

    Notes two values for one cardinality-one attribute, the same fact asserted and retracted, and
    failed comparisons.
    """
    for _, attribute, _ in resolved.adds:
        changes.attributes.setdefault(attribute.id, attribute)
    _check_cas(resolved, changes, conflicts)
    stated = _apply_retracts(resolved, changes)
    retracted = retract_entities(resolved, changes)
    asserted = _group(resolved)
    for (e, a), words in asserted.items():
        attribute = changes.attributes[a]
        _check_slot(e, attribute, words, stated.get((e, a), set()), changes, conflicts)
        for word in words:
            changes.assert_word(e, attribute, word)
    changes.gone = retracted - {e for e, _ in asserted}


def _group(resolved: ResolvedForms) -> dict[tuple[int, int], dict[int, None]]:
    asserted: dict[tuple[int, int], dict[int, None]] = {}
    for e, attribute, word in resolved.adds:
        asserted.setdefault((e, attribute.id), {})[word] = None
    return asserted


def _apply_retracts(
    resolved: ResolvedForms, changes: Changes
) -> dict[tuple[int, int], set[int]]:
    """Apply retractions; return every word that was named, whether it holds or not."""
    stated: dict[tuple[int, int], set[int]] = {}
    for e, attribute, word in resolved.retracts:
        words = list(changes.before(e, attribute.id)) if word is None else [word]
        stated.setdefault((e, attribute.id), set()).update(words)
        for each in words:
            changes.retract_word(e, attribute, each)
        if word is None and attribute.component:
            resolved.retract_entities.extend(words)
    return stated


def _check_slot(
    e: int,
    attribute: Attribute,
    words: dict[int, None],
    stated: set[int],
    changes: Changes,
    conflicts: Conflicts,
) -> None:
    if not attribute.many and len(words) > 1:
        values = [changes.value(attribute.id, word) for word in words]
        conflicts.add(
            "transact/cardinality-conflict",
            f"{attribute.ident} of {e} has cardinality one, and the transaction asserts "
            + " and ".join(shown(value) for value in values),
            "assert one value; a transaction is a set, so neither comes last",
            entity=e,
            attribute=attribute.ident,
            values=values,
        )
    stated = stated | set(changes.retracted.get((e, attribute.id), ()))
    for word in words:
        if word in stated:
            value = changes.value(attribute.id, word)
            conflicts.add(
                "transact/assert-retract-conflict",
                f"{attribute.ident} {shown(value)} of {e} is both asserted and retracted",
                "keep one of the two",
                entity=e,
                attribute=attribute.ident,
                value=value,
            )


def _check_cas(resolved: ResolvedForms, changes: Changes, conflicts: Conflicts) -> None:
    for e, expected, cas, is_unknown in resolved.cas:
        before = list(changes.before(e, cas.a.id))
        if not is_unknown and before == ([] if expected is None else [expected]):
            continue
        actual = changes.value(cas.a.id, before[0]) if before else None
        conflicts.add(
            "transact/cas-failed",
            f"{cas.a.ident} of {e} is {shown(actual) if before else 'absent'}, "
            f"and cas expected {shown(cas.old) if cas.old is not None else 'no value'}",
            "read the value again, and retry",
            entity=e,
            attribute=cas.a.ident,
            expected=cas.old,
            actual=actual,
        )
