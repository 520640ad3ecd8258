"""Ports for servers of other programs, which are told one and take it some time later."""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from pathlib import Path


def free_port() -> int:
    """A port that nobody has, for TCP and UDP, and that the kernel gives to nobody until it is
    bound (ip(7), ip_local_port_range)."""
    ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    chosen = random.SystemRandom()
    while True:
        address = ("127.0.0.1", chosen.randrange(10_000, max(ephemeral, 20_000)))
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            suppress(OSError),
        ):
            tcp.bind(address)
            udp.bind(address)
            return address[1]
