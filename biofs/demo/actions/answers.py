"""The forms of an answer, as recorded, and the small conversions all answers share."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.responses import Response

JSON_TYPE = "application/json; charset=utf-8"
HTML_TYPE = "text/html; charset=UTF-8"
INFO: Mapping[str, Any] = {"source": "BioTorrents.de", "version": 1}
_HTML = "<!doctype html><html><head><title>BioTorrents.de</title></head><body>{}</body></html>"


def _json(answer: Mapping[str, Any], content_type: str, status: int = 200) -> Response:
    return Response(orjson.dumps(answer), status, headers=_type(content_type))


def _type(content_type: str) -> dict[str, str]:
    return {"content-type": content_type}


def success(response: Any, *, info: bool = True, content_type: str = JSON_TYPE) -> Response:
    """A success; the actions that send no `info` say so."""
    answer = {"status": "success", "response": response}
    return _json(answer | {"info": INFO} if info else answer, content_type)


def failure(error: str, *, status: int = 200, content_type: str = JSON_TYPE) -> Response:
    """A failure, nearly always under HTTP 200."""
    return _json({"status": "failure", "error": error, "info": INFO}, content_type, status)


def crash(prefix: str = "", content_type: str = JSON_TYPE) -> Response:
    """HTTP 500 as the server crashes: an HTML page, mostly under a JSON content type."""
    body = prefix + _HTML.format("<h1>Internal Server Error</h1>")
    return Response(body, 500, headers=_type(content_type))


def to_login() -> Response:
    """The answer to somebody not logged in."""
    headers = {"location": "login.php", **_type(HTML_TYPE)}
    return Response(_HTML.format("<h1>Log in</h1>"), 302, headers=headers)


def log_in_page() -> Response:
    """The login page in place of another, as servers from 2023 on give it."""
    return Response(_HTML.format("<h1>Log in</h1>"), headers=_type(HTML_TYPE))


def not_found() -> Response:
    """The answer where this installation has no such page."""
    return Response(_HTML.format("<h1>Not Found</h1>"), 404, headers=_type(HTML_TYPE))


def empty() -> Response:
    """Success without a body."""
    return Response(b"", headers=_type(JSON_TYPE))


def date(time: int) -> str:
    """`YYYY-MM-DD HH:MM:SS` in UTC; empty for 0, which stands for never."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S") if time else ""


def pages(count: int, per_page: int) -> int:
    """How many pages `count` results fill; 0 for none."""
    return math.ceil(count / per_page)


def tag_list(tags: Any) -> str:
    """Tags as `tagList` has them: underscores for dots, joined by spaces."""
    return " ".join(tag.replace(".", "_") for tag in tags)
