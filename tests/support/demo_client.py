"""Asking the demo's server within the process, for tests of what it answers."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.applications import Starlette

from biofs.demo.accounts import DONOR_COOKIE, DONOR_TOKEN, MEMBER_TOKEN, ServerOptions
from biofs.demo.server.app import create_app
from biofs.demo.server.serve import transport
from biofs.demo.written.embedded import embedded

DONOR = {"authorization": f"Bearer {DONOR_TOKEN}"}
MEMBER = {"authorization": f"Bearer {MEMBER_TOKEN}"}
BROWSER = {"cookie": DONOR_COOKIE}


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 1_600_000_000.0

    def __call__(self) -> float:
        return self.now


def app_of(clock: Callable[[], float] | None = None, **options: Any) -> Starlette:
    """The embedded catalogue's server; `options` as in ServerOptions."""
    return create_app(embedded(), clock=clock or Clock(), options=ServerOptions(**options))


@asynccontextmanager
async def client_of(
    app: Starlette, headers: dict[str, str] = DONOR, endpoint: str = "api.php"
) -> AsyncIterator[Callable[..., Any]]:
    """A function that asks for an action and gives the response."""
    async with httpx.AsyncClient(
        transport=transport(app), base_url="http://demo", headers=headers
    ) as client:

        async def ask(action: str, **params: object) -> httpx.Response:
            shown = {name: str(value) for name, value in params.items()}
            return await client.get(f"/{endpoint}", params={"action": action, **shown})

        yield ask


async def response_of(headers: dict[str, str], action: str, **params: object) -> Any:
    """What a new server answers to one action."""
    async with client_of(app_of(), headers) as ask:
        return (await ask(action, **params)).json()["response"]


async def download(app: Starlette, headers: dict[str, str], **params: str) -> httpx.Response:
    """The answer to a download."""
    async with httpx.AsyncClient(
        transport=transport(app), base_url="http://demo", headers=headers
    ) as client:
        return await client.get("/torrents.php", params={"action": "download"} | params)
