"""What holds for all tests."""

from __future__ import annotations

import signal

import hypothesis
import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores it, and so would every program that a test interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more of the machine than of what is tested.
hypothesis.settings.register_profile("biofs", deadline=None)
hypothesis.settings.load_profile("biofs")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no processor waits for it at the end: tests with the
    mark, then those with BitTorrent clients, which wait for these most of the time.
    """
    items.sort(key=_order)


def _order(item: pytest.Item) -> int:
    if item.get_closest_marker("long") is not None:
        return 0
    return 1 if item.path.parent.name == "swarm" else 2
