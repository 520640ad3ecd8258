"""What biofs wanted of a torrent, as labels (Transmission) or tags (qBittorrent) of the torrent.

The client keeps them, so that another process, or biofs after a loss of its store, knows as well.

``biofs``
    biofs wanted something of this torrent.
``biofs: 3-5 9``
    Its owner had it before biofs. biofs has added these files, by their indexes in the metainfo, to
    what was wanted, and may drop only these again. Without any: all it wanted was wanted already.

Neither client allows commas in a label.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from biofs.contents.engines.engine import EngineError
from biofs.tree.metainfo import MOST_FILES

LABEL: Final = "biofs"
_PREFIX: Final = "biofs:"
_RANGES: Final = re.compile(r"biofs:(?: \d{1,7}(?:-\d{1,7})?)*")
LONGEST: Final = 2000
"""Characters of a label. Files that need more are wanted without being listed one by one."""
_TOO_MANY: Final = "biofs: many"


class Mark(NamedTuple):
    """What biofs has to do with a torrent."""

    wanted: bool
    """Whether biofs wanted anything of it."""
    added: frozenset[int] | None
    """The files that biofs added to its owner's; None if biofs brought the torrent itself."""
    many: bool = False
    """There were too many to list: which files are the owner's is not known."""


def too_many(client: str) -> EngineError:
    """Why nothing is cancelled of a torrent whose mark has `many`."""
    return EngineError(
        f"the torrent was in {client} before, and too many files were added to it to know them "
        f"apart: deselect them in {client}"
    )


def read(labels: Iterable[object]) -> Mark:
    """What the labels of a torrent say; those of others mean nothing.

    A torrent without any is its owner's.
    """
    texts = [label for label in labels if isinstance(label, str)]
    wanted = LABEL in texts
    records = [text for text in texts if text.startswith(_PREFIX)]
    if wanted and not records:
        return Mark(wanted=True, added=None)
    many = len(records) > 1 or any(not _is_list(text) for text in records)
    added: set[int] = set()
    if not many:
        for text in records:
            for start, stop in _ranges(text):
                added.update(range(start, stop))
    return Mark(wanted or bool(records), frozenset(added), many)


def written(labels: Iterable[object], mark: Mark) -> list[str]:
    """The labels with this mark in place of the one that is there; those of others stay."""
    kept = [label for label in labels if isinstance(label, str) and not is_own(label)]
    if not mark.wanted:
        return kept
    if mark.added is None:
        return [*kept, LABEL]
    return [*kept, LABEL, _TOO_MANY if mark.many else _record(mark.added)]


def is_own(label: str) -> bool:
    """Whether it is one of the labels that biofs gives."""
    return label == LABEL or label.startswith(_PREFIX)


def _is_list(text: str) -> bool:
    return len(text) <= LONGEST and _RANGES.fullmatch(text) is not None and _fits(text)


def _fits(text: str) -> bool:
    """Whether the ranges ascend, as they were written: others could repeat a million files."""
    before = -1
    for start, stop in _ranges(text):
        if not before < start < stop <= MOST_FILES:
            return False
        before = stop
    return True


def _ranges(text: str) -> Iterable[tuple[int, int]]:
    for part in text.removeprefix(_PREFIX).split():
        first, _, last = part.partition("-")
        yield int(first), int(last or first) + 1


def _record(indexes: Collection[int]) -> str:
    parts: list[str] = []
    start = last = -2
    for index in [*sorted(indexes), -1]:
        if index == last + 1:
            last = index
            continue
        if last >= 0:
            parts.append(f" {start}-{last}" if last > start else f" {start}")
        start = last = index
    text = _PREFIX + "".join(parts)
    return text if len(text) <= LONGEST else _TOO_MANY
