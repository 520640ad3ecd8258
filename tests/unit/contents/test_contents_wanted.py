"""What of the files that somebody wants is here: files of the same size are others, as a rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from biofs.contents import checking, reading
from biofs.contents.ledger import Ledger
from biofs.contents.library import Library
from biofs.contents.matching import Listed
from biofs.contents.wanted import Wanted
from biofs.tree.filelist import Entry
from biofs.tree.layout import FileTree
from biofs.tree.metainfo import parse
from biofs.tree.pieces import Piece, is_right
from tests.support import torrents
from tests.support.torrents import BLOCK, bytes_of

PIECES = 80  # more than 1 MiB: smaller files say little by their size
CONTENT = bytes_of("reads", PIECES * BLOCK)


class Case:
    """A torrent of one large file, and what lies in a directory under another name."""

    def __init__(self, base: Path, patched: pytest.MonkeyPatch) -> None:
        self.data = base / "data"
        self.data.mkdir()
        self.torrent = torrents.single(b"reads.bam", CONTENT)
        self.library = Library([self.data], [], Ledger(None))
        self.hashed = 0
        for module in (reading, checking):
            patched.setattr(module, "is_right", self._is_right)

    def _is_right(self, piece: Piece, data: bytes) -> bool:
        self.hashed += 1
        return is_right(piece, data)

    def wanted(self, there: bytes) -> Wanted:
        (self.data / "other.bam").write_bytes(there)
        metainfo = parse(self.torrent)
        assert metainfo.info_hash_v1 is not None
        tree = FileTree.build([Entry("reads.bam", len(CONTENT))], "reads.bam")
        listed = Listed(metainfo.info_hash_v1.hex().upper(), tree)
        local = self.library.add(listed, self.torrent)
        [node] = [each for each in range(len(tree)) if not tree.is_dir(each)]
        wanted = Wanted(self.library, listed, local, [node])
        while not wanted.finished:
            wanted.step(1)
        return wanted


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    return Case(tmp_path, monkeypatch)


def test_another_file_of_the_same_size_is_not_hashed_whole(case: Case) -> None:
    wanted = case.wanted(bytes_of("other", len(CONTENT)))
    assert (len(wanted.missing), len(wanted.right)) == (1, 0)
    assert case.hashed == 3


def test_a_renamed_file_is_here(case: Case) -> None:
    wanted = case.wanted(CONTENT)
    assert (len(wanted.missing), len(wanted.right)) == (0, 1)
    assert case.hashed <= PIECES + 1


def test_a_renamed_file_with_a_wrong_piece_is_looked_at_whole(case: Case) -> None:
    wanted = case.wanted(bytes(BLOCK) + CONTENT[BLOCK:])
    assert (len(wanted.missing), len(wanted.right)) == (1, 0)
    assert case.hashed >= PIECES
