"""What was verified is written down however a mount ends."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import trio

from biofs.contents.ledger import Ledger
from biofs.contents.library import Library
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from biofs.mount.contents import Contents
from tests.support.catalogues import Patient, running
from tests.support.lab import Lab
from tests.support.overlay import Overlay
from tests.support.torrents import BLOCK, bytes_of, make

READER = Patient()


@pytest.mark.parametrize("closed", [False, True])
async def test_files_that_are_open_when_the_mount_ends(tmp_path: Path, closed: bool) -> None:
    server: Any = None
    lab = Lab(tmp_path, Overlay(embedded()), server)
    lab.data.mkdir()
    lab.torrents.mkdir()
    files = [((b"f",), bytes_of("f", 4 * BLOCK))]
    lab.add(make(b"top", files), files)
    path = tmp_path / "contents.sqlite"
    async with running(create_app(lab.overlay)) as catalogue:
        await catalogue.groups.find_torrent(5000, READER)
        known = catalogue.index.torrent(5000)
        assert known is not None
        torrent = (await catalogue.groups.get(known.group_id, READER)).torrents[5000]
        tree = await catalogue.trees.tree(torrent)
        assert tree is not None
        library = Library([lab.data], [lab.torrents], Ledger(path), wall=lambda: time.time() + 3600)
        contents = Contents(catalogue, library, None)
        async with trio.open_nursery() as nursery:
            await nursery.start(contents.run)
            data = await contents.open(torrent, tree, len(tree) - 1, READER)
            assert await data.read_from_disk(0, 10) == files[0][1][:10]
            nursery.cancel_scope.cancel()
            if closed:
                data.close()
        contents.close()
    ledger = Ledger(path)
    [(_, _, count)] = ledger.of_torrent(bytes.fromhex(torrent.list_key))
    assert count == 1
    ledger.close()
