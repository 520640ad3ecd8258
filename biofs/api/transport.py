"""Requests over HTTP: one task owns the connections, everyone else waits for events."""

import logging
import socket
import ssl
from collections.abc import AsyncIterable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import cast
from urllib.parse import urlencode

import httpx
import trio

from biofs.api.envelope import (
    ActionUnknown,
    EndpointMissing,
    Reply,
    interpret,
    parse_date,
    parse_retry_after,
)
from biofs.api.errors import (
    ApiError,
    BadAnswer,
    BadRequest,
    DialectChanged,
    Moved,
    NotFound,
    OtherApi,
    ServerFault,
    StaleConnection,
    TimedOut,
    TokenMissing,
    TokensRefused,
    Unreachable,
)
from biofs.api.http import (
    BodyMalformed,
    BodyTooLarge,
    LargeBodies,
    ThroughClient,
    Trace,
    create_clients,
    read_body,
)
from biofs.api.requests import Answer, Credentials, Request
from biofs.api.secrets import Secret
from biofs.api.server import Dialects, normalise_base_url

__all__ = ["Transport", "normalise_base_url"]

log = logging.getLogger(__name__)

# Larger bodies are decoded in a thread; a browse page (60 kB) takes half a millisecond in place.
_DECODED_IN_PLACE = 128 * 1024

# What httpcore says when the connection ends before the answer does; other protocol errors are
# answers that are not HTTP.
_BROKEN_OFF = ("disconnected", "closed connection")

_NO_TOKENS = "this server takes no tokens, as release 0.1.3 does not: it needs BIOFS_COOKIE"
_NO_API = (
    "there is no API at this URL: neither api.php nor ajax.php, "
    "which releases of the server after 0.1.3 do not have any more"
)

_LONGEST_CHAIN = 16  # of causes: httpx, httpcore, trio and ssl each add one or two


class _Job:
    """A request under way; `outcome` is there once `done` is set."""

    def __init__(self, request: Request, arrived: Callable[[], None] | None, *, anew: bool) -> None:
        self.request = request
        self.anew = anew
        self.done = trio.Event()
        self.outcome: Answer | ApiError | None = None
        self._arrived = arrived

    def arrived(self) -> None:
        if self._arrived is not None:
            call, self._arrived = self._arrived, None
            call()

    def finish(self) -> None:
        if self.outcome is None:
            self.outcome = Unreachable(self.request.action, "the client has stopped")
        try:
            self.arrived()
        finally:
            self.done.set()


