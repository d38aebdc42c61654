"""Embedding at commit: the embedders of a connection, and vectors made before the commit begins.

Models take milliseconds, and one transaction is committed at a time. So the texts of a transaction are looked for
and embedded in one batch before it waits for its turn; what only its functions produce is embedded then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.errors import DatamemError
from datamem.schema.embedding import EmbedSpec, embedded_attributes
from datamem.schema.types import ValueType
from datamem.search.embedders.protocol import embed, model_name

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.schema.attribute import Attribute

_KEPT_TEXTS: Final = 4_096
Key = tuple[str, int, str]
"""Embedder, dimensions and text."""

Register = Callable[["Attribute", str], object]
"""Called with (vector attribute, model) when a model is first used for an attribute."""


class CommitEmbedder:
    """The embedders of one connection, called for texts that a transaction asserts.

    Any number of threads may use it.
    """

    def __init__(self) -> None:
        self._embedders: dict[str, Any] = {}
        self._vectors: dict[Key, Any] = {}

    def add(self, name: str, embedder: Any) -> None:
        """Name an embedder; one of the same name is replaced."""
        self._embedders[name.lstrip(":")] = embedder

    def __call__(self, spec: EmbedSpec, target: Attribute, texts: Sequence[str]) -> Any:
        """Return the vectors of texts, float32[n, d]: those made ahead, the others made now.

        Raises:
            DatamemError: `embed/no-embedder`, `embed/other-model`, and what `embed` raises.
        """
        name, embedder = self._embedder_of(spec)
        _check_model(target, embedder)
        vectors = self._vectors
        keys = [(name, _dimensions(target), text) for text in texts]
        missing = [key[2] for key in dict.fromkeys(keys) if key not in vectors]
        made = self._made(name, embedder, target, missing) if missing else {}
        return [made[key] if key in made else vectors[key] for key in keys]

    def ahead(self, db: Db, items: Sequence[Any], register: Register) -> None:
        """Embed the texts of tx-data, as forms, before it is transacted.

        Raises:
            DatamemError: as a call.
        """
        sources = embedded_attributes(db.schema)
        for attribute, spec in sources.values():
            target = db.schema.get(spec.target)
            texts = list(dict.fromkeys(_texts_for(attribute, spec.target, items)))
            if target is not None and target.vector is not None and texts:
                self._ahead(db, attribute, spec, target, texts, register)

    def columns(
        self, db: Db, columns: Mapping[str, Any], register: Register
    ) -> Mapping[str, Any]:
        """Return columns of a load with those of the vectors that their texts want."""
        idents = {a.ident: name for name in columns if (a := db.schema.get(name)) is not None}
        found = dict(columns)
        for attribute, spec in embedded_attributes(db.schema).values():
            target = db.schema.get(spec.target)
            if attribute.ident in idents and target is not None and target.ident not in idents:
                texts = [str(text) for text in columns[idents[attribute.ident]]]
                distinct = list(dict.fromkeys(texts))
                self._ahead(db, attribute, spec, target, distinct, register)
                found[str(target.ident)] = list(self(spec, target, texts))
        return found

    def _ahead(
        self,
        db: Db,
        attribute: Attribute,
        spec: EmbedSpec,
        target: Attribute,
        texts: list[str],
        register: Register,
    ) -> None:
        name, embedder = self._embedder_of(spec)
        _check_model(target, embedder)
        size = _dimensions(target)
        known = {
            (name, size, text): vector
            for text in texts
            if (vector := _stored_vector(db, attribute, target, text)) is not None
        }
        rest = [
            text
            for text in texts
            if (key := (name, size, text)) not in known and key not in self._vectors
        ]
        made = known | (self._made(name, embedder, target, rest) if rest else {})
        if target.model is None:
            register(target, model_name(embedder))
        if len(self._vectors) + len(made) > _KEPT_TEXTS:
            self._vectors = made
        else:
            self._vectors.update(made)

    def _made(
        self, name: str, embedder: Any, target: Attribute, texts: Sequence[str]
    ) -> dict[Key, Any]:
        size = _dimensions(target)
        vectors = embed(embedder, texts, size)
        return {(name, size, text): v for text, v in zip(texts, vectors, strict=True)}

    def _embedder_of(self, spec: EmbedSpec) -> tuple[str, Any]:
        known = self._embedders
        if spec.embedder is None and len(known) == 1:
            return next(iter(known.items()))
        found = known.get(spec.embedder or "default")
        if found is None:
            shown = ", ".join(sorted(known)) or "none"
            raise DatamemError(
                f"the connection has no embedder {spec.embedder or 'default'}",
                code="embed/no-embedder",
                hint=f"connect(…, embedders={{name: function}}); it has {shown}",
                embedder=spec.embedder,
                known=sorted(known),
            )
        return spec.embedder or "default", found


def _dimensions(target: Attribute) -> int:
    assert target.vector is not None
    return target.vector.dimensions


def _check_model(target: Attribute, embedder: Any) -> None:
    """Refuse to mix the vectors of two models in one attribute."""
    name = model_name(embedder)
    if target.model is not None and target.model != name:
        raise DatamemError(
            f"{target.ident} holds vectors of {target.model}, and the embedder is {name}",
            code="embed/other-model",
            hint="declare another vector attribute for this model",
            attribute=target.ident,
            model=target.model,
            embedder=name,
        )


def _stored_vector(db: Db, attribute: Attribute, target: Attribute, text: str) -> Any:
    """Return the vector of an entity with the same text, if there is one."""
    word = db.encode(attribute, text)
    if word is None:
        return None
    for e in db.rows(a=attribute.id, v=word).e[:1].tolist():
        words = db.words(e, target.id)
        if words and target.model is not None:
            return db.decode(ValueType.VECTOR, np.array(words[:1], np.int64))[0]
    return None


def _texts_for(attribute: Attribute, target: str, items: Any) -> Iterator[str]:
    """Yield the texts that tx-data asserts of an attribute, where it brings no vector."""
    names = {str(name) for name in (attribute.ident, *attribute.aliases)}
    names |= {name.lstrip(":") for name in names}
    targets = {target, target.lstrip(":")}
    for item in items:
        if isinstance(item, Mapping):
            yield from _texts_of_map(item, names, targets)
        elif (
            isinstance(item, list | tuple)
            and len(item) >= 4
            and str(item[0]).endswith("db/add")
            and item[2] in names
            and isinstance(item[3], str)
        ):
            yield item[3]


def _texts_of_map(item: Mapping[Any, Any], names: set[str], targets: set[str]) -> Iterator[str]:
    has_vector = any(key in targets for key in item)
    for key, value in item.items():
        if isinstance(value, str):
            if key in names and not has_vector:
                yield value
        elif isinstance(value, Mapping):
            yield from _texts_of_map(value, names, targets)
        elif isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
            for part in value:
                if isinstance(part, Mapping):
                    yield from _texts_of_map(part, names, targets)
