"""Ways to reach the demo's server: a socket, or an httpx transport within the process."""

import socket
from typing import cast

import httpx
import trio
from hypercorn.config import Config
from hypercorn.trio import serve as hypercorn_serve
from hypercorn.typing import ASGIFramework
from starlette.applications import Starlette


async def serve(
    app: Starlette,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    task_status: trio.TaskStatus[tuple[str, int]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; the started value is the host and port actually bound.

    For `nursery.start`. Port 0 lets the system choose. Connections are cut on cancellation.
    Raises OSError where the address cannot be bound.
    """
    # Bound here, so that a failure is a plain OSError and not a group from hypercorn's nurseries.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    address = listener.getsockname()[:2]
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.accesslog = config.errorlog = None
    config.graceful_timeout = 0
    await hypercorn_serve(
        cast("ASGIFramework", app),
        config,
        mode="asgi",
        task_status=_Bound(address, task_status),
    )


class _Bound:
    """Tells the address bound where hypercorn would tell its own notation of it."""

    def __init__(
        self, address: tuple[str, int], task_status: trio.TaskStatus[tuple[str, int]]
    ) -> None:
        self._address = address
        self._task_status = task_status

    def started(self, _binds: list[str] | None = None) -> None:
        self._task_status.started(self._address)


def transport(app: Starlette) -> httpx.ASGITransport:
    """A transport that hands an httpx client's requests to the application in the same process."""
    return httpx.ASGITransport(app)
