"""What hangs below an entity, as an indented tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datamem_cli.repl.changes import entity_name
from datamem_cli.show.printing import cell_text

_TEXT_NAMES = ("name", "title", "content", "text", "description", "summary", "type", "path")
_WIDTH = 80


def tree_lines(db: Any, name: str, attribute: str | None = None) -> Iterator[str]:
    """Yield an entity and what refers to it, level by level; cycles are cut.

    Args:
        db: any view.
        name: an id, an ident or a lookup ref, as text.
        attribute: the reference to go along, from child to parent; None takes the one that is called
            `parent` in the entity's namespace, or every reference to it.

    Raises:
        DatamemError: `entity/not-found`, `repl/no-such-attribute`.
    """
    from datamem.edn import read

    root = db.resolve(read(name))
    if root is None or not db.entity_words(root):
        from datamem_cli.commands.look import not_found

        raise not_found(name)
    links = _links(db, root, attribute)
    yield _label(db, root)
    yield from _below(db, root, links, "", {root})


def _links(db: Any, root: int, attribute: str | None) -> list[int]:
    """Return the reference attributes to follow backwards."""
    refs = [a for a in db.schema if a.value_type.keyword == ":db.type/ref"]
    if attribute is not None:
        wanted = attribute if attribute.startswith(":") else f":{attribute}"
        found = [a.id for a in refs if a.ident == wanted]
        if not found:
            from datamem.datalog.faults import near
            from datamem.errors import DatamemError

            raise DatamemError(
                f"{wanted} is no reference attribute",
                code="repl/no-such-attribute",
                hint=near(wanted, [a.ident for a in refs]),
            )
        return found
    spaces = {str(db.ident(a)).partition("/")[0] for a, _ in db.entity_words(root)}
    parents = [a.id for a in refs if a.ident in {f"{space}/parent" for space in spaces}]
    return parents or [
        a.id for a in refs if a.ident.partition("/")[0] not in {":db", ":datamem"}
    ]


def _below(db: Any, e: int, links: list[int], indent: str, seen: set[int]) -> Iterator[str]:
    children = [(a, child) for a in links for child in sorted(set(db.referrers(e, a)))]
    if len(links) > 1:  # what hangs there already need not be shown again
        children = [(a, child) for a, child in children if child not in seen]
    for i, (a, child) in enumerate(children):
        is_last = i == len(children) - 1
        via = "" if len(links) == 1 else f"{db.ident(a)} "
        again = " …" if child in seen else ""
        yield f"{indent}{'└─ ' if is_last else '├─ '}{via}{_label(db, child)}{again}"
        if child not in seen:
            seen.add(child)
            yield from _below(db, child, links, indent + ("   " if is_last else "│  "), seen)


def _label(db: Any, e: int) -> str:
    """Return an entity's id and the text by which a person knows it."""
    by_name: dict[str, tuple[Any, int]] = {}
    for a, word in db.entity_words(e):
        attribute = db.schema.get(a)
        if attribute is not None:
            by_name.setdefault(attribute.ident.partition("/")[2], (attribute, word))
    for name in _TEXT_NAMES:
        if name in by_name:
            attribute, word = by_name[name]
            text = cell_text(db.decode(attribute.value_type, [word])[0])
            return f"{e}  {text if len(text) <= _WIDTH else text[: _WIDTH - 1] + '…'}"
    return entity_name(db, e)
