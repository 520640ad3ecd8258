"""transmission-rpc, held to what biofs allows of a library that holds a password.

transmission-rpc logs each request and answer, and at the level ERROR the whole request if the
answer is not JSON: a .torrent with the passkey is in it. So it gets a logger that logs nothing. It
ignores the environment's proxies and netrc by itself.
"""

from __future__ import annotations

import logging
from typing import Final

import requests
import transmission_rpc
from transmission_rpc.error import (
    TransmissionAuthError,
    TransmissionConnectError,
    TransmissionError,
    TransmissionTimeoutError,
)
from transmission_rpc.session import Session

from biofs.api.secrets import Secret
from biofs.contents.engines.rpc import shapes
from biofs.contents.engines.rpc.bounded import Adapter
from biofs.contents.engines.rpc.http import Address


class Client(transmission_rpc.Client):
    """A connection to a Transmission; making one asks it for its settings.

    Raises what transmission-rpc and requests raise.
    """

    def __init__(
        self, address: Address, user: str | None, password: Secret | None, timeout: float
    ) -> None:
        self._adapter: Adapter | None = Adapter(timeout)
        super().__init__(
            protocol="https" if address.scheme == "https" else "http",
            host=address.host,
            port=address.port,
            path=address.path or "/transmission/rpc",
            username=user,
            password=None if password is None else password.reveal(),
            timeout=timeout,
            logger=_silent(),
        )

    def get_session(self, timeout: float | tuple[float, float] | None = None) -> Session:
        """As the base class, whose constructor calls it first of all."""
        if self._adapter is not None:
            self._http_session.mount("http://", self._adapter)
            self._http_session.mount("https://", self._adapter)
            self._adapter = None
        session = super().get_session(timeout)
        self._rpc = shapes.integer(session.fields.get("rpc-version"))
        return session

    @property
    def is_4(self) -> bool:
        """Whether it is Transmission 4, RPC version 17: that takes labels with a new torrent."""
        return self._rpc >= 17

    def close(self) -> None:
        """Close the connection."""
        self._http_session.close()

    def __repr__(self) -> str:
        return "Client()"


def explain(error: Exception) -> str | None:
    """What an exception of transmission-rpc means, without anything of the request."""
    match error:
        case TransmissionAuthError():
            return _refused(error.original)
        case TransmissionTimeoutError() | TransmissionConnectError():
            return None
        case TransmissionError():
            return _answered(error)
        case _:
            return None


def _refused(answer: requests.Response | None) -> str:
    if answer is not None and answer.status_code == requests.codes.unauthorized:
        return (
            "it refuses the user name and password: see engine_user, then "
            "`biofs login --engine-password`, and mount again"
        )
    return "it refuses this machine: see rpc-whitelist in its settings.json"


def _answered(error: TransmissionError) -> str | None:
    answer = error.response
    said = answer.get("result") if isinstance(answer, dict) else None
    if said in _NO_TORRENT:
        return "it does not take this .torrent: versions before 4.1 know none of v2 alone"
    if said is not None:
        return "it refuses what it was asked for: see its log"
    return "it does not answer as Transmission does: is this its address?"


_NO_TORRENT: Final = ("invalid or corrupt torrent file", "unrecognized info")
"""The words of Transmission 3.00 and of 4.1."""


def _silent() -> logging.Logger:
    logger = logging.Logger("biofs.transmission")  # noqa: LOG001 - outside of the others on purpose
    logger.disabled = True
    return logger
