"""Reading what is in the kernel's memory: into bytes that begin where copying is fast."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest

from biofs.contents.disk.at_once import aligned, fills, in_memory


@pytest.mark.parametrize("size", [0, 1, 63, 64, 100, 20_480, 131_072, 1 << 20])
def test_aligned_bytes_have_their_size_and_begin_at_a_line(size: int) -> None:
    made = aligned(size)
    assert made == bytes(size)
    if size >= 4096:
        assert ctypes.addressof(ctypes.c_char.from_buffer(made)) % 64 == 0


def test_what_is_in_memory_is_read_and_what_is_behind_the_end_is_not(tmp_path: Path) -> None:
    content = os.urandom(3 << 20)
    (tmp_path / "file").write_bytes(content)
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        for start, stop in ((0, 10), (5, 1 << 20), (17, (2 << 20) + 17)):
            found = in_memory(descriptor, start, stop)
            assert found is not None
            assert bytes(found) == content[start:stop]
        assert in_memory(descriptor, len(content) - 5, len(content) + 5) is None
        assert not fills(descriptor, bytearray(10), len(content) - 5)
    finally:
        os.close(descriptor)
