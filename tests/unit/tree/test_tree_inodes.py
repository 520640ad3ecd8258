"""Inode numbers: addresses in 63 bits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biofs.tree.inodes import MAX_ID, MAX_PART, Address, Kind, category_inode, pack, unpack

kinds = st.sampled_from([kind for kind in Kind if kind is not Kind.ROOT])
idents = st.integers(0, MAX_ID)
parts = st.integers(0, MAX_PART)


@given(kinds, idents, parts)
@settings(deadline=None)
def test_an_address_comes_back(kind: Kind, ident: int, part: int) -> None:
    inode = pack(kind, ident, part)
    assert 1 < inode < 2**63
    assert unpack(inode) == Address(kind, ident, part)
    assert unpack(inode).kind is kind


@given(st.integers(-(2**70), 2**70) | st.integers(0, 2**63))
@settings(deadline=None)
def test_a_number_is_refused_or_the_one_of_its_address(inode: int) -> None:
    try:
        address = unpack(inode)
    except ValueError:
        return
    assert pack(*address) == inode


def test_the_root_is_fuse_root() -> None:
    assert pack(Kind.ROOT) == 1
    assert unpack(1) == Address(Kind.ROOT, 0, 0)


@pytest.mark.parametrize("inode", [-(2**63), -1, 0, 2, 1 << 26, (1 << 58) - 1, 31 << 58, 1 << 63])
def test_numbers_that_stand_for_nothing(inode: int) -> None:
    with pytest.raises(ValueError, match="no inode number"):
        unpack(inode)


@pytest.mark.parametrize(
    ("kind", "ident", "part"),
    [
        (Kind.GROUP, MAX_ID + 1, 0),
        (Kind.GROUP, -1, 0),
        (Kind.FILES, 0, MAX_PART + 1),
        (Kind.FILES, 0, -1),
        (Kind.ROOT, 1, 0),
        (Kind.ROOT, 0, 1),
    ],
)
def test_what_does_not_fit(kind: Kind, ident: int, part: int) -> None:
    with pytest.raises(OverflowError):
        pack(kind, ident, part)


def test_numbers_of_kinds_never_change() -> None:
    # In the order of their numbers, from 0. New ones go at the end.
    names = [
        *("ROOT", "README", "IGNORE", "BIOFS", "STATUS", "CATEGORIES", "CATEGORY", "INDEX"),
        *("GROUP", "GROUP_JSON", "DESCRIPTION", "COMMENTS_LINK"),
        *("TORRENT", "TORRENT_JSON", "FILELIST", "MAGNET", "FILES"),
        *("VIEW", "VIEW_ENTRY", "VIEW_DOCUMENT", "GROUP_LINK", "TORRENT_LINK", "WORD_LINK"),
        "CONTENTS",
    ]
    assert [kind.name for kind in Kind][: len(names)] == names


def test_kinds_are_dense_and_fit_five_bits() -> None:
    assert [int(kind) for kind in Kind] == list(range(len(Kind)))
    assert len(Kind) <= 32


@given(st.integers(-(2**70), 2**70) | idents)
@settings(deadline=None)
def test_any_number_as_a_category_has_an_inode(category: int) -> None:
    address = unpack(category_inode(category))
    assert address.kind is Kind.CATEGORY
    assert address.ident == (category if 0 <= category <= MAX_ID else 0)
