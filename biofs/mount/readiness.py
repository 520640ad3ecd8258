"""Telling the service manager how it goes: the protocol of sd_notify(3), without its library."""

from __future__ import annotations

import logging
import os
import socket
from typing import Final

log = logging.getLogger(__name__)

VARIABLE: Final = "NOTIFY_SOCKET"


def tell(what: str) -> None:
    """Send a line such as `READY=1`, if somebody waits for them; never waits, never fails."""
    address = os.environ.get(VARIABLE, "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):  # an abstract address: unix(7)
        address = f"\0{address[1:]}"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            sender.sendto(what.encode(), address)
    except OSError as error:
        log.warning("the service manager was not told: %s", error)
