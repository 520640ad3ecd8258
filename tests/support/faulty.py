"""A server that misbehaves on command, in front of one that does not."""

from __future__ import annotations

import json
import threading
from typing import Any

import trio
from starlette.types import ASGIApp, Receive, Scope, Send


class Holding:
    """Holds requests back, unanswered, while `hold` is set; counts those it holds.

    It lets `passing` requests through before it holds one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.state = app.state  # type: ignore[attr-defined]
        self.hold = threading.Event()
        self.held = 0
        self.passing = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http" and self.hold.is_set() and self.passing:
            self.passing -= 1
        elif scope["type"] == "http" and self.hold.is_set():
            self.held += 1
            while self.hold.is_set():
                await trio.sleep(0.01)
        await self._app(scope, receive, send)


class Saying:
    """Answers everything with the same status, headers and body while `body` is not None."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.state = app.state  # type: ignore[attr-defined]
        self.status = 200
        self.headers: list[tuple[bytes, bytes]] = [(b"content-type", b"application/json")]
        self.body: bytes | None = None
        self.count = 0

    def say(self, status: int, body: bytes, **headers: str) -> None:
        """From now on answer so."""
        self.status = status
        self.headers = [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ]
        self.body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http" or self.body is None:
            await self._app(scope, receive, send)
            return
        self.count += 1
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


class Chattering:
    """Writes something before and behind every body; `before` and `after` may be changed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.state = app.state  # type: ignore[attr-defined]
        self.before = b""
        self.after = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""

        async def chatter(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    (name, value)
                    for name, value in message["headers"]
                    if name.lower() != b"content-length"
                ]
            elif not message.get("more_body"):
                message["body"] = self.before + message.get("body", b"") + self.after
            await send(message)

        await self._app(scope, receive, chatter)


class Moving:
    """Answers below another path, and redirects there from everywhere else."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app = app
        self._path = path
        self.state = app.state  # type: ignore[attr-defined]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"].startswith(self._path):
            await self._app(
                {**scope, "path": scope["path"].removeprefix(self._path)}, receive, send
            )
        else:
            where = self._path + scope["path"] + "?" + scope["query_string"].decode()
            headers = [(b"location", where.encode())]
            await send({"type": "http.response.start", "status": 301, "headers": headers})
            await send({"type": "http.response.body", "body": b""})


LISTS = ("authors", "tags", "torrents")


class Gapped:
    """Writes the lists of groups and torrents as PHP writes those whose keys have gaps."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.state = app.state  # type: ignore[attr-defined]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""

        async def gapped(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    (name, value)
                    for name, value in message["headers"]
                    if name.lower() != b"content-length"
                ]
            else:
                message["body"] = json.dumps(_gapped(json.loads(message["body"]))).encode()
            await send(message)

        await self._app(scope, receive, gapped if scope["type"] == "http" else send)


def _gapped(value: Any) -> Any:
    if isinstance(value, list):
        return [_gapped(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: {str(3 * n + 1): _gapped(each) for n, each in enumerate(inner)}
        if name in LISTS and isinstance(inner, list)
        else _gapped(inner)
        for name, inner in value.items()
    }
