"""Damage in a blob is an error for who reads it, and for nobody else, however much was verified before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.errors import StorageError
from datamem.index import checked
from datamem.index.checked import PAGE_BYTES, CheckedBytes, seal_pages

MAGIC = b"DMTEST01"
PAGES = 9
BODY = bytes(range(251)) * (PAGES * PAGE_BYTES // 251)
spans = st.tuples(st.integers(0, len(BODY) - 1), st.integers(1, 2 * PAGE_BYTES))


@pytest.mark.parametrize("small_pages", [0, 4096])
@given(
    damaged=st.sets(st.integers(0, len(BODY) - 1), max_size=2),
    reads=st.lists(spans | st.just((0, len(BODY))), max_size=20),
)
def test_a_read_fails_where_its_pages_are_damaged(
    small_pages: int, damaged: set[int], reads: list[tuple[int, int]]
) -> None:
    """Model: the pages that hold a damaged byte."""
    blob = bytearray(seal_pages(MAGIC, BODY))
    head = len(blob) - len(BODY)
    for at in damaged:
        blob[head + at] ^= 1
    torn = {at // PAGE_BYTES for at in damaged}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checked, "_SMALL_PAGES", small_pages)
        body = CheckedBytes(memoryview(bytes(blob)), MAGIC, "blob")
        for start, length in reads:
            stop = min(start + length, len(BODY))
            touched = range(start // PAGE_BYTES, -(-stop // PAGE_BYTES))
            if torn.isdisjoint(touched):
                body.need(start, stop)
            else:
                with pytest.raises(StorageError, match="storage/corrupt-blob"):
                    body.need(start, stop)
            assert not (torn and body.is_whole)


def test_half_of_a_small_blob_is_enough_to_verify_it_whole() -> None:
    body = CheckedBytes(memoryview(seal_pages(MAGIC, BODY)), MAGIC, "blob")
    for page in range(4):
        assert not body.is_whole
        body.need(page * PAGE_BYTES, (page + 1) * PAGE_BYTES)
    assert body.is_whole
