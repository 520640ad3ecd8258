"""The embedded catalogue: some eighty groups, always the same."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain

from biofs.demo.memory import Memory
from biofs.demo.model import Group, Torrent
from biofs.demo.written.community import community
from biofs.demo.written.documented import documented
from biofs.demo.written.measures import measures
from biofs.demo.written.molecules import molecules
from biofs.demo.written.oddities import oddities
from biofs.demo.written.records import records


def embedded() -> Memory:
    """The embedded catalogue, loaded when the first group is asked for.

    Groups 1 to 60 are believable, those of the API documents among them with their ids; from 61
    on they are odd. `catalogue_oddities.DOES_NOT_ADD_UP` names the torrents whose file list and
    stated size differ.
    """
    return Memory(_groups, community())


def every_torrent() -> Iterator[Torrent]:
    """The torrents of the embedded catalogue, by group."""
    return (torrent for group in _groups() for torrent in group.torrents)


@cache
def _groups() -> Sequence[Group]:
    return tuple(chain(documented(), molecules(), measures(), records(), oddities()))
