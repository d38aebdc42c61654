"""The digest chain: any change shows, and one datom's bytes can go without breaking it."""

from __future__ import annotations

from hashlib import sha256, shake_128

from hypothesis import given
from hypothesis import strategies as st

from datamem.txlog.chain import (
    FIRST_DIGEST,
    SALT_BYTES,
    digests_after_excision,
    leaf_digests,
    leaf_salts,
    next_digest,
)

items_lists = st.lists(st.binary(max_size=40), min_size=1, max_size=12)


def test_digests_are_what_the_format_document_says() -> None:
    salts = leaf_salts(b"seed", 2)
    assert salts == shake_128(b"seed").digest(32)
    leaves = leaf_digests(salts, [b"a", b"b"])
    assert leaves == b"".join(
        sha256(b"\0" + salts[i : i + 16] + item).digest() for i, item in ((0, b"a"), (16, b"b"))
    )
    digest = next_digest(FIRST_DIGEST, b"head", leaves)
    assert digest == sha256(b"\1" + bytes(32) + b"\4" + bytes(7) + b"head" + leaves).digest()


@given(items=items_lists, data=st.data())
def test_excision_keeps_the_digests(items: list[bytes], data: st.DataObject) -> None:
    salts = leaf_salts(b"seed", len(items))
    whole = leaf_digests(salts, items)
    gone = data.draw(st.sets(st.integers(0, len(items) - 1)))
    kept = {i: item for i, item in enumerate(items) if i not in gone}
    assert whole == digests_after_excision(
        {i: salts[i * SALT_BYTES : (i + 1) * SALT_BYTES] for i in kept},
        kept,
        {i: whole[32 * i : 32 * i + 32] for i in gone},
    )


@given(items=items_lists, data=st.data())
def test_any_change_shows(items: list[bytes], data: st.DataObject) -> None:
    salts = leaf_salts(b"seed", len(items))
    at = data.draw(st.integers(0, len(items) - 1))
    changed = [*items[:at], items[at] + b"x", *items[at + 1 :]]
    assert leaf_digests(salts, items) != leaf_digests(salts, changed)
    assert next_digest(FIRST_DIGEST, b"a", b"b") != next_digest(FIRST_DIGEST, b"ab", b"")
