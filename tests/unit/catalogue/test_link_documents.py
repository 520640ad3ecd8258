"""Directories of links give back what was encoded, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.catalogue.documents.document import MOST_LINKS, Link, LinkDocument, decode, encode

_TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)


@given(
    st.lists(st.binary(max_size=50), max_size=3),
    st.lists(st.builds(Link, _TEXTS, st.integers(0, 2**32 - 1), _TEXTS), max_size=5),
    st.integers(0, 2**33 - 1),
    _TEXTS,
)
def test_what_was_encoded_is_decoded(
    documents: list[bytes], links: list[Link], newest: int, incomplete: str
) -> None:
    document = LinkDocument(documents, links, newest, incomplete)
    assert decode(encode(document)) == document


def test_too_many_links_are_cut_and_that_is_said() -> None:
    links = [Link("", number) for number in range(MOST_LINKS + 1)]
    cut = decode(encode(LinkDocument([b"all"], links)))
    assert list(cut.links) == links[:-1]
    assert cut.incomplete == "Only the first 50,000 of 50,001 have a link here."
    assert cut.documents == [b"all"]


@pytest.mark.parametrize("cut", [1, 5])
def test_a_body_that_was_cut_is_refused(cut: int) -> None:
    body = encode(LinkDocument([b"document"], [Link("a", 1)]))
    with pytest.raises(ValueError, match=r"."):
        decode(body[:-cut])


@given(st.binary(max_size=100))
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(body)
