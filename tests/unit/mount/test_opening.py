"""An open document that is known is made when it is read: the kernel often has it already."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pyfuse3
import pytest
import trio
import trio.testing

from biofs.catalogue import groups
from biofs.catalogue.caller import Caller
from biofs.demo.generator import Generated
from biofs.store import details
from biofs.store.database.store import Store
from biofs.store.detail_rows import StoredAnswer, decode
from biofs.store.details import Detail
from biofs.tree.inodes import Kind, pack
from tests.support.inspecting import CALLER, Inspected, inspected, statements

GROUP_JSON = pack(Kind.GROUP_JSON, 1)
ALL = (
    GROUP_JSON,
    pack(Kind.DESCRIPTION, 1),
    pack(Kind.TORRENT_JSON, 1),
    pack(Kind.FILELIST, 1),
    pack(Kind.MAGNET, 1),
)


@asynccontextmanager
async def known(files: int = 20) -> AsyncIterator[Inspected]:
    """A mount to which the details of two groups are known."""
    async with inspected(Generated(2, 2, files, categories=(1,))) as mount:
        operations: Any = mount.operations
        handle = await operations.opendir(pack(Kind.CATEGORY, 1), CALLER)
        await operations.releasedir(handle)
        for group in (1, 2):
            await read(mount, await opened(mount, pack(Kind.GROUP_JSON, group)))
        yield mount


async def opened(mount: Inspected, inode: int) -> int:
    operations: Any = mount.operations
    handle: int = (await operations.open(inode, 0, CALLER)).fh
    return handle


async def read(mount: Inspected, handle: int, offset: int = 0) -> bytes:
    operations: Any = mount.operations
    content: bytes = await operations.read(handle, offset, 1 << 20)
    return content


def asked(mount: Inspected) -> int:
    count: int = mount.app.state.log.count()
    return count


async def give_up_details(store: Store) -> None:
    """As if others had needed the room."""
    await store.write(lambda connection: connection.execute("DELETE FROM details"))


@pytest.mark.parametrize("inode", ALL)
async def test_opening_makes_nothing(inode: int) -> None:
    async with known() as mount:
        whole = await read(mount, await opened(mount, inode))
        mount.catalogue.groups.forget_all()
        handle = 0

        async def open_it() -> None:
            nonlocal handle
            handle = await opened(mount, inode)

        async def read_it() -> None:
            assert await read(mount, handle) == whole

        assert await statements(mount, open_it) == 0
        assert await statements(mount, read_it) > 0
        assert mount.operations.open_handles == 2 + 1 + 1
        await mount.operations.release(pyfuse3.FileHandleT(handle))
        assert mount.operations.open_handles == 2 + 1


async def test_what_is_closed_unread_was_never_made() -> None:
    async with known() as mount:
        operations = mount.operations
        before = operations.open_handles, mount.catalogue.groups.served
        handle = await opened(mount, GROUP_JSON)
        await operations.release(pyfuse3.FileHandleT(handle))
        assert (operations.open_handles, mount.catalogue.groups.served) == before


@pytest.mark.parametrize("inode", ALL)
async def test_what_was_given_up_meanwhile_is_fetched_by_whoever_reads(inode: int) -> None:
    async with known() as mount:
        whole = await read(mount, await opened(mount, inode))
        handle = await opened(mount, inode)
        await give_up_details(mount.catalogue.store)
        mount.catalogue.forget_all()
        before = asked(mount)
        assert await read(mount, handle) == whole
        assert asked(mount) == before + 1
        assert await read(mount, handle, 10) == whole[10:]
        assert asked(mount) == before + 1


@pytest.mark.parametrize("name", [b"torrent.json", b"filelist.jsonl", b"magnet.txt"])
@pytest.mark.parametrize("read_before", [False, True])
async def test_what_is_open_keeps_its_size_when_it_is_given_up(
    name: bytes, *, read_before: bool
) -> None:
    # With another size the kernel gives zeros to who reads while somebody else lists.
    async with known() as mount:
        operations: Any = mount.operations
        torrent = pack(Kind.TORRENT, 1)
        entry = await operations.lookup(torrent, name, CALLER)
        inode, size, keep = entry.st_ino, entry.st_size, entry.attr_timeout
        assert keep > 0
        handle = await opened(mount, inode)
        if read_before:
            assert len(await read(mount, handle)) == size
        await give_up_details(mount.catalogue.store)
        mount.catalogue.forget_all()
        mount.operations.forget_all()
        entry = await operations.lookup(torrent, name, CALLER)
        assert (entry.st_size, entry.attr_timeout) == (size, 0)


async def test_a_document_that_was_fetched_to_be_opened_keeps_its_size_as_well() -> None:
    async with known() as mount:
        operations: Any = mount.operations
        await give_up_details(mount.catalogue.store)
        mount.catalogue.forget_all()
        mount.operations.forget_all()
        torrent, inode = pack(Kind.TORRENT, 1), pack(Kind.FILELIST, 1)
        assert (await operations.lookup(torrent, b"filelist.jsonl", CALLER)).attr_timeout == 0
        size = len(await read(mount, await opened(mount, inode)))
        await give_up_details(mount.catalogue.store)
        mount.catalogue.forget_all()
        mount.operations.forget_all()
        entry = await operations.lookup(torrent, b"filelist.jsonl", CALLER)
        assert (entry.st_size, entry.attr_timeout) == (size, 0)


async def test_what_was_given_up_before_is_fetched_by_whoever_opens() -> None:
    async with known() as mount:
        await give_up_details(mount.catalogue.store)
        mount.catalogue.forget_all()
        before = asked(mount)
        handle = await opened(mount, GROUP_JSON)
        assert asked(mount) == before + 1
        await read(mount, handle)
        assert asked(mount) == before + 1


@pytest.mark.parametrize("inode", ALL)
async def test_readers_at_the_same_time_read_the_same(inode: int) -> None:
    """A list of 3,000 files is long: it is made in a thread, and the second reader is there before
    it is done."""
    async with known(3_000) as mount:
        handle = await opened(mount, inode)
        found: list[bytes] = []

        async def one() -> None:
            found.append(await read(mount, handle))

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(one)
        assert len(set(found)) == 1
        assert len(found) == 3
        await mount.operations.release(pyfuse3.FileHandleT(handle))
        mount.catalogue.forget_all()


async def test_who_was_closed_while_it_was_made_learns_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async with known() as mount:
        handle = await opened(mount, GROUP_JSON)
        get, gate = mount.catalogue.groups.get, trio.Event()
        await give_up_details(mount.catalogue.store)  # what is known nobody waits for
        mount.catalogue.groups.forget_all()

        async def slow(group_id: int, caller: Caller) -> Detail:
            await gate.wait()
            return await get(group_id, caller)

        monkeypatch.setattr(mount.catalogue.groups, "get", slow)

        async def reading() -> None:
            with pytest.raises(pyfuse3.FUSEError) as caught:
                await read(mount, handle)
            assert caught.value.errno == errno.EBADF

        async with trio.open_nursery() as nursery:
            nursery.start_soon(reading)
            await trio.testing.wait_all_tasks_blocked()
            await mount.operations.release(pyfuse3.FileHandleT(handle))
            gate.set()


@pytest.mark.parametrize("torrents", [1, 200])
async def test_an_answer_is_decoded_once_for_all_documents_that_it_makes(
    torrents: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "PASSING_BYTES", 64 << 10)  # less than the larger one takes
    async with inspected(Generated(2, torrents, 1, categories=(1,))) as mount:
        operations: Any = mount.operations
        handle = await operations.opendir(pack(Kind.CATEGORY, 1), CALLER)
        await operations.releasedir(handle)
        await read(mount, await opened(mount, GROUP_JSON))
        mount.operations.forget_all()
        decoded: list[bytes] = []

        def counted(answer: bytes) -> StoredAnswer:
            decoded.append(answer)
            return decode(answer)

        monkeypatch.setattr(details, "decode", counted)
        kinds = (Kind.TORRENT_JSON, Kind.FILELIST, Kind.MAGNET)
        detail = mount.catalogue.groups.at_hand(1)
        assert detail is not None
        for inode in (
            *(GROUP_JSON, pack(Kind.DESCRIPTION, 1)),
            *(pack(kind, torrent) for torrent in detail.torrents for kind in kinds),
        ):
            await read(mount, await opened(mount, inode))
        assert len(decoded) == 1
