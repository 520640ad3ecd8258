"""`here/` without a mount: who waits for a look at the disks, and who does not."""

from __future__ import annotations

import errno
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from biofs.catalogue.catalogue import Catalogue
from biofs.contents.disk import beneath
from biofs.contents.ledger import Ledger
from biofs.contents.library import Library
from biofs.demo.data import lay_out
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded, every_torrent
from biofs.mount.contents import Contents
from biofs.mount.entries import Listed
from biofs.mount.views import here, registry
from biofs.mount.views.base import LinkNodes
from biofs.mount.views.here import HereView
from biofs.store import tops
from biofs.tree.inodes import Address, Kind, unpack
from biofs.tree.views import BY_PATH
from tests.support.catalogues import Patient, running

HERE = Address(Kind.VIEW, BY_PATH["here"].number, 0)
PHI = "The sequence of bacteriophage φX174 - GenBank, Sanger, Genome [2]".encode()
KRATOM = b"Final peer review - PDF, Literature, Value [7]"


class Case:
    """The view, and what it stands on."""

    def __init__(self, catalogue: Catalogue, library: Library, view: HereView) -> None:
        self.catalogue = catalogue
        self.library = library
        self.view = view

    async def know(self, *groups: int) -> None:
        for group in groups:
            await self.catalogue.groups.get(group, Patient())

    async def entries(self) -> list[Listed]:
        listing = await self.view.opendir(HERE, Patient())
        found: list[Listed] = []
        while portion := await listing.portion(
            found[-1].next if found else 0, Patient(), wait=True
        ):
            found += portion
        return found

    async def names(self) -> list[bytes]:
        return [entry.name for entry in await self.entries()]

    async def finds(self, name: bytes) -> bool:
        return await self.view.lookup(HERE, name, Patient()) is not None


@asynccontextmanager
async def viewed(path: Path) -> AsyncIterator[Case]:
    """`here/` of the embedded catalogue with the data in a directory, which need not be there."""
    async with running(create_app(embedded())) as catalogue:
        library = Library([path], [], Ledger(None))
        contents = Contents(catalogue, library, None)
        views = registry.all_views(
            catalogue, LinkNodes(catalogue), account=False, contents=contents
        )
        [view] = [view for view in views if isinstance(view, HereView)]
        async with trio.open_nursery() as nursery:
            await nursery.start(contents.run)
            yield Case(catalogue, library, view)
            nursery.cancel_scope.cancel()
        contents.close()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data")
    lay_out(every_torrent(), path, None)
    return path


async def test_what_is_known_and_here_is_listed(data: Path) -> None:
    async with viewed(data) as case:
        assert await case.names() == []
        await case.know(2, 7)
        entries = await case.entries()
        assert [entry.name for entry in entries] == [PHI, KRATOM]
        assert [unpack(entry.inode) for entry in entries] == [
            Address(Kind.TORRENT_LINK, 2, 1),
            Address(Kind.TORRENT_LINK, 7, 1),
        ]
        assert await case.names() == [PHI, KRATOM]


async def test_no_file_is_opened(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr(beneath, "_reopen", opened.append)
    async with viewed(data) as case:
        await case.know(2, 7)
        assert await case.names() == [PHI, KRATOM]
        assert opened == []
        with pytest.raises(TypeError):  # nothing was opened: this is how it would be
            case.library.directories[0].open((b"phiX174", b"NC_001422.1.fasta"))
        assert len(opened) == 1


async def test_names_are_looked_up_by_what_the_last_listing_had(data: Path) -> None:
    async with viewed(data) as case:
        await case.know(2, 3, 4)
        assert await case.finds(PHI), "nothing was listed: it may be here"
        assert len(await case.names()) == 2
        assert await case.finds(PHI)
        others = (b"[2]", b" [2]", b"x [2]", PHI + b" ", PHI.replace(b"[2]", b"[3]"), b"\xff [2]")
        for name in (*others, b"nothing", b"x [99999999]", b"x [" + b"9" * 200 + b"]", KRATOM):
            assert not await case.finds(name), name
        [group] = [case.catalogue.index.group(4)]
        assert group is not None
        for torrent in case.catalogue.index.torrents_of(4):
            name = here.names.torrent_of_group(group.name, torrent.name)
            assert not await case.finds(name.encode()), "it is known, and nothing of it is here"


async def test_many_are_listed_in_portions(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with viewed(data) as case:
        await case.know(2, 3, 7)
        whole = await case.names()
        assert len(whole) == 3
        monkeypatch.setattr(here, "_PORTION", 1)
        assert await case.names() == whole
        monkeypatch.setattr(here, "_AT_ONCE", 1)
        await case.know(1)
        assert len(await case.names()) == 4


async def test_a_look_is_shared_and_the_disk_is_not_asked_in_the_loop(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    real = tops.read

    def reading(connection: sqlite3.Connection) -> list[tops.Top]:
        looks.append(threading.get_ident())
        return real(connection)

    monkeypatch.setattr(tops, "read", reading)
    async with viewed(data) as case:
        await case.know(2)
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(case.names)
        assert await case.names() == [PHI]
        assert len(looks) == 1
        assert threading.get_ident() not in looks


async def test_a_disk_that_does_not_answer_keeps_nobody_waiting(
    data: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    answers = threading.Event()
    try:
        async with viewed(data) as case:
            await case.know(2)
            assert await case.names() == [PHI]
            real = case.library.tops.check
            monkeypatch.setattr(case.library.tops, "check", lambda: answers.wait() and real())
            before = trio.current_time()
            assert await case.names() == [PHI], "what was known before"
            assert trio.current_time() - before <= 1.5
            assert await case.finds(PHI)
        # Leaving the context does not wait for the disk either.
    finally:
        answers.set()


async def test_the_first_look_is_waited_for_but_not_by_lookups(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    try:
        async with viewed(data) as case:
            await case.know(2)
            real = case.library.tops.check
            monkeypatch.setattr(case.library.tops, "check", lambda: answers.wait() and real())
            with trio.move_on_after(0.2) as scope:
                await case.names()
            assert scope.cancelled_caught
            assert await case.finds(PHI)
            assert not await case.finds(b"x [2]")
            answers.set()
            assert await case.names() == [PHI], "the look went on"
    finally:
        answers.set()


async def test_a_store_that_fails_is_an_error_at_first_and_later_changes_nothing(
    data: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(_connection: sqlite3.Connection) -> list[tops.Top]:
        raise sqlite3.OperationalError("disk I/O error")

    async with viewed(data) as case:
        with monkeypatch.context() as patch:
            patch.setattr(tops, "read", failing)
            with pytest.raises(OSError, match="Input/output") as raised:
                await case.names()
            assert raised.value.errno == errno.EIO
        await case.know(2)
        assert await case.names() == [PHI]
        await case.know(7)
        with monkeypatch.context() as patch:
            patch.setattr(tops, "read", failing)
            assert await case.names() == [PHI]
        assert await case.names() == [PHI, KRATOM]
    assert "disk I/O error" in caplog.text


async def test_a_directory_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    async with viewed(tmp_path / "nowhere") as case:
        await case.know(2)
        assert await case.names() == []
