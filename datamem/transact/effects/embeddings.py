"""Strings that embed themselves: vectors beside the texts that a transaction asserts.

The vector is a datom of the same transaction, so that the log holds it and a replay calls no model. A text
that goes takes its vector along; a vector that the transaction itself brings is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from datamem.errors import DatamemError
from datamem.schema import ValueType
from datamem.schema.embedding import EmbedSpec, embedded_attributes

if TYPE_CHECKING:
    from datamem.schema import Attribute, Schema
    from datamem.transact.conflicts import Conflicts
    from datamem.transact.effects.changes import Changes
    from datamem.transact.ports import Functions
    from datamem.transact.resolved.resolved import ResolvedForms

EMBED: Final = ":db/embed"
"""Among the registered functions, the one that embeds."""


class Embed(Protocol):
    """What embeds the texts of a transaction."""

    def __call__(self, spec: EmbedSpec, target: Attribute, texts: Sequence[str], /) -> Any:
        """Return a vector of the target's dimensions for each text.

        Raises:
            DatamemError: `embed/…`.
        """


def without_vectors(_spec: EmbedSpec, _target: Attribute, _texts: Sequence[str], /) -> Any:
    """Stand for an `Embed` where texts may go without vectors, as in speculation."""
    return ()


def embed_strings(
    changes: Changes,
    resolved: ResolvedForms,
    schema: Schema,
    functions: Functions,
    conflicts: Conflicts,
) -> None:
    """Add the vectors of the texts that a transaction asserts, and retract those of texts that go.

    Args:
        changes: takes the vectors.
        resolved: whose vectors stay as they are.
        schema: as it is after the transaction.
        functions: with an `Embed` under `EMBED`.
        conflicts: takes `embed/…` of whatever cannot be.
    """
    sources = embedded_attributes(schema)
    if not sources or conflicts:
        return
    given = {(e, attribute.id) for e, attribute, _ in resolved.adds}
    for attribute, spec in sources.values():
        target = schema.get(spec.target)
        slots = [slot for slot in changes.asserted if slot[1] == attribute.id]
        gone = [s for s in changes.retracted if s[1] == attribute.id and s not in slots]
        if target is None or target.value_type is not ValueType.VECTOR:
            if slots:
                _note_target(attribute, spec, conflicts)
            continue
        for e, _ in gone:
            if (e, target.id) not in given:
                for word in changes.before(e, target.id):
                    changes.retract_known(e, target.id, word)
        wanted = [e for e, _ in slots if (e, target.id) not in given]
        if wanted and functions.get(EMBED) is not without_vectors:
            _embed(wanted, attribute, spec, target, changes, functions, conflicts)


def _embed(
    entities: Sequence[int],
    attribute: Attribute,
    spec: EmbedSpec,
    target: Attribute,
    changes: Changes,
    functions: Functions,
    conflicts: Conflicts,
) -> None:
    embed: Embed = functions.get(EMBED) or _missing(spec)
    words = [next(iter(changes.asserted[e, attribute.id])) for e in entities]
    texts = [changes.value(attribute.id, word) for word in words]
    try:
        vectors = embed(spec, target, texts)
        for e, vector in zip(entities, vectors, strict=True):
            word = changes.encoder.word(target, target.check(vector))
            changes.assert_word(e, target, word)
    except DatamemError as error:
        conflicts.add_error(error, attribute=attribute.ident)


def _note_target(attribute: Attribute, spec: EmbedSpec, conflicts: Conflicts) -> None:
    conflicts.add(
        "embed/no-target",
        f"the vectors of {attribute.ident} go to {spec.target}, which is no vector attribute",
        "declare it :db.type/vector with :db/dimension",
        attribute=attribute.ident,
        target=spec.target,
    )


def _missing(spec: EmbedSpec) -> Embed:
    def refuse(_: EmbedSpec, target: Attribute, texts: Sequence[str]) -> Any:
        named = spec.embedder or "its texts"
        raise DatamemError(
            f"no embedder for {named}: {len(texts)} texts want vectors in {target.ident}",
            code="embed/no-embedder",
            hint="connect(…, embedders={name: function}), or transact the vectors as well",
            embedder=spec.embedder,
            target=target.ident,
        )

    return refuse
