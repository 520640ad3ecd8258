"""What a user says of the server: its address, and how often it may be asked.

`Dialects` remembers which of two names the server at hand uses, of the endpoint and of one action.
Imports nothing slow, for the sake of the settings.
"""

import ipaddress
import math
import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, urlsplit

_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?", re.ASCII)
_ENDPOINTS = ("/api.php", "/ajax.php")


def normalise_base_url(url: str) -> str:
    """`https://host[:port][/path]` without a slash at the end, where api.php is to be found.

    A trailing slash, api.php or ajax.php is taken off. ValueError, in one line that does not repeat
    the URL (it may hold a password), for anything else than a plain http or https address.
    """
    url = url.strip()
    if not url.isprintable() or " " in url or "\\" in url:
        raise ValueError("the URL holds blanks, backslashes or control characters")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = _host(parts.hostname or "")
    except ValueError:
        raise ValueError("the URL is malformed: it looks like https://torrents.bio") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("the URL needs https:// (or http://) in front")
    if "@" in parts.netloc:
        raise ValueError("the URL cannot hold a user name or password")
    if parts.query or parts.fragment:
        raise ValueError("the URL cannot hold parameters (?…) or an anchor (#…)")
    path = parts.path.rstrip("/")
    for endpoint in _ENDPOINTS:
        path = path.removesuffix(endpoint)
    path = quote(path.rstrip("/"), safe="/%:@!$&'()*+,;=~-._")
    return f"{parts.scheme}://{host}{f':{port}' if port is not None else ''}{path}"


def normalise_snapshot_url(url: str) -> str:
    """The address of a published snapshot: http, https or file, with a path and perhaps a query.

    ValueError, in one line, for anything else.
    """
    url = url.strip()
    if not url.isprintable() or " " in url or "\\" in url:
        raise ValueError("the URL holds blanks, backslashes or control characters")
    try:
        parts = urlsplit(url)
        port, scheme = parts.port, parts.scheme.lower()
        host = _host(parts.hostname) if parts.hostname else ""
    except ValueError:
        raise ValueError("the URL is malformed: it looks like https://host/snapshots/") from None
    if "@" in parts.netloc:
        raise ValueError("the URL cannot hold a user name or password")
    if parts.fragment:
        raise ValueError("the URL cannot hold an anchor (#…)")
    if scheme == "file":
        if host not in ("", "localhost") or not parts.path.startswith("/") or parts.query:
            raise ValueError("a file's URL looks like file:///srv/snapshots/")
        return f"file://{parts.path}"
    if scheme not in ("http", "https") or not host:
        raise ValueError("the URL is malformed: it looks like https://host/snapshots/")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = f"?{parts.query}" if parts.query else ""
    return f"{scheme}://{host}{f':{port}' if port is not None else ''}{path}{query}"


def is_loopback(base_url: str) -> bool:
    """Whether a normalised URL names this machine."""
    host = urlsplit(base_url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host(host: str) -> str:
    if ":" in host:
        return f"[{ipaddress.IPv6Address(host).compressed}]"
    ascii_host = host.encode("idna").decode().lower()
    if not _HOST.fullmatch(ascii_host):
        raise ValueError(host)
    return ascii_host


class Choice:
    """Two names for one thing, of which the server knows one; starts with the first."""

    def __init__(self, first: str, second: str) -> None:
        self.current = first
        self._other = second
        self._unproven_switch = False

    @property
    def unproven(self) -> bool:
        """Whether the other name failed, and this one has not worked yet."""
        return self._unproven_switch

    def worked(self, used: str) -> None:
        """The server knows `used`."""
        if used == self.current:
            self._unproven_switch = False

    def failed(self, used: str) -> bool:
        """The server seems not to know `used`: whether to try again, under the current name.

        Of two requests under way only the first to fail switches. If the other name fails as well,
        the first is in force again, so nothing switches to and fro for one request.
        """
        if used != self.current:
            return True
        self.current, self._other = self._other, self.current
        self._unproven_switch = not self._unproven_switch
        return self._unproven_switch


class Dialects:
    """What this server calls its endpoint (older: ajax.php) and torrentgroup (later: group)."""

    def __init__(self) -> None:
        self.endpoint = Choice("api.php", "ajax.php")
        self.group = Choice("torrentgroup", "group")


_FORM = re.compile(r"([0-9]{1,6})/([0-9]{1,6}(?:\.[0-9]{1,6})?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `requests` in any `seconds`; `Rate(0, 0.0)` is unlimited.

    The server documents one request in six seconds for a user, and none for donors.
    Raises ValueError unless both are positive (or both zero) and seconds is finite.
    """

    requests: int
    seconds: float

    def __post_init__(self) -> None:
        both_zero = self.requests == 0 and self.seconds == 0
        both_good = self.requests > 0 and 0 < self.seconds < math.inf
        if not (both_zero or both_good):
            raise ValueError("a rate needs a positive number of requests and of seconds")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `1/6`, `N/SECONDS` (seconds may have decimals) or `unlimited`, else ValueError."""
        text = text.strip()
        if text.lower() == "unlimited":
            return cls(0, 0.0)
        match = _FORM.fullmatch(text)
        if match is None or int(match[1]) == 0 or float(match[2]) == 0:
            raise ValueError(
                "a rate is requests/seconds, such as 1/6 (one in six seconds), or unlimited"
            )
        return cls(int(match[1]), float(match[2]))

    @property
    def unlimited(self) -> bool:
        return self.requests == 0

    def __str__(self) -> str:
        if self.unlimited:
            return "unlimited"
        seconds = format(self.seconds, ".6f").rstrip("0").rstrip(".")
        return f"{self.requests}/{seconds}"
