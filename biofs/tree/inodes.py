"""Inode numbers as addresses.

An inode number says which node it is: kind, id and part packed into 63 bits. Nodes therefore need
no table, keep their number across mounts, and cost nothing until they are looked at. The top bit
stays clear because some tools read ``st_ino`` as a signed number.

    bit 63   62 … 58   57 … 26   25 … 0
        0      kind       id       part
"""

from enum import IntEnum
from typing import Final, NamedTuple

_ID_BITS: Final = 32
_PART_BITS: Final = 26
KIND_SHIFT: Final = _ID_BITS + _PART_BITS
"""An inode's bits from this one on say its kind."""

ID_STEP: Final = 1 << _PART_BITS
"""How far the inodes of an id and of the next one are apart."""

MAX_ID: Final = (1 << _ID_BITS) - 1
"""The largest id that fits: 4,294,967,295."""

MAX_PART: Final = (1 << _PART_BITS) - 1
"""The largest part that fits: 67,108,863."""


class Kind(IntEnum):
    """What an inode stands for.

    The numbers are part of every inode number and so of what tools remember across mounts: they are
    never changed or reused. They are dense from 0; new kinds go at the end, 32 at most.
    """

    ROOT = 0
    README = 1
    IGNORE = 2
    BIOFS = 3
    """The hidden ``.biofs`` directory."""
    STATUS = 4
    CATEGORIES = 5
    CATEGORY = 6
    INDEX = 7
    GROUP = 8
    GROUP_JSON = 9
    DESCRIPTION = 10
    COMMENTS_LINK = 11
    TORRENT = 12
    TORRENT_JSON = 13
    FILELIST = 14
    MAGNET = 15
    FILES = 16
    """A node of a torrent's file tree: the part is its number, 0 the ``files`` directory itself."""
    VIEW = 17
    """A view such as ``groups`` or ``tags``: the id says which."""
    VIEW_ENTRY = 18
    """A directory in a view: the id says which entry, the part which view."""
    VIEW_DOCUMENT = 19
    """A document in an entry: the id says which entry, the part which view and document."""
    GROUP_LINK = 20
    """A link to a group from as many directories below the root as the part says."""
    TORRENT_LINK = 21
    """A link to a torrent, with the part as for GROUP_LINK."""
    WORD_LINK = 22
    """A link in a view that stands for a text, such as an info hash: the id is the text's number,
    the part says which view."""
    CONTENTS = 23
    """A torrent's contents.json, in mounts with data directories."""


class Address(NamedTuple):
    """What an inode number says.

    Attributes:
        kind: What the inode stands for.
        ident: The API's id of the group, torrent, category or view; 0 where there is only one.
        part: Which part of that; 0 where there is only one.
    """

    kind: Kind
    ident: int
    part: int


_KINDS: Final = tuple(Kind)
_ID_MASK: Final = MAX_ID << _PART_BITS
_FIRST: Final = 1 << KIND_SHIFT
_END: Final = len(_KINDS) << KIND_SHIFT
_ROOT: Final = Address(Kind.ROOT, 0, 0)
_new = tuple.__new__


def pack(kind: Kind, ident: int = 0, part: int = 0) -> int:
    """Give the inode number of an address.

    ``pack(Kind.ROOT)`` is 1, FUSE's number for the root (``FUSE_ROOT_ID`` in fuse_lowlevel.h);
    every other number is greater than 1 and less than 2**63.

    Raises:
        OverflowError: ``ident`` or ``part`` is negative or too large, or the root was given one.
    """
    if ident >> _ID_BITS or part >> _PART_BITS or (not kind and (ident or part)):
        raise OverflowError(f"{kind!r} cannot hold id {ident:#x} and part {part:#x}")
    # Only the root packs to 0, which the kernel takes for "no such inode".
    return kind << KIND_SHIFT | ident << _PART_BITS | part or 1


def category_inode(category: int) -> int:
    """The inode of a category's directory.

    An answer can name any number as a group's category; what no inode can hold is as good as 0, of
    which there is no directory either.
    """
    return pack(Kind.CATEGORY, category if 0 <= category <= MAX_ID else 0)


def beside(inode: int, kind: Kind) -> int:
    """Give the inode number of another kind with the same id, and of no part."""
    return kind << KIND_SHIFT | inode & _ID_MASK


def unpack(inode: int) -> Address:
    """Give the address of an inode number.

    Raises:
        ValueError: ``pack`` never makes this number.
    """
    if _FIRST <= inode < _END:
        return _new(
            Address,
            (_KINDS[inode >> KIND_SHIFT], inode >> _PART_BITS & MAX_ID, inode & MAX_PART),
        )
    if inode == 1:
        return _ROOT
    raise ValueError(f"{inode:#x} is no inode number of this tree")