class Transport:
    """Sends requests to one server for one user and interprets what comes back.

    `run` must be running for `send` to work. A request under way is never cancelled by its sender
    going away: that would break off a connection, and the server has counted it already. `parallel`
    requests are under way at most, more wait; of large answers one at a time is read. Times are in
    seconds; `total_timeout` counts from the moment a request is sent to the last byte of its
    answer. `max_answer_bytes` is for the decompressed answer. `transport` replaces the network, for
    tests and the embedded catalogue.

    Raises ValueError for a bad URL (see normalise_base_url), certificates or proxies.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: Secret | None = None,
        cookie: Secret | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        connect_timeout: float = 10.0,
        read_timeout: float = 30.0,
        total_timeout: float = 120.0,
        max_answer_bytes: int = 256 * 2**20,
        ca_file: Path | None = None,
        parallel: int = 8,
    ) -> None:
        self.base_url = normalise_base_url(base_url)
        self._credentials = Credentials(token, cookie)
        self._total_timeout = total_timeout
        self._max_answer_bytes = max_answer_bytes
        self._parallel = trio.Semaphore(parallel)
        self._large = trio.Lock()
        self._dialects = Dialects()
        self._told_of_noise = False
        self._nursery: trio.Nursery | None = None
        self._clients = create_clients(
            self.base_url,
            transport=transport,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            ca_file=ca_file,
        )

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Own the connections until cancelled; once only."""
        async with aclosing(self._clients), trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            try:
                await trio.sleep_forever()
            finally:
                self._nursery = None

    def check(self, request: Request) -> None:
        """Raise CookieNeeded or TokenMissing if the request cannot work with these credentials."""
        self._credentials.check(request)

    async def send(
        self,
        request: Request,
        arrived: Callable[[], None] | None = None,
        *,
        anew: bool = False,
    ) -> Answer:
        """The answer to a request, with `anew` on a new connection. Raises `ApiError` only.

        StaleConnection says that the same is to be sent again, and is never raised for what was.

        `arrived` is called exactly once, even if the caller is cancelled: when the answer's headers
        are there, by when the server has counted the request, or when the request failed.
        """
        job = _Job(request, arrived, anew=anew)
        try:
            self.check(request)
        except ApiError as error:
            job.outcome = error
        if job.outcome is None and self._nursery is not None:
            self._nursery.start_soon(self._perform, job)
        else:
            job.finish()
        await job.done.wait()
        if isinstance(job.outcome, Answer):
            return job.outcome
        raise _bare(job.outcome)

    async def _perform(self, job: _Job) -> None:
        try:
            async with self._parallel:
                with trio.move_on_after(self._total_timeout):
                    job.outcome = await self._exchange(job)
                if job.outcome is None:
                    job.outcome = TimedOut(
                        job.request.action,
                        f"no complete answer within {self._total_timeout:g} seconds",
                    )
        finally:
            job.finish()

    async def _exchange(self, job: _Job) -> Answer | ApiError:
        request, credentials = job.request, self._credentials
        endpoint, group = self._dialects.endpoint.current, self._dialects.group.current
        outcome: Answer | ApiError
        try:
            outcome = await self._answer(job, endpoint, group)
        except ApiError as error:
            outcome = error
        except Exception as error:  # whatever httpx and those below it raise, for any input
            outcome = _failure(request.action, error)
        if isinstance(outcome, Answer) and outcome.noisy:
            self._tell_of_noise(request)
        if request.kind == "api":
            outcome = self._learn(request, outcome, endpoint, group)
        if isinstance(outcome, TokenMissing) and credentials.shows_token(request):
            outcome = self._without_token(request)
        if isinstance(outcome, ApiError) and self._credentials.appear_in(outcome.message, request):
            # A URL to which it redirects is the one thing of the server's that a message repeats.
            outcome = BadAnswer(request.action, "the server answers with the user's own secret")
        return outcome

    def _tell_of_noise(self, request: Request) -> None:
        if not self._told_of_noise:
            self._told_of_noise = True
            log.warning(
                "%s: the server writes something else around its answers (warnings of PHP?):"
                " they are read all the same, and this is not said again",
                request.action,
            )

    async def _answer(self, job: _Job, endpoint: str, group: str) -> Answer:
        with LargeBodies(self._large) as large:
            reply = await self._reply(job, endpoint, group, large)
            if len(reply.body) <= _DECODED_IN_PLACE:
                return interpret(job.request, reply)
            return await trio.to_thread.run_sync(
                interpret, job.request, reply, abandon_on_cancel=True
            )

    async def _reply(self, job: _Job, endpoint: str, group: str, large: LargeBodies) -> Reply:
        request = self._http_request(job.request, endpoint, group)
        if job.anew:
            return await self._fetch(job, ThroughClient(self._clients.anew), request, large)
        way = await self._clients.kept.take()
        try:
            return await self._fetch(job, way, request, large)
        finally:
            self._clients.kept.give_back(way)

    async def _fetch(
        self, job: _Job, way: httpx.AsyncBaseTransport, request: httpx.Request, large: LargeBodies
    ) -> Reply:
        response = await self._sent(job, way, request)
        try:
            job.arrived()
            headers = dict(response.headers.items())
            body = await read_body(
                cast(AsyncIterable[bytes], response.stream),
                headers.get("content-encoding", ""),
                self._max_answer_bytes,
                large.grown,
            )
        finally:
            await response.aclose()
        return Reply(
            self.base_url,
            response.status_code,
            headers.get("content-type", ""),
            body,
            headers.get("location"),
            parse_retry_after(headers.get("retry-after"), headers.get("date")),
            parse_date(headers.get("date")),
            headers,
        )

    async def _sent(
        self, job: _Job, way: httpx.AsyncBaseTransport, request: httpx.Request
    ) -> httpx.Response:
        """The answer up to its body. A GET may be sent twice: RFC 9110, section 9.2.2."""
        trace = request.extensions["trace"] = Trace()
        try:
            return await way.handle_async_request(request)
        except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
            if trace.kept and request.method == "GET" and _broke_off(error):
                raise StaleConnection(
                    job.request.action, "the server closed a kept connection"
                ) from None
            raise

    def _http_request(self, request: Request, endpoint: str, group: str) -> httpx.Request:
        action = group if request.action == "torrentgroup" else request.action
        page = endpoint if request.kind == "api" else "torrents.php"
        params = [
            (name, value.reveal() if isinstance(value, Secret) else value)
            for name, value in request.params
        ]
        # The documents have a POST's parameters in the query, the server reads them in the body.
        form = dict(params) if request.method == "POST" else None
        query = urlencode(([("action", action)] if action else []) + params)
        url = f"{self.base_url}/{page}?{query}" if query else f"{self.base_url}/{page}"
        headers = self._credentials.headers(request)
        return self._clients.request(request.method, url, headers, form)

    def _without_token(self, request: Request) -> ApiError:
        """What it means that who shows a token is sent to the login page (release 0.1.3 does)."""
        if self._credentials.cookie is None:
            return TokensRefused(request.action, _NO_TOKENS)
        self._credentials = Credentials(cookie=self._credentials.cookie)
        return DialectChanged(request.action, "this server takes no tokens, the cookie is used")

    def _learn(
        self, request: Request, outcome: Answer | ApiError, endpoint: str, group: str
    ) -> Answer | ApiError:
        """Note how this server speaks; turn a wrong name of ours into DialectChanged."""
        dialects = self._dialects
        if isinstance(outcome, OtherApi | Moved):
            return outcome
        # Later servers give a web page, with 200, where the API of earlier ones was.
        nonsense = isinstance(outcome, BadAnswer) and dialects.endpoint.unproven
        if isinstance(outcome, EndpointMissing) or nonsense:
            if dialects.endpoint.failed(endpoint):
                return DialectChanged(request.action, f"there is no {endpoint} here")
            return ServerFault(request.action, _NO_API)
        if isinstance(outcome, Answer | NotFound | BadRequest):
            dialects.endpoint.worked(endpoint)
        if isinstance(outcome, ActionUnknown):
            if dialects.group.failed(group):
                return DialectChanged(request.action, f"{group} seems to be unknown here")
            return BadRequest(request.action, outcome.message)
        if request.action == "torrentgroup" and isinstance(outcome, Answer | NotFound):
            dialects.group.worked(group)
        return outcome


