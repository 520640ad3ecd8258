"""What the tests of faults share: names of the embedded catalogue, and readers that do not lie."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from biofs.demo.accounts import DONOR_TOKEN
from tests.support.mounting import Mount, mounted

T = TypeVar("T")
CATEGORY = "categories/Sequences"
GROUP = f"{CATEGORY}/Alcohol dehydrogenase ADH1 [1]"
PATIENCE = 60.0
"""Seconds for what is bound to come. Long, because a machine may be busy; never measured."""

FAST = ("--rate", "100/0.1")
"""A pace whose penalties are tenths of seconds: its window is the first of them."""


@contextmanager
def mounting(base: Path, url: str, *options: str, name: str = "mnt") -> Iterator[Mount]:
    """A mount of a server, with a token."""
    with mounted(
        base, *("--url", url, *FAST, *options), env={"BIOFS_TOKEN": DONOR_TOKEN}, name=name
    ) as mount:
        yield mount


def failing(read: Callable[[], object]) -> int:
    """The errno with which a call fails."""
    with pytest.raises(OSError) as caught:
        read()
    assert caught.value.errno is not None
    return caught.value.errno


def patiently(read: Callable[[], T], *, also: tuple[int, ...] = ()) -> T:
    """What a call gives, asked again for as long as it says EAGAIN (or one of `also`)."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return read()
        except OSError as error:
            if error.errno not in {errno.EAGAIN, *also} or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that is bound to come."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def groups(mount: Mount, category: str = CATEGORY) -> list[Path]:
    """The groups of a category, all of them listed."""
    names = patiently(lambda: os.listdir(mount.path / category))
    return sorted(mount.path / category / name for name in names if name != "index.jsonl")
