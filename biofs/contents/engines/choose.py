"""The engine that the settings name. Its module, and the library it needs, are imported here."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import platformdirs

from biofs.contents.engines.engine import EngineError
from biofs.settings.values import default_download_dir

if TYPE_CHECKING:
    from biofs.contents.engines.engine import Engine
    from biofs.settings.load import Settings

NO_ENGINE: Final = (
    'no engine is set: put engine = "libtorrent" into the settings file and mount again, or name '
    "your own client, transmission or qbittorrent"
)
DEMO: Final = (
    "nobody has data of the embedded catalogue: `biofs demo data DIR` makes some up, and a mount "
    "with --data DIR opens them"
)
EXTRA: Final = "pip install 'biofs[fetch]'"

_FINGERPRINT: Final = re.compile(r"-[A-Za-z]{2}[0-9A-Za-z]{4}-")

_URLS: Final = {
    "transmission": "http://127.0.0.1:9091",
    "qbittorrent": "http://127.0.0.1:8080",
}


def download_dir(settings: Settings) -> Path:
    """Where libtorrent puts what it fetches. Raises EngineError if no home directory is known."""
    found = settings.download_dir or default_download_dir()
    if found is None:
        raise EngineError("no home directory is known: set HOME, or download_dir")
    return found


def choose(settings: Settings) -> Engine:
    """The engine that is set; nothing is started or asked by this.

    Raises EngineError, one line, if none is set or a library is missing; also for the embedded
    catalogue, whose .torrent files name the tracker of the real one.
    """
    if settings.demo:
        raise EngineError(DEMO)
    if settings.engine is None:
        raise EngineError(NO_ENGINE)
    if settings.engine == "libtorrent":
        return _libtorrent(settings)
    return _client(settings, settings.engine)


def _libtorrent(settings: Settings) -> Engine:
    module = _module("libtorrent_engine", "libtorrent")
    state = platformdirs.user_state_path("biofs") / "engine"
    if not state.is_absolute():
        raise EngineError("no home directory is known: set HOME")
    name, fingerprint = identity(settings.engine_identity or "")
    engine: Engine = module.LibtorrentEngine(
        download_dir(settings),
        state,
        down=settings.download_rate or 0,
        up=settings.upload_rate or 0,
        ratio=settings.seed_ratio,
        disk=settings.download_space or 0,
        at_once=settings.download_torrents or 0,
        user_agent=name,
        fingerprint=fingerprint,
    )
    return engine


def _client(settings: Settings, name: str) -> Engine:
    module = _module(f"rpc.{name}", name)
    kind = module.Transmission if name == "transmission" else module.QBittorrent
    engine: Engine = kind(
        settings.engine_url or _URLS[name],
        settings.engine_user,
        settings.engine_password,
        settings.path_map,
        insecure=settings.insecure,
    )
    return engine


def identity(text: str) -> tuple[str, str]:
    """What trackers are told, and the beginning of the peer id (BEP 20) if it stands behind that:
    `qBittorrent/4.5.2 -qB4520-`."""
    name, blank, last = text.rpartition(" ")
    return (name, last) if blank and _FINGERPRINT.fullmatch(last) else (text, "")


def _module(module: str, engine: str) -> Any:
    try:
        return import_module(f"biofs.contents.engines.{module}")
    except ImportError as error:
        missing = error.name or ""
        if missing.partition(".")[0] == "biofs":
            raise EngineError(f"this biofs has no engine called {engine}") from None
        raise EngineError(f"the engine {engine} needs {missing}: {EXTRA}") from None
