"""Which entries of a long listing reach the kernel with an inode, and which as names alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pyfuse3
import pytest

from biofs.demo.generator import Generated
from biofs.mount.attributes import DIRECTORY, KEEP, Attributes
from biofs.mount.kernel import names_only
from biofs.mount.kernel.names_only import without_inode
from biofs.tree.inodes import Kind, pack
from tests.support.catalogues import Patient
from tests.support.inspecting import CALLER, Inspected, inspected

CATEGORY = pack(Kind.CATEGORY, 1)
GROUPS, REPLY, FIRST, AHEAD = 600, 20, 100, 200

Given = list[tuple[bytes, int]]
"""Names that the kernel was given, and the inode of each, 0 for none."""


@pytest.fixture(autouse=True)
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    """A listing is long from 100 entries on; the kernel takes 20 at a time."""
    given: Given = []

    def reply(token: list[int], name: bytes, attributes: Any, following: int) -> bool:
        if len(token) == REPLY:
            return False
        token.append(following)
        given.append((name, attributes.st_ino))
        return True

    monkeypatch.setattr(pyfuse3, "readdir_reply", reply)
    monkeypatch.setattr(names_only, "FIRST", FIRST)
    monkeypatch.setattr(names_only, "LOOKED_AHEAD", AHEAD)
    monkeypatch.setattr(names_only, "PROBES_APART", 2 * REPLY)
    return given


@asynccontextmanager
async def known() -> AsyncIterator[Inspected]:
    """A mount to which all groups of a category are known."""
    async with inspected(Generated(GROUPS, 1, 1, categories=(1,))) as mount:
        await mount.catalogue.listings.listed(1, Patient())
        yield mount


async def read(mount: Inspected, given: Given, *, looks: bool, directory: int = CATEGORY) -> int:
    """Read the category; with `looks`, look up what has no inode after each reply.

    Returns how many lookups that took.
    """
    operations: Any = mount.operations
    handle, looked = await operations.opendir(CATEGORY, CALLER), 0
    offset, seen = 0, 0
    while True:
        token: list[int] = []
        await operations.readdir(handle, offset, token)
        if not token:
            break
        offset = token[-1]
        for name, inode in given[seen:]:
            if looks and not inode and name not in {b".", b".."}:
                await operations.lookup(directory, name, CALLER)
                looked += 1
        seen = len(given)
    await operations.releasedir(handle)
    assert len(given) == GROUPS + 3  # and ".", ".." and index.jsonl
    return looked


def bare(given: Given) -> list[int]:
    """Where there are names without an inode."""
    return [place for place, (_, inode) in enumerate(given) if not inode]


async def test_names_that_nobody_looks_at_have_no_inode_from_some_number_on(given: Given) -> None:
    async with known() as mount:
        await read(mount, given, looks=False)
    probes = list(range(FIRST, AHEAD, 2 * REPLY))
    assert bare(given) == [*probes, *range(AHEAD, GROUPS + 3)]


async def test_a_reader_that_looks_at_names_is_given_inodes_to_the_end(given: Given) -> None:
    async with known() as mount:
        looked = await read(mount, given, looks=True)
    assert bare(given) == list(range(FIRST, GROUPS + 3, 2 * REPLY))
    assert looked == len(bare(given))


async def test_lookups_elsewhere_say_nothing(given: Given) -> None:
    async with known() as mount:
        await read(mount, given, looks=True, directory=pack(Kind.CATEGORY, 2))
    assert bare(given)[-GROUPS + AHEAD :] == list(range(AHEAD + 3, GROUPS + 3))


async def test_nothing_is_held_of_a_listing_that_is_closed(given: Given) -> None:
    async with known() as mount:
        await read(mount, given, looks=True)
        assert mount.operations._long_listings._reading == {}


async def test_other_ways_of_setting_an_inode_number_are_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert without_inode() is not None

    class Once:
        """As another pyfuse3 might do it: the number is taken once."""

        def __setattr__(self, name: str, value: Any) -> None:
            self.__dict__[name] = int(value)

    monkeypatch.setattr(pyfuse3, "EntryAttributes", Once)
    assert without_inode() is None
    attributes = Attributes(0, 0)
    assert attributes.fill_name((7, DIRECTORY, 0, 0, KEEP)).st_ino == 7
