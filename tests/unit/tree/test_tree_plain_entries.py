"""Entries of a file list that have a length and a path alone: read faster, and not differently."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.tree import torrentlists
from biofs.tree.bencoded import Malformed, Reader
from biofs.tree.torrentlists import read_list
from tests.support.torrents import bencode

NAMES = st.binary(max_size=3) | st.sampled_from([b"1:a", b"ee", b"x" * 999, b"x" * 1000])
ENTRIES = st.fixed_dictionaries(
    {
        b"length": st.integers(-1, 2) | st.sampled_from([2**63 - 1, 2**63, 10**17, 10**18]),
        b"path": st.lists(NAMES, max_size=3) | st.lists(NAMES, min_size=15, max_size=18),
    },
    optional={b"attr": st.sampled_from([b"", b"x", b"p", b"l"]), b"md5": st.just(b"0")},
)
NEVER = re.compile(rb"(?!)")


def read(text: bytes) -> Any:
    """What is read of the list in a text, or why nothing is."""
    reader = Reader(b"//" + text, 2)
    reader.origin = 1
    info = reader.data[1:]
    try:
        listing = read_list(reader)
    except Malformed:
        return Malformed
    paths = [listing.path(info, index) for index in range(len(listing.lengths))]
    return paths, listing.lengths, listing.flags, listing.marks, reader.at, reader._left


def both(text: bytes) -> Any:
    plain = read(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torrentlists, "_PLAIN", NEVER)
        assert plain == read(text)
    return plain


@given(st.lists(ENTRIES, max_size=5))
def test_any_entries(entries: list[dict[bytes, Any]]) -> None:
    both(bencode(entries))


@given(st.lists(ENTRIES, min_size=1, max_size=3), st.data())
def test_any_bytes_changed(entries: list[dict[bytes, Any]], data: st.DataObject) -> None:
    text = bytearray(bencode(entries))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        if data.draw(st.booleans()):
            text[at] = data.draw(st.sampled_from(b"0123456789:eidl"))
        else:
            del text[at:]
            text = text or bytearray(b"l")
    both(bytes(text))


def test_plain_ones_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [{b"length": n, b"path": [b"d", b"%d" % n]} for n in range(100)]
    monkeypatch.setattr(Reader, "decoded", lambda *_: pytest.fail("one was decoded"))
    paths, lengths, *_ = read(bencode(files))
    assert paths == [(b"d", b"%d" % n) for n in range(100)]
    assert list(lengths) == list(range(100))
