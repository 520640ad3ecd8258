"""The server of 2023-08-18, which speaks JSON:API and lists nothing.

What the API of the releases before had is not found, or a web page. Held to recorded answers by the
contract test.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from biofs.demo.accounts import Account, ServerOptions
from biofs.demo.actions.answers import log_in_page
from biofs.demo.server.requestlog import LoggedRequest, RequestLog, without_secrets

_TYPE = "application/vnd.api+json; charset=utf-8"
_METHODS = ["GET", "POST"]


def create_app(
    *, clock: Callable[[], float] = time.time, options: ServerOptions | None = None
) -> Starlette:
    """An ASGI application; the parameters and `app.state.log` are those of `app.create_app`."""
    server = _Server(clock, options or ServerOptions())
    app = Starlette(
        routes=[
            Route("/api/groups/browse", server.browse, methods=["POST"]),
            Route("/api/groups/{id:int}", server.group, methods=["GET"]),
            Route("/api.php", server.unknown, methods=_METHODS),
            Route("/api/{rest:path}", server.unknown, methods=_METHODS),
            Route("/ajax.php", server.site, methods=_METHODS),
            Route("/torrents.php", server.site, methods=_METHODS),
        ]
    )
    app.state.log = server.log
    return app


class _Server:
    def __init__(self, clock: Callable[[], float], options: ServerOptions) -> None:
        self.log = RequestLog()
        self._clock = clock
        self._options = options

    async def browse(self, request: Request) -> Response:
        """Nothing, whatever is searched for: the server does not use what it finds."""
        refusal = self._refusal(request)
        return refusal or _answer({"data": []}, count=0)

    async def group(self, request: Request) -> Response:
        """Never a group."""
        return self._refusal(request) or _errors("not implemented", 400)

    async def unknown(self, request: Request) -> Response:
        """Whatever else there may be."""
        return self._refusal(request) or _errors("not found", 404)

    async def site(self, request: Request) -> Response:
        """The site's pages, to whom it does not know: the login page."""
        self._note(request, None)
        return log_in_page()

    def _refusal(self, request: Request) -> Response | None:
        header = request.headers.get("authorization")
        scheme, _, token = (header or "").partition(" ")
        account = self._options.tokens.get(token)
        self._note(request, account)
        if header is None:
            return _errors("no authorization header present", 401)
        if scheme != "Bearer" or not token:
            return _errors("invalid authorization header format", 401)
        return _errors("invalid token", 401) if account is None else None

    def _note(self, request: Request, account: Account | None) -> None:
        params = dict(request.query_params)
        self.log.add(
            LoggedRequest(
                time=self._clock(),
                method=request.method,
                path=request.url.path,
                action=params.get("action", ""),
                params=without_secrets(params),
                account=account.name if account else None,
                refused=False,
            )
        )


def _errors(words: str, status: int) -> Response:
    return _answer({"errors": words}, count=1, status=status)


def _answer(top: Mapping[str, Any], *, count: int, status: int = 200) -> Response:
    meta = {"id": "6b080d4c7c32c", "count": count}
    body = {**top, "jsonapi": {"version": "1.1"}, "meta": meta}
    return Response(orjson.dumps(body), status, headers={"content-type": _TYPE})