_FAILURES: tuple[tuple[tuple[type[Exception], ...], type[ApiError], str], ...] = (
    ((httpx.TimeoutException,), TimedOut, "the server does not answer in time"),
    ((httpx.ConnectError, httpx.ProxyError), Unreachable, "the server cannot be reached"),
    ((httpx.NetworkError, OSError), Unreachable, "the connection broke off"),
    ((httpx.RemoteProtocolError,), BadAnswer, "not an HTTP response"),
    ((BodyTooLarge,), BadAnswer, "the answer is too large"),
    ((BodyMalformed,), BadAnswer, "the answer's compression is broken"),
)


def _failure(action: str, error: Exception) -> ApiError:
    """What an exception of the HTTP client stands for; its own words can hold anything."""
    if isinstance(error, httpx.RemoteProtocolError) and _broke_off(error):
        return Unreachable(action, "the connection broke off")
    for kinds, failure, message in _FAILURES:
        if isinstance(error, kinds):
            return failure(action, reason_of(error) or message)
    return BadAnswer(action, f"the HTTP client failed ({type(error).__name__})")


def _broke_off(error: httpx.TransportError) -> bool:
    """Whether a connection that there was has ended, rather than sent what is not HTTP."""
    if isinstance(error, httpx.RemoteProtocolError):
        return any(words in str(error) for words in _BROKEN_OFF)
    return not isinstance(error, httpx.ConnectError)


def reason_of(error: BaseException | None) -> str | None:
    """What a user can do something about, from among the causes of a failed connection."""
    for _ in range(_LONGEST_CHAIN):
        if isinstance(error, ssl.SSLCertVerificationError):
            return "the server's certificate is not trusted"
        if isinstance(error, socket.gaierror):
            return "the server's name is unknown"
        if error is None:
            break
        error = error.__cause__ or error.__context__
    return None


def _bare(error: ApiError | None) -> ApiError:
    """The error without chain and traceback, which lead to requests and their headers."""
    assert error is not None  # noqa: S101 - a finished job has an outcome
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
