"""What a handler costs that does not hang on the clock: SQL statements, and bytes allocated."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pyfuse3
import pytest
import trio.testing

from biofs.demo.generator import Generated
from biofs.mount.nodes import category
from biofs.tree.inodes import Kind, pack
from tests.support.inspecting import CALLER, Inspected, inspected, statements

CATEGORY = pack(Kind.CATEGORY, 1)


@pytest.fixture(autouse=True)
def replies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel takes every entry."""

    def reply(token: list[bytes], name: bytes, _attributes: object, following: int) -> bool:
        token.append(name)
        token[0] = b"%d" % following
        return True

    monkeypatch.setattr(pyfuse3, "readdir_reply", reply)


@asynccontextmanager
async def known(groups: int) -> AsyncIterator[Inspected]:
    """A mount to which a category of as many groups is known, and the details of some."""
    async with inspected(Generated(groups, 2, 20, categories=(1,))) as mount:
        await listed(mount, CATEGORY)
        for group in (1, 2, 3):
            await read(mount, pack(Kind.GROUP_JSON, group))
        await trio.testing.wait_all_tasks_blocked(0.1)
        mount.operations.forget_all()
        yield mount


async def listed(mount: Inspected, inode: int) -> int:
    """List a directory. Returns how many entries it has."""
    operations: Any = mount.operations
    handle = await operations.opendir(inode, CALLER)
    token: list[bytes] = [b"0"]
    while True:
        before = len(token)
        await operations.readdir(handle, int(token[0]), token)
        if len(token) == before:
            break
    await operations.releasedir(handle)
    return len(token) - 1


async def read(mount: Inspected, inode: int) -> bytes:
    operations: Any = mount.operations
    opened = await operations.open(inode, 0, CALLER)
    content: bytes = await operations.read(opened.fh, 0, 1 << 20)
    await operations.release(opened.fh)
    return content


async def test_a_group_costs_three_statements_and_what_is_in_it_one_each() -> None:
    async with known(60) as mount:
        group, torrent = pack(Kind.GROUP, 1), pack(Kind.TORRENT, 1)
        assert await statements(mount, lambda: listed(mount, group)) == 3
        assert await statements(mount, lambda: listed(mount, torrent)) == 0
        assert await statements(mount, lambda: listed(mount, pack(Kind.FILES, 1))) == 1
        for kind in (Kind.GROUP_JSON, Kind.DESCRIPTION):
            assert await statements(mount, lambda kind=kind: read(mount, pack(kind, 1))) == 0
        for kind in (Kind.TORRENT_JSON, Kind.MAGNET):
            assert await statements(mount, lambda kind=kind: read(mount, pack(kind, 1))) == 0
        assert await statements(mount, lambda: read(mount, pack(Kind.FILELIST, 1))) == 1


async def test_what_was_looked_at_costs_none() -> None:
    async with known(60) as mount:
        operations: Any = mount.operations
        for inode in (pack(Kind.GROUP, 2), pack(Kind.TORRENT, 3), pack(Kind.FILES, 3)):
            await listed(mount, inode)
            assert await statements(mount, lambda inode=inode: listed(mount, inode)) == 0
        parent = pack(Kind.GROUP, 2)

        async def lookups() -> None:
            for name in (b"group.json", b"comments", b".git"):
                await operations.lookup(parent, name, CALLER)

        assert await statements(mount, lookups) == 0


async def test_a_write_makes_them_be_looked_at_again() -> None:
    async with known(60) as mount:
        group = pack(Kind.GROUP, 2)
        await listed(mount, group)
        await mount.catalogue.store.write(lambda _: None)
        assert await statements(mount, lambda: listed(mount, group)) > 0


@pytest.mark.parametrize("groups", [100, 1500])
async def test_a_listing_costs_a_statement_for_512_groups(groups: int) -> None:
    async with known(groups) as mount:
        cost = await statements(mount, lambda: listed(mount, CATEGORY))
    assert cost <= groups // 512 + 8


async def test_the_same_listing_again_costs_none_for_its_entries() -> None:
    async with known(1500) as mount:
        await listed(mount, CATEGORY)
        again = await statements(mount, lambda: listed(mount, CATEGORY))
        await mount.catalogue.store.write(lambda _: None)
        after_a_write = await statements(mount, lambda: listed(mount, CATEGORY))
        mount.operations.forget_all()
        forgotten = await statements(mount, lambda: listed(mount, CATEGORY))
    portions = 4  # 1,500 groups and the end
    assert (after_a_write, forgotten) == (again + portions, again + portions)
    assert again <= 3  # whether it is complete, and what index.jsonl shows


async def allocated(mount: Inspected) -> int:
    """The most bytes that were allocated at a time while a category is listed."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        operations: Any = mount.operations
        handle = await operations.opendir(CATEGORY, CALLER)
        offset: list[int] = [0]
        taken = 0

        def reply(_token: object, _name: bytes, _attributes: object, following: int) -> bool:
            nonlocal taken
            offset[0] = following
            taken += 1
            return taken % 200 != 0  # the kernel's buffer is full now and then

        count = -1
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pyfuse3, "readdir_reply", reply)
            while count != taken:
                count = taken
                await operations.readdir(handle, offset[0], object())
        await operations.releasedir(handle)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


async def test_a_listing_holds_a_portion_and_not_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(category, "CACHE_BYTES", 0)  # beside what is kept for the next time
    async with known(600) as mount:
        few = await allocated(mount)
    async with known(2400) as mount:
        many = await allocated(mount)
    # A portion of 512 entries of some 300 bytes, the next one, and what they are made from.
    assert few < 512 * 900
    assert many < 512 * 900
