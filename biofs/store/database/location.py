"""Where the store of a server and an account is, and what its mounts are called."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

from biofs.settings.load import Settings
from biofs.store.database.files import SUFFIX


def store_path(settings: Settings) -> Path | None:
    """The file for this server and account, None for memory. Its name tells no secret."""
    if settings.cache_dir is None:
        return None
    account = settings.token or settings.cookie
    # The URL and the account, so that two of either never share what only one may know.
    text = f"{settings.url}\0{account.reveal() if account else ''}"
    digest = hashlib.blake2b(text.encode(), digest_size=6, person=b"biofs store").hexdigest()
    return settings.cache_dir / f"{_host(settings)}-{digest}{SUFFIX}"


def stores_of_server(settings: Settings) -> list[Path]:
    """The files for this server, of whatever account."""
    if settings.cache_dir is None:
        return []
    return sorted(
        path
        for path in settings.cache_dir.glob(f"*{SUFFIX}")
        if path.name.rpartition("-")[0] == _host(settings)
    )


def source_name(settings: Settings) -> str:
    """What a mount of this is called in mountinfo, as its source."""
    if settings.demo:
        return "demo"
    if settings.snapshot:
        return "snapshot"
    return "".join(c for c in urlsplit(settings.url).netloc if c.isalnum() or c in ".-:[]")


def _host(settings: Settings) -> str:
    netloc = urlsplit(settings.url).netloc
    return "".join(c if c.isalnum() or c in ".-" else "_" for c in netloc)
