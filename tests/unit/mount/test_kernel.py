"""What is invalidated in the kernel when a group changes."""

from __future__ import annotations

import threading

import trio
import trio.testing

from biofs.api.models import GroupRow
from biofs.mount.kernel.invalidation import FLUSH_SECONDS, LINK_DEPTHS, KernelCache
from biofs.store.database.store import Store
from biofs.store.groups import Before, Index
from biofs.tree.inodes import Kind, pack

LINKS = {
    pack(kind, ident, depth)
    for kind, ident in ((Kind.GROUP_LINK, 1), (Kind.TORRENT_LINK, 5))
    for depth in LINK_DEPTHS
}


async def invalidated(name: str, category: int = 1) -> set[int]:
    """The inodes that the kernel forgets when group 1, called "Old", is called `name`."""
    store, forgotten = Store(None), set[int]()
    index = Index(store)
    for called in ("Old", name):
        row = {"groupId": 1, "groupName": called, "tags": [called], "torrents": [{"torrentId": 5}]}
        before = [Before(known, index.torrents_of(1)) for known in [index.group(1)] if known]
        await index.add_rows(category, [GroupRow.from_json(row)], 0.0)
    cache = KernelCache(index, lambda inode, entry: forgotten.add(inode) if entry is None else None)
    cache.group_changed(before[0], gone=False)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(cache.run)
        await trio.testing.wait_all_tasks_blocked(0.1)
        nursery.cancel_scope.cancel()
    store.close()
    return forgotten


async def test_links_to_a_group_of_another_name_lead_elsewhere() -> None:
    assert await invalidated("New") >= LINKS


async def test_links_to_a_group_of_the_same_name_stay() -> None:
    forgotten = await invalidated("Old")
    assert pack(Kind.GROUP_JSON, 1) in forgotten
    assert not forgotten & LINKS


async def test_a_category_that_no_inode_can_hold_is_no_obstacle() -> None:
    assert await invalidated("New", 2**63 - 1) >= LINKS


async def test_flush_waits_for_what_was_put_before() -> None:
    store, slow = Store(None), threading.Event()
    heard: list[int] = []

    def hear(inode: int, _entry: bytes | None) -> None:
        slow.wait()
        heard.append(inode)

    cache = KernelCache(Index(store), hear)
    cache.listing_changed(1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(cache.run)
        await trio.testing.wait_all_tasks_blocked()
        assert heard == []
        slow.set()
        await cache.flush()
        assert heard == [pack(Kind.CATEGORY, 1), pack(Kind.INDEX, 1)]
        nursery.cancel_scope.cancel()
    store.close()


async def test_a_kernel_that_does_not_listen_is_not_waited_for_for_ever(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = Store(None)
    cache = KernelCache(Index(store))
    before = trio.current_time()
    await cache.flush()
    assert trio.current_time() - before == FLUSH_SECONDS
    store.close()
