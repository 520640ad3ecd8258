"""Everything that can go wrong between a request and its typed answer.

======================  ============================================================================
`NotFound`              the server states that it does not exist
`BadRequest`            the server does not accept the parameters
`TokenMissing`          the server asks to log in, or there is nothing to log in with
`TokenRefused`          the token or cookie does not work (any more)
`CookieNeeded`          the action answers a browser session only, and there is no cookie
`TokensRefused`         the server takes no tokens, and there is no cookie
`RateLimited`           too many requests; the same one can be sent again later
`DialectChanged`        the server is of another age; the same request can be sent again, at once
`StaleConnection`       the server closed a kept connection; the same request can be sent again
`Unreachable`           no connection, or it broke off: DNS, refused, no route, TLS, reset
`TimedOut`              the server did not answer in time
`Intercepted`           something before the server answered: a captive portal, maintenance
`Barred`                something before the server refuses access: a challenge, a firewall
`ServerFault`           the server failed: HTTP 5xx, or a page of HTML where JSON was due
`Moved`                 the server redirects to another URL of its own; nothing follows it
`BadAnswer`             an invalid answer: not JSON, wrong shape, too large, too deep
`OtherApi`              the server is of an age whose API lists nothing: a `BadAnswer`
======================  ============================================================================

They are `ApiError`, by way of `AccessDenied` (the third to sixth), `TryAgain` (the next three) and
`NetworkError` (the four after). A message is one line and never holds what was sent or received,
but for words known to be harmless, so it can be logged and shown as it is.
"""

# ruff: noqa: N818 - each name says what happened; "Error" after it would say nothing more


class ApiError(Exception):
    """Base of all; `action` is the API's name of what was asked, `message` one line for people."""

    def __init__(self, action: str, message: str) -> None:
        super().__init__(action, message)
        self.action = action
        self.message = message

    def __str__(self) -> str:
        return f"{self.action}: {self.message}" if self.action else self.message


class NotFound(ApiError):
    """The server answered, and says that there is no such thing."""


class BadRequest(ApiError):
    """The server does not accept the parameters; sending the same again gives the same."""


class AccessDenied(ApiError):
    """The server does not let this user in, or not there."""


class TokenMissing(AccessDenied):
    """Redirected to the login page, or there is neither token nor cookie to send."""


class TokenRefused(AccessDenied):
    """The token or cookie is malformed, revoked, or its user disabled."""


class CookieNeeded(AccessDenied):
    """The action works with a browser session's cookie only, and there is none."""


class TokensRefused(AccessDenied):
    """The server takes no tokens at all (release 0.1.3), and there is no cookie."""


class TryAgain(ApiError):
    """Nothing is wrong with the request: the same can be sent again."""


class RateLimited(TryAgain):
    """Too many requests. `retry_after`: seconds the server asks to wait, or None if it does not."""

    def __init__(
        self, action: str, retry_after: float | None = None, message: str = "rate limit exceeded"
    ) -> None:
        super().__init__(action, message)
        self.args = (action, retry_after, message)
        self.retry_after = retry_after


class DialectChanged(TryAgain):
    """The endpoint or action has another name on this server; the next attempt will use it."""


class StaleConnection(TryAgain):
    """A kept connection broke off under a request, without an answer's head: send it on a new one.

    Servers close connections that are idle, and cannot know that a request is on its way.
    """


class NetworkError(ApiError):
    """No answer came back."""


class Unreachable(NetworkError):
    """No connection to the server, or it broke off."""


class TimedOut(NetworkError):
    """The server did not connect, or did not answer completely, in time."""


class Intercepted(NetworkError):
    """Something that stands before the server answered in its place; the server did not."""


class Barred(Intercepted):
    """Something that stands before the server refuses access: no word about the token."""


class ServerFault(ApiError):
    """The server failed while answering."""


class BadAnswer(ApiError):
    """The answer is invalid."""


class Moved(BadAnswer):
    """The server redirects to where another URL would find it: `url`, normalised.

    `same_site`: with the same host name, apart from "www.". Nothing is sent there unasked.
    """

    def __init__(self, action: str, message: str, url: str, *, same_site: bool) -> None:
        super().__init__(action, message)
        self.url = url
        self.same_site = same_site


class OtherApi(BadAnswer):
    """The server speaks the JSON:API of 2023 and later, which has nothing that lists groups."""
