"""The libtorrent engine counts files and pieces of every torrent as biofs itself does."""

from __future__ import annotations

import libtorrent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.contents.engines.daemon.layout import Layout
from biofs.tree import metainfo
from tests.support.torrents import BLOCK, Kind, make

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SIZES = st.one_of(
    st.sampled_from((0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK)), st.integers(0, 5 * BLOCK)
)


@given(
    sizes=st.lists(SIZES, min_size=1, max_size=8).filter(any),
    kind=st.sampled_from(("v1", "v2", "hybrid")),
    factor=st.sampled_from((1, 2, 4)),
)
def test_files_and_pieces_are_counted_as_in_the_metainfo(
    sizes: list[int], kind: Kind, factor: int
) -> None:
    files = [((b"dir%d" % (at % 3), b"%d" % at), bytes(size)) for at, size in enumerate(sizes)]
    torrent = make(b"name", files, piece_length=factor * BLOCK, kind=kind)
    info = libtorrent.load_torrent_buffer(torrent).ti
    found = Layout(info)
    expected = metainfo.parse(torrent)
    assert found.files == len(expected.files)
    real = [at for at, file in enumerate(expected.files) if not file.pad]
    for index, file in enumerate(expected.files):
        assert found.file_size(index) == file.length
    for index in real:
        length = expected.files[index].length
        pieces = expected.pieces(index, 0, length).indexes if length else range(0)
        assert found.of_file(index) == pieces
    # All that libtorrent has of every file is counted for that file, and taken off if pending.
    libtorrents = info.files()
    sizes_there = [libtorrents.file_size(at) for at in range(libtorrents.num_files())]
    done = found.done(sizes_there, ())
    assert [done[at] for at in real] == [expected.files[at].length for at in real]
    none = found.done(sizes_there, range(found.pieces))
    assert [none[at] for at in real] == [0] * len(real)
