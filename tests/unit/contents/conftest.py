"""Fixtures of the tests of data directories."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.unit.contents.contents_support import Clock


@pytest.fixture(autouse=True)
def _no_descriptor_is_left_open() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) <= before


@pytest.fixture
def clock() -> Clock:
    return Clock()
