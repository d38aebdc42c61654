"""Counts and sizes of a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from datamem.conn.connection import Connection
    from datamem.conn.writer import Writer


def stats_of(conn: Connection, writer: Writer) -> dict[str, Any]:
    """Return counts of datoms, entities and values, and bytes on disk by kind."""
    state = writer.state
    db, index = state.db, state.db.index
    live = sum(level.live[0].row_count for level in index.levels)
    ended = sum(level.ended[0].row_count for level in index.levels)
    killed = sum(map(len, index.kills))
    novelty = sum(layer.row_count for layer in index.layers)
    stats: dict[str, Any] = {
        "basis_t": db.basis_t,
        "datoms_asserted": live + ended + novelty,
        "datoms_ended_in_levels": ended + killed,
        "novelty_rows": novelty,
        "levels": [level.row_count for level in index.levels],
        "heap_values": db.heap_size,
        "next_entity": db.next_entity,
        "attributes": len(db.schema.to_data()),
        "rows_since_root": state.unrooted_rows,
        "log_entries": state.entry_count,
        "digest": state.digest.hex(),
        "maintenance_error": None
        if writer.maintenance_error is None
        else str(writer.maintenance_error),
    }
    if conn.path is not None:
        stats["bytes"] = _bytes_on_disk(conn.path)
    return stats


def _bytes_on_disk(path: Path) -> dict[str, int]:
    """Return the bytes of log, index packs, heap and tables."""
    sizes = {"log": 0, "index": 0, "heap": 0}
    for file in path.rglob("*"):
        if not file.is_file():
            continue
        if file.suffix == ".log":
            sizes["log"] += file.stat().st_blocks * 512
        elif file.name.startswith(("pack-", "root-")):
            sizes["index"] += file.stat().st_size
        elif file.name.startswith(("heap-", "table-")):
            sizes["heap"] += file.stat().st_size
    return sizes
