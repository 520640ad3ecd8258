"""The addresses of a published snapshot: its description, the files beside it, and redirects."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from biofs.api.server import is_loopback, normalise_snapshot_url
from biofs.store.snapshots import description

MOST_REDIRECTS: Final = 5
_FILES: Final = (".sqlite", ".zst", ".biofs")

PLAIN_HTTP: Final = (
    "plain http: whoever is on the way can put another catalogue in its place: use https://, or "
    "give --snapshot-key"
)


class UpdateFailed(Exception):  # noqa: N818 - says what became of it
    """Nothing newer could be fetched; the message is one line for people.

    `retry_after`: the server asked to be left alone for so many seconds. `lasting`: what is there
    is wrong, so to ask again soon would bring the same.
    """

    def __init__(
        self, message: str, *, retry_after: float | None = None, lasting: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after: Final = retry_after
        self.lasting: Final = lasting


class Address(NamedTuple):
    """Where to ask: a description's URL, or, if `plain`, a single snapshot's."""

    url: str
    plain: bool

    def beside(self, name: str) -> str:
        """The URL of a file that the description names, which lies beside it."""
        scheme, netloc, path, _, _ = urlsplit(self.url)
        return urlunsplit((scheme, netloc, f"{path.rpartition('/')[0]}/{name}", "", ""))


def address_of(url: str) -> Address:
    """What a normalised URL names: a description (`….json`), a snapshot (`.sqlite`, `.zst`,
    `.biofs`), or the directory of a description."""
    scheme, netloc, path, query, _ = urlsplit(url)
    if path.lower().endswith(_FILES):
        return Address(url, plain=True)
    if path.lower().endswith(".json"):
        return Address(url, plain=False)
    path = f"{path.rstrip('/')}/{description.FILE}"
    return Address(urlunsplit((scheme, netloc, path, query, "")), plain=False)


def can_be_forged(url: str) -> bool:
    """Whether others than the server can answer: plain http from another machine."""
    return url.startswith("http://") and not is_loopback(url)


def path_of(url: str) -> str:
    """The path that a file's URL names."""
    return unquote(urlsplit(url).path)


_LOCATION: Final = re.compile(r"[!-~]{1,2000}")


def redirected(url: str, location: str | None) -> str:
    """Where a redirect leads. Nothing secret is sent, so it may be another host; never from https
    to plain http, nor to a file. Raises UpdateFailed."""
    if not location or not _LOCATION.fullmatch(location):
        raise UpdateFailed("the server redirects to nowhere")
    try:
        there = normalise_snapshot_url(urljoin(url, location))
    except ValueError:
        raise UpdateFailed("the server redirects to nowhere") from None
    scheme = urlsplit(there).scheme
    if scheme not in ("http", "https"):
        raise UpdateFailed("the server redirects to what is not a web server")
    if url.startswith("https:") and scheme != "https":
        raise UpdateFailed("the server redirects to plain http, which is not followed")
    return there
