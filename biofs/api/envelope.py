"""What an HTTP answer says: the response in its envelope, or the error it stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from functools import lru_cache

from biofs.api.decoding import NOT_JSON, Found, Undecodable, decode, find_answer
from biofs.api.errors import (
    AccessDenied,
    ApiError,
    BadAnswer,
    BadRequest,
    NotFound,
    OtherApi,
    RateLimited,
    ServerFault,
    TokenRefused,
)
from biofs.api.in_front import by_headers, by_page, redirected
from biofs.api.requests import Answer, Request
from biofs.api.values import is_info_hash

_RATE_WORDS = re.compile(r"rate[ _-]*limit|too many requests", re.IGNORECASE)
_TOKEN_WORDS = {
    "invalid token": "the token is invalid",
    "invalid token format": "the token is malformed",
    "token revoked": "the token is revoked",
    "user disabled": "the user is disabled",
    "authorization type must be bearer": "the token is not accepted as a Bearer token",
}
_PLAIN_WORDS = re.compile(r"[A-Za-z]{1,20}(?: [A-Za-z]{1,20}){0,9}")
_DIGITS = re.compile(r"[0-9]{1,20}")
_LONGEST_DATE = 100


_JSON_API = "application/vnd.api+json"
OTHER_API = (
    "this server speaks the JSON:API of 2023, which lists no groups: "
    "biofs needs a server of release 0.1.2 or 0.1.3"
)
"""What is said of a server of another age."""


class EndpointMissing(ServerFault):
    """This server does not have this endpoint; it may use the other name."""


class ActionUnknown(BadRequest):
    """A well-formed request for a group is refused; the action may have its other name."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, as far as it matters. `base_url` is where the request went.

    Names of `headers` are in lower case, or it does not mind.
    """

    base_url: str
    status: int
    content_type: str
    body: bytes = field(repr=False)
    location: str | None = field(default=None, repr=False)
    retry_after: float | None = None
    date: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def interpret(request: Request, reply: Reply) -> Answer:
    """The answer in a reply; raises the `ApiError` it stands for otherwise."""
    if 300 <= reply.status < 400:
        raise redirected(request, reply)
    if in_front := by_headers(request, reply):
        raise in_front
    is_other = _JSON_API in reply.content_type.lower()
    if reply.status == 200 and _is_whole(request, reply.body):
        return Answer(request, reply.status, reply.content_type, reply.body)
    if reply.status == 200 and (not reply.body or reply.body.isspace()):
        raise BadAnswer(request.action, "the answer is empty")
    try:
        value, trailing = decode(reply.body)
    except Undecodable as error:
        if is_other:
            raise OtherApi(request.action, OTHER_API) from None
        found = _amid_noise(reply, error)
        if found is None:
            raise _not_json(request, reply, error) from None
        return _noisy(request, reply, found)
    failure = _failure(request, reply, value)
    if (is_other or _is_json_api(value)) and not _says_token_is_invalid(value):
        raise OtherApi(request.action, OTHER_API)
    if failure is not None:
        raise failure
    if trailing:
        return _noisy(request, reply, find_answer(reply.body))
    return _answer(request, reply, value)


def _answer(request: Request, reply: Reply, value: object) -> Answer:
    if request.kind == "download":
        raise BadAnswer(request.action, "the answer is not a .torrent file")
    if not isinstance(value, dict) or value.get("status") != "success":
        raise BadAnswer(request.action, "unexpected JSON")
    response = value.get("response")
    return Answer(request, reply.status, reply.content_type, reply.body, response, reply.date)


def _amid_noise(reply: Reply, error: Undecodable) -> Found | None:
    """What stands in an answer that does not begin with it. A refusing status needs no more."""
    if reply.status != 200 or error.reason != NOT_JSON:
        return None
    try:
        return find_answer(reply.body)
    except Undecodable:
        return None


def _noisy(request: Request, reply: Reply, found: Found | None) -> Answer:
    """A success with something else around it is whole, and taken.

    A failure behind something else is not: what went wrong there may be why. But that it is about
    the pace or the token has to be heeded.
    """
    failure = found and _failure(request, reply, found.value)
    if isinstance(failure, RateLimited | AccessDenied):
        raise failure
    if found is None or failure is not None:
        raise ServerFault(request.action, "the server failed while answering (HTML around JSON)")
    answer = _answer(request, reply, found.value)
    return replace(answer, body=found.body, noisy=True)


def parse_retry_after(value: str | None, date: str | None) -> float | None:
    """Seconds a Retry-After header asks for; a date counts from the answer's own Date header."""
    if value is None:
        return None
    if _DIGITS.fullmatch(value.strip()):
        return float(value)
    try:
        asked, now = parsedate_to_datetime(value), parsedate_to_datetime(date or "")
        return max(0.0, (asked - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def parse_date(value: str | None) -> float | None:
    """The time of a Date header in epoch seconds; None if it is missing or invalid."""
    return _parsed_date(value) if value and len(value) <= _LONGEST_DATE else None


@lru_cache(maxsize=4)
def _parsed_date(value: str) -> float | None:  # many answers of a second have the same
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _is_whole(request: Request, body: bytes) -> bool:
    """Whether the body is the answer, without an envelope."""
    if request.kind == "download":
        # A bencoded dictionary starts with its first key's length.
        return body[:1] == b"d" and body[1:2].isdigit() and body[-1:] == b"e"
    return request.action == "clear_user_notification" and not body


def _is_json_api(value: object) -> bool:
    """Whether an answer has the top level of JSON:API (jsonapi.org/format/#document-top-level).

    Whatever it says, that there is nothing (`data: []`) or too many requests: no later one can be
    answered better.
    """
    if not isinstance(value, dict) or "status" in value:
        return False
    return "errors" in value or ("data" in value and ("jsonapi" in value or "meta" in value))


def _says_token_is_invalid(value: object) -> bool:
    """Whether it refuses the token in the words of newer servers (answer prod_auth_garbage)."""
    return (_failure_words(value) or "").strip().lower() == "invalid token"


def _failure(request: Request, reply: Reply, value: object) -> ApiError | None:
    """What a decoded answer's words and status say against it; the words know better."""
    words = _failure_words(value)
    if words and _RATE_WORDS.search(words):
        return RateLimited(request.action, reply.retry_after)
    if words and reply.status < 500:
        known = _by_words(request, words)
        if known is not None:
            return known
    by_status = _by_status(request, reply)
    if by_status is not None or words is None:
        return by_status
    return _unknown_failure(request, words)


def _failure_words(value: object) -> str | None:
    """The words of `{"status":"failure","error":…}`, or None if that is not what it is.

    Newer servers say `{"errors":…}`, of which a word about the token is understood.
    """
    if not isinstance(value, dict):
        return None
    errors = value.get("errors")
    if isinstance(errors, str) and errors.strip().lower() in _TOKEN_WORDS:
        return errors.strip()
    if value.get("status") not in ("failure", "error"):
        return None
    error = value.get("error")
    return error.strip() if isinstance(error, str) else ""


def _by_words(request: Request, words: str) -> ApiError | None:
    action, words = request.action, words.lower()
    if words in _TOKEN_WORDS:
        return TokenRefused(action, _TOKEN_WORDS[words])
    kind: type[ApiError] | None = None
    if words == "no such user":
        kind = NotFound
    elif words in ("bad id parameter", "bad hash parameter"):
        # Said of no id at all, too (recording torrent_no_id), which states no absence.
        kind = NotFound if _names_one(request) else BadRequest
    elif words == "bad parameters" and action in ("collage", "artist") and _names_one(request):
        kind = NotFound
    elif words == "bad parameters" and action == "torrentgroup" and _names_one(request):
        kind = ActionUnknown
    elif words in ("bad parameters", "no search terms"):
        kind = BadRequest
    return kind(action, words) if kind else None


def _names_one(request: Request) -> bool:
    """Whether the request is for one thing, under a well-formed name."""
    names = [
        is_one(value)
        for name, is_one in (
            ("id", _is_number),
            ("userid", _is_number),
            ("hash", is_info_hash),
            ("artistname", bool),
        )
        if isinstance(value := request.param(name), str)
    ]
    return names == [True]


def _is_number(text: str) -> bool:
    return _DIGITS.fullmatch(text) is not None


def _by_status(request: Request, reply: Reply) -> ApiError | None:
    action, status = request.action, reply.status
    if status == 429 or (status == 503 and reply.retry_after is not None):
        return RateLimited(action, reply.retry_after)
    if 500 <= status < 600:
        return ServerFault(action, f"the server failed (HTTP {status})")
    if status in (401, 403):
        return TokenRefused(action, f"the server refuses access (HTTP {status})")
    if status == 404 and request.kind == "api":
        return EndpointMissing(action, "the server has no such API (HTTP 404)")
    if status != 200:
        return BadAnswer(action, f"the server answered HTTP {status}")
    return None


def _not_json(request: Request, reply: Reply, error: Undecodable) -> ApiError:
    by_status = _by_status(request, reply)
    if isinstance(by_status, RateLimited):
        return by_status
    return by_page(request, reply) or by_status or _undecodable(request, reply, error)


def _undecodable(request: Request, reply: Reply, error: Undecodable) -> ApiError:
    if error.html and "json" in reply.content_type.lower():
        return ServerFault(request.action, "the server failed while answering (HTML, not JSON)")
    if error.html:
        return BadAnswer(request.action, "the answer is a web page")
    return BadAnswer(request.action, f"the answer is {error.reason}")


def _unknown_failure(request: Request, words: str) -> ApiError:
    if not words:
        return ServerFault(request.action, "the server failed without saying why")
    shown = f": {words}" if _PLAIN_WORDS.fullmatch(words) else ""
    return BadAnswer(request.action, f"the server reports an unknown failure{shown}")
