"""What holds for all tests."""

from __future__ import annotations

import signal

import hypothesis

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores it, and so would every program that a test interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more of the machine than of what is tested.
hypothesis.settings.register_profile("biofs", deadline=None)
hypothesis.settings.load_profile("biofs")
