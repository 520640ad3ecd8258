"""qbittorrent-api, held to what biofs allows of a library that holds a password.

qbittorrent-api takes a key for the API from the environment, and there can be told not to check
certificates. requests takes proxies and netrc from it. None of this is what the user has set for
biofs, and each can send a password elsewhere; so all of it is switched off.

It sends each request that fails a second time, and logs in anew before: a client that is silent
would take twice as long, and get a .torrent twice. `Client` has it take every failure as final.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import qbittorrentapi
import requests
from qbittorrentapi import exceptions
from qbittorrentapi.request import QbittorrentSession

from biofs.api.secrets import Secret
from biofs.contents.engines.rpc.bounded import Adapter
from biofs.contents.engines.rpc.http import Address


class Failed(exceptions.APIError):
    """A request that is not to be repeated; its argument, if any, is the status of the answer."""


class Client(qbittorrentapi.Client):
    """A qBittorrent's Web API. It logs in when it is refused the first time.

    Raises what qbittorrent-api raises.
    """

    def __init__(
        self, address: Address, user: str | None, password: Secret | None, timeout: float
    ) -> None:
        super().__init__(
            host=address.shown,
            REQUESTS_ARGS={"timeout": timeout},
            # Else it goes on with http where https does not answer.
            FORCE_SCHEME_FROM_HOST=True,
            VERBOSE_RESPONSE_LOGGING=False,
            SIMPLE_RESPONSES=True,
        )
        # What came from the environment goes.
        self.username = user or ""
        self._password = "" if password is None else password.reveal()
        self._api_key = ""
        self._VERIFY_WEBUI_CERTIFICATE = True
        self._timeout = timeout

    @property
    def _session(self) -> QbittorrentSession:
        is_new = self._http_session is None
        session = super()._session
        if is_new:
            session.trust_env = False
            adapter = Adapter(self._timeout)
            session.mount("http://", adapter)
            session.mount("https://", adapter)
        return session

    def _request(self, *args: Any, **options: Any) -> Any:
        try:
            return super()._request(*args, **options)
        except exceptions.HTTP5XXError as error:
            raise Failed(error.http_status_code) from error
        except exceptions.APIError:
            raise
        except requests.RequestException as error:
            raise Failed from error

    def close(self) -> None:
        """Close the connection; the session at the server ends by itself."""
        self._trigger_session_initialization()

    def __repr__(self) -> str:
        return "Client()"


LOGIN_REFUSED: Final = (
    "it refuses the user name and password: see engine_user, then `biofs login --engine-password`, "
    "and mount again"
)
_BROKEN: Final = "it fails (status {}): see its log, or start it again; is this its address?"
_REFUSES: Final = "it refuses what it was asked for (status {}): is this its address?"
_REFUSALS: Final[Mapping[type[Exception], str]] = {
    exceptions.Forbidden403Error: (
        "it refuses this machine for now, after too many wrong passwords: see `Web UI` in its "
        "options, or start it again"
    ),
    exceptions.Unauthorized401Error: (
        "it refuses this address: see `host header validation` in its options, `Web UI`"
    ),
    exceptions.NotFound404Error: (
        "it does not have the torrent, or is not a qBittorrent: is this its address?"
    ),
    exceptions.UnsupportedMediaType415Error: "it does not take this .torrent",
}


def explain(error: Exception) -> str | None:
    """What an exception of qbittorrent-api means, without anything of the request."""
    if isinstance(error, exceptions.HTTPError):
        default = _REFUSES.format(error.http_status_code)
        return next((said for kind, said in _REFUSALS.items() if isinstance(error, kind)), default)
    if isinstance(error, Failed) and error.args:
        return _BROKEN.format(error.args[0])
    return LOGIN_REFUSED if isinstance(error, exceptions.LoginFailed) else None
