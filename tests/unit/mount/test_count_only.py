"""Who watches what, as the kernel tells it."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest

from biofs.mount.kernel import count_only
from biofs.mount.kernel.count_only import CountOnly, marks, watched_by
from biofs.tree.inodes import Kind, pack

CATEGORIES, CATEGORY = pack(Kind.CATEGORIES), pack(Kind.CATEGORY, 1)
FDINFO = b"""pos:\t0
flags:\t02004000
mnt_id:\t15
ino:\t1057
inotify wd:c ino:6030a sdev:fe00000 mask:fce ignored_mask:0 fhandle-bytes:8 f_handle:0a03
inotify wd:b ino:1400000000000000 sdev:27 mask:fce ignored_mask:0 fhandle-bytes:c f_handle:00
"""

libc = ctypes.CDLL(None, use_errno=True)


def test_fdinfo_tells_the_inodes() -> None:
    assert marks(FDINFO) == {0x6030A, CATEGORIES}
    assert marks(b"") == set()


def test_what_a_process_watches(tmp_path: Path) -> None:
    assert watched_by(os.getpid()) is None
    descriptor = libc.inotify_init1(os.O_CLOEXEC)
    try:
        assert watched_by(os.getpid()) == set()
        assert libc.inotify_add_watch(descriptor, os.fsencode(tmp_path), 0xFCE) > 0
        assert watched_by(os.getpid()) == {os.stat(tmp_path).st_ino}
    finally:
        os.close(descriptor)
    assert watched_by(2**22 + 1) is None, "no such process"


@pytest.mark.parametrize(
    ("watched", "only_counts"),
    [
        ({CATEGORIES}, True),
        ({CATEGORIES, CATEGORY}, False),
        ({pack(Kind.VIEW_ENTRY, 1, 2)}, True),
        ({pack(Kind.GROUP, 7), 2**63 + 5, 4711}, True),
        ({pack(Kind.ROOT), 2**63 + 5, 4711}, False),
        (None, False),
    ],
)
async def test_who_watches_above_and_not_the_directory_only_counts(
    monkeypatch: pytest.MonkeyPatch,
    watched: set[int] | None,
    only_counts: bool,
    autojump_clock: object,
) -> None:
    monkeypatch.setattr(count_only, "watched_by", lambda _process: watched)
    found = await CountOnly().only_counts(os.getpid(), CATEGORY, CATEGORIES)
    assert found is only_counts


async def test_who_watches_a_moment_later_shows_it(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: object
) -> None:
    answers = iter([{CATEGORIES}, {CATEGORIES, CATEGORY}])
    monkeypatch.setattr(count_only, "watched_by", lambda _process: next(answers))
    assert not await CountOnly().only_counts(os.getpid(), CATEGORY, CATEGORIES)


async def test_a_process_without_a_descriptor_is_asked_once(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: object
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(count_only, "watched_by", asked.append)
    who = CountOnly()
    assert not await who.may_count(os.getpid())
    assert not await who.may_count(os.getpid())
    assert asked == [os.getpid()]
