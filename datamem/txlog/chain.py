"""The digest chain: proves that no datom of any past transaction was changed, and allows one to be forgotten.

Each transaction has a 32-byte random *seed*. From it comes one *salt* per datom (SHAKE-128, 16
bytes each), and a datom's *leaf digest* is SHA-256(0x00 + salt + encoded datom). The
transaction's digest is SHA-256 over the previous transaction's digest, the header (t, instant,
count …) and the leaf digests in order. So the chain covers digests, never the values themselves.

Forgetting one datom ("excision") replaces, in the stored record,

    seed, [datom 0, datom 1, datom 2]
by  no seed, [(salt 0, datom 0), leaf digest 1, (salt 2, datom 2)]

The chain verifies as before, because the leaf digests are the same. The seed must go, since it
would give salt 1 and with it a way to try "true" and "false" against leaf digest 1. What remains
are 16 unknown random bytes under SHA-256: guessing the value means guessing those.
"""

from __future__ import annotations

from hashlib import sha256, shake_128
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SALT_BYTES: Final = 16
DIGEST_BYTES: Final = 32
SEED_BYTES: Final = 32
FIRST_DIGEST: Final = bytes(DIGEST_BYTES)
"""What the first transaction is chained to."""


def leaf_salts(seed: bytes, count: int) -> bytes:
    """Return `count` salts of 16 bytes each, end to end. Cost: 0.02 µs a salt."""
    return shake_128(seed).digest(SALT_BYTES * count)


def leaf_digests(salts: bytes, items: Sequence[bytes]) -> bytes:
    """Return the 32-byte digests of `items`, end to end, in order.

    Args:
        salts: 16 bytes per item, as `leaf_salts` gives them.
        items: each datom in its canonical encoding.

    Cost: about 0.4 µs an item.

    Example:
        >>> salts = leaf_salts(bytes(32), 2)
        >>> len(leaf_digests(salts, [b"a datom", b"another"]))
        64
    """
    starts = range(0, SALT_BYTES * len(items), SALT_BYTES)
    return b"".join(
        [
            sha256(b"\0" + salts[start : start + SALT_BYTES] + item).digest()
            for start, item in zip(starts, items, strict=True)
        ]
    )


def table_digests(salts: bytes, items: np.ndarray[Any, Any]) -> bytes:
    """Return `leaf_digests` of items that are equally long, a third faster.

    Args:
        salts: 16 bytes per item.
        items: the items as rows of a numpy array, whose bytes they are.

    Example:
        >>> salts = leaf_salts(bytes(32), 2)
        >>> items = np.array([b"a datom", b"another"])
        >>> table_digests(salts, items) == leaf_digests(salts, items.tolist())
        True
    """
    table = np.empty(
        len(items), [("kind", "u1"), ("salt", f"V{SALT_BYTES}"), ("item", items.dtype)]
    )
    table["kind"] = 0
    table["salt"] = np.frombuffer(salts, table.dtype["salt"])
    table["item"] = items
    whole: list[bytes] = table.view(f"V{table.itemsize}").tolist()
    return b"".join([sha256(item).digest() for item in whole])


def next_digest(previous: bytes, header: bytes, leaves: bytes) -> bytes:
    """Return the chain's digest after a transaction.

    Args:
        previous: the digest after the transaction before, `FIRST_DIGEST` for the first.
        header: t, instant and whatever else must not change; canonical bytes.
        leaves: what `leaf_digests` returned, or what is left of it (`digests_after_excision`).

    Example:
        >>> next_digest(FIRST_DIGEST, b"t=1", b"").hex()[:16]
        'b8d0b71a2edf83e4'
    """
    lengths = len(header).to_bytes(8, "little")
    return sha256(b"\1" + previous + lengths + header + leaves).digest()


def digests_after_excision(
    salts: Mapping[int, bytes], items: Mapping[int, bytes], excised: Mapping[int, bytes]
) -> bytes:
    """Return the same bytes as `leaf_digests` did, for a record that has lost some items.

    Args:
        salts: the survivors' salts by their index in the transaction.
        items: the survivors' canonical bytes by index; the same keys as `salts`.
        excised: the leaf digests of the items that are gone, by index.

    Example:
        >>> salts = leaf_salts(b"seed", 3)
        >>> whole = leaf_digests(salts, [b"a", b"b", b"c"])
        >>> digests_after_excision(
        ...     {0: salts[:16], 2: salts[32:]}, {0: b"a", 2: b"c"}, {1: whole[32:64]}
        ... ) == whole
        True
    """
    found = {i: leaf_digests(salts[i], [item]) for i, item in items.items()}
    found.update(excised)
    return b"".join([found[i] for i in range(len(found))])
