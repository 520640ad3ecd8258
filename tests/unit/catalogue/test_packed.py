"""Packed answers give back what was packed, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.catalogue.documents.links import MOST_LINKS, Link, Packed, pack, unpack

_TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)


@given(
    st.lists(st.binary(max_size=50), max_size=3),
    st.lists(st.builds(Link, _TEXTS, st.integers(0, 2**32 - 1), _TEXTS), max_size=5),
    st.integers(0, 2**33 - 1),
    _TEXTS,
)
def test_what_was_packed_is_unpacked(
    documents: list[bytes], links: list[Link], newest: int, incomplete: str
) -> None:
    packed = Packed(documents, links, newest, incomplete)
    assert unpack(pack(packed)) == packed


def test_too_many_links_are_cut_and_that_is_said() -> None:
    links = [Link("", number) for number in range(MOST_LINKS + 1)]
    cut = unpack(pack(Packed([b"all"], links)))
    assert list(cut.links) == links[:-1]
    assert cut.incomplete == "Only the first 50,000 of 50,001 have a link here."
    assert cut.documents == [b"all"]


@pytest.mark.parametrize("cut", [1, 5])
def test_a_body_that_was_cut_is_refused(cut: int) -> None:
    body = pack(Packed([b"document"], [Link("a", 1)]))
    with pytest.raises(ValueError, match=r"."):
        unpack(body[:-cut])


@given(st.binary(max_size=100))
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack(body)
