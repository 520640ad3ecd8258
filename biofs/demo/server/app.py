"""The server: endpoints, log-in, rate limit, and the way to the actions."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from biofs.demo.accounts import ServerOptions
from biofs.demo.actions.answers import failure, not_found
from biofs.demo.actions.call import AccountState, Call
from biofs.demo.actions.registry import actions
from biofs.demo.server.auth import authenticate
from biofs.demo.server.download import download, downloader
from biofs.demo.server.ratelimit import RateLimit
from biofs.demo.server.requestlog import LoggedRequest, RequestLog, without_secrets
from biofs.demo.source import Source


def create_app(
    source: Source,
    *,
    clock: Callable[[], float] = time.time,
    options: ServerOptions | None = None,
) -> Starlette:
    """An ASGI application that answers like the server, from `source`.

    `clock` tells the seconds since the epoch: for the rate limit and the log. The log of all
    requests, a `RequestLog`, is `app.state.log`. What requests change (read marks, cleared
    notifications, rate limits) lives as long as the application.
    """
    server = _Server(source, clock, options or ServerOptions())
    app = Starlette(
        routes=[
            Route(f"/{server.options.endpoint}", server.api, methods=["GET", "POST"]),
            Route("/torrents.php", server.torrents, methods=["GET"]),
        ],
        exception_handlers={404: _no_such_page},
    )
    app.state.log = server.log
    return app


async def _no_such_page(_request: Request, _error: Exception) -> Response:
    return not_found()


class _Server:
    def __init__(self, source: Source, clock: Callable[[], float], options: ServerOptions) -> None:
        self.options = options
        self.log = RequestLog()
        self._source = source
        self._clock = clock
        self._actions = actions(newer_server=options.newer_server, release=options.release)
        self._rate_limit = RateLimit(options.window, options.burst)
        self._states: defaultdict[int, AccountState] = defaultdict(AccountState)

    async def api(self, request: Request) -> Response:
        """The JSON API."""
        now = self._clock()
        params = dict(request.query_params)
        found = authenticate(request, self.options)
        if isinstance(found, Response):
            self._note(request, params, now, None)
            return found
        account, by_cookie = found
        limited = account.limited and self.options.rate_limit
        refused = limited and not self._rate_limit.allows(account.user_id, now)
        self._note(request, params, now, account.name, refused=refused)
        if refused:
            status = 400 if self.options.newer_server else 200
            return failure("rate limit exceeded", status=status)
        action = self._actions.get(params.get("action", ""))
        if action is None:
            return failure("bad parameters")
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        state = self._states[account.user_id]
        return action(Call(self._source, account, by_cookie, params, form, now, state))

    async def torrents(self, request: Request) -> Response:
        """The site's torrent page, of which only the download is there."""
        params = dict(request.query_params)
        account = downloader(request, params, self.options)
        self._note(request, params, self._clock(), account.name if account else None)
        if params.get("action") != "download":
            return not_found()
        return download(self._source, params, account)

    def _note(
        self,
        request: Request,
        params: Mapping[str, str],
        now: float,
        account: str | None,
        *,
        refused: bool = False,
    ) -> None:
        self.log.add(
            LoggedRequest(
                time=now,
                method=request.method,
                path=request.url.path,
                action=params.get("action", ""),
                params=without_secrets(params),
                account=account,
                refused=refused,
            )
        )
