"""The layers of hashes beside the info dictionary of a torrent of v2 (BEP 52, "piece layers").

For each file longer than a piece the dictionary has only the root of its tree. The layer has the
hash of each piece: it is believed if the tree over it has that root.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from biofs.tree.bencoded import Malformed, Reader
from biofs.tree.pieces import BLOCK, NOWHERE, count, power_of_two, root
from biofs.tree.torrentfiles import Listing

_SHA256: Final = 32
_WRONG, _RIGHT = 1, 2


@dataclass(slots=True)
class Layers:
    """The value of "piece layers" and, in the order of the roots, where each stands in it.

    Attributes:
        data: The value.
        roots: The offsets of the roots, which are in order.
        layers: The offsets of the layers.
        sizes: Their bytes.
        verdicts: For each, whether it hashes to its root: 0 for not known, `_WRONG` or `_RIGHT`.
    """

    data: bytes
    roots: array[int] = field(default_factory=lambda: array("Q"))
    layers: array[int] = field(default_factory=lambda: array("Q"))
    sizes: array[int] = field(default_factory=lambda: array("Q"))
    verdicts: bytearray = field(default_factory=bytearray)

    def find(self, wanted: bytes, size: int, piece_length: int) -> int:
        """The offset of the layer of this root, of `size` bytes, if it is right; else `NOWHERE`."""
        place = bisect_left(self.roots, wanted, key=self._root)
        if place == len(self.roots) or self._root(self.roots[place]) != wanted:
            return NOWHERE
        if self.sizes[place] != size:
            return NOWHERE
        if not self.verdicts[place]:
            # Once for each layer: a million files may claim the same.
            at = self.layers[place]
            hashed = layer_root(self.data[at : at + size], piece_length)
            self.verdicts[place] = _RIGHT if hashed == wanted else _WRONG
        return self.layers[place] if self.verdicts[place] == _RIGHT else NOWHERE

    def _root(self, at: int) -> bytes:
        return self.data[at : at + _SHA256]


def read_layers(data: bytes) -> Layers | None:
    """Read "piece layers"; None if it is not what it should be, which is as good as missing."""
    reader = Reader(data)
    found = Layers(data)
    try:
        for key in reader.members():
            found.roots.append(reader.at - len(key))
            size = reader.length()
            if len(key) != _SHA256 or not size or size % _SHA256:
                return None
            found.layers.append(reader.at)
            found.sizes.append(size)
            found.verdicts.append(0)
            reader.at += size
    except Malformed:
        return None
    return found


def placed(
    layers: Layers | None, listing: Listing, raw: bytes, piece_length: int
) -> tuple[array[int], bool]:
    """For each file the offset of its layer or `NOWHERE`, and whether none is lacking."""
    places = array("Q")
    whole = True
    for length, at in zip(listing.lengths, listing.roots, strict=True):
        place = NOWHERE
        if at != NOWHERE and length > piece_length:
            size = _SHA256 * count(length, piece_length)
            if layers is not None:
                place = layers.find(raw[at : at + _SHA256], size, piece_length)
            whole = whole and place != NOWHERE
        places.append(place)
    return places, whole


def layer_root(layer: bytes, piece_length: int) -> bytes:
    """The root of a file's tree, from the hashes of its pieces."""
    return root(layer, power_of_two(len(layer) // _SHA256), _missing(piece_length))


@cache
def _missing(piece_length: int) -> bytes:
    """The hash of a piece without blocks. There are few lengths: powers of two."""
    return root(bytes(_SHA256), piece_length // BLOCK, bytes(_SHA256))
