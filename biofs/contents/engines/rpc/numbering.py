"""Which file of a client's list is which of the metainfo.

Transmission lists every file, pad files too (its issue 3387); qBittorrent leaves pad files out and
numbers the others anew. Names can be changed in both, so the lengths decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

from biofs.tree.metainfo import Metainfo


class OtherFiles(ValueError):  # noqa: N818 - says what the client has
    """A client has other files for a torrent than its metainfo."""


def numbering(metainfo: Metainfo, lengths: Sequence[int]) -> Sequence[int]:
    """For each file that the client lists, its index in the metainfo; they ascend.

    Args:
        metainfo: Of the torrent.
        lengths: Of the client's files in its order, in bytes.

    Raises:
        OtherFiles: They are neither all files of the metainfo nor all but the pad files.
    """
    files = metainfo.files
    if len(lengths) == len(files):
        if any(file.length != length for file, length in zip(files, lengths, strict=True)):
            raise OtherFiles
        return range(len(files))
    real = list(compress(range(len(files)), (not file.pad for file in files)))
    if len(real) != len(lengths):
        raise OtherFiles
    if any(files[index].length != length for index, length in zip(real, lengths, strict=True)):
        raise OtherFiles
    return real
