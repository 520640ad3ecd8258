"""Torrents' metainfo where it already is: the .torrent files that clients and users keep.

A file is tried first if its name tells of the info hash. qBittorrent, Deluge and Transmission name
files ``HASH.torrent``, older Transmissions ``NAME.FIRST-16-DIGITS.torrent``. For all other names,
the files of a folder are read, each once.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from biofs.contents.disk.beneath import DataDirectory, Handle
from biofs.contents.disk.entries import REST_EVERY, Entries
from biofs.tree import printable
from biofs.tree.metainfo import Metainfo

log = logging.getLogger(__name__)

MOST_BYTES: Final = 128 << 20
"""No larger .torrent file is read."""

MOST_FILES: Final = 20_000
MOST_READ: Final = 4 << 30
"""Bytes. So many files of a folder, and so many bytes at a time, are read to learn hashes."""

_SUFFIX: Final = b".torrent"
_HASH: Final = re.compile(r"[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}")
_PARTIAL: Final = 16


class _Seen(NamedTuple):
    size: int
    mtime_ns: int
    hashes: tuple[bytes, ...]


class _Folder:
    """One folder, and what was learned of the files in it."""

    def __init__(self, entries: Entries) -> None:
        self.entries: Final = entries
        self.seen: dict[bytes, _Seen] = {}
        self.names: dict[bytes, bytes] = {}
        """The name of the file with this info hash."""
        self.generation = -1
        self.due = 0.0
        self.said = False

    def torrents(self) -> list[bytes]:
        return [name for name in self.entries.root.names() if name.lower().endswith(_SUFFIX)]

    def learn(self, name: bytes, seen: _Seen) -> None:
        self.forget(name)
        self.seen[name] = seen
        self.names.update(dict.fromkeys(seen.hashes, name))

    def forget(self, name: bytes) -> None:
        seen = self.seen.pop(name, None)
        for each in seen.hashes if seen else ():
            if self.names.get(each) == name:
                del self.names[each]


class TorrentFiles:
    """The .torrent files in some folders. May be used by several threads at once."""

    def __init__(
        self,
        folders: Sequence[Path | bytes],
        hashes_of: Callable[[bytes], Sequence[str]],
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Folders within these are not looked into, and links in them are not followed.

        `hashes_of` gives the info hashes of a .torrent file's bytes in hexadecimal digits, of a
        hybrid torrent (BEP 52) both; it raises ValueError for what is no such file. `clock` and
        `wall` are as in `Entries`.
        """
        self._hashes_of = hashes_of
        self._clock = clock
        self._lock = threading.Lock()
        self._folders: Final = [
            _Folder(Entries(DataDirectory(each), clock=clock, wall=wall, deepest=0))
            for each in folders
        ]

    def find(self, info_hash: str) -> bytes | None:
        """The bytes of a .torrent file with this info hash, `MOST_BYTES` at most; None without one.

        The hash has 40 or 64 hexadecimal digits. The first call that no file's name answers reads
        all .torrent files, which may take a while; later ones read what is new. Raises nothing: a
        file that cannot be read is not there.
        """
        wanted = info_hash.lower()
        if not is_hash(wanted):
            return None
        with self._lock:
            for folder in self._folders:
                folder.entries.check()
            for folder in self._folders:
                for name in _telling(folder, wanted):
                    if (data := self._with_hash(folder, name, wanted)) is not None:
                        return data
            for folder in self._folders:
                self._learn(folder)
                learned = folder.names.get(bytes.fromhex(wanted))
                if learned and (data := self._with_hash(folder, learned, wanted)) is not None:
                    return data
        return None

    def _with_hash(self, folder: _Folder, name: bytes, wanted: str) -> bytes | None:
        data = _read(folder.entries.directory, name)
        return data if data and bytes.fromhex(wanted) in self._hashes(data) else None

    def _hashes(self, data: bytes) -> tuple[bytes, ...]:
        try:
            return tuple(bytes.fromhex(each) for each in self._hashes_of(data))
        except ValueError:
            return ()

    def _learn(self, folder: _Folder) -> None:
        """Read the files that are new or have changed, if it is time to look for them."""
        now = self._clock()
        if folder.generation == folder.entries.generation and now < folder.due:
            return
        names = folder.torrents()
        for gone in folder.seen.keys() - set(names):
            folder.forget(gone)
        try:
            with folder.entries.directory.handle() as handle:
                whole = self._learn_files(folder, handle, names[:MOST_FILES])
        except OSError:
            return  # it has gone, which `Entries` logs
        if (len(names) > MOST_FILES or not whole) and not folder.said:
            folder.said = True
            path = printable.for_path(os.fsdecode(folder.entries.directory.path))
            log.warning("%s: too many .torrent files: not all of them will be found", path)
        folder.generation = folder.entries.generation
        folder.due = now + REST_EVERY

    def _learn_files(self, folder: _Folder, handle: Handle, names: Sequence[bytes]) -> bool:
        """Whether all of them could be read within the limit."""
        left = MOST_READ
        for name in names:
            try:
                with handle.entry(name) as entry:
                    status = entry.regular()
            except OSError:
                folder.forget(name)
                continue
            known = folder.seen.get(name)
            if known is not None and known[:2] == (status.st_size, status.st_mtime_ns):
                continue
            left -= status.st_size if status.st_size <= MOST_BYTES else 0
            if left < 0:
                return False
            data = _read(folder.entries.directory, name)
            hashes = self._hashes(data) if data else ()
            folder.learn(name, _Seen(status.st_size, status.st_mtime_ns, hashes))
        return True


def is_hash(text: str) -> bool:
    """Whether it is an info hash: 40 or 64 hexadecimal digits."""
    return _HASH.fullmatch(text) is not None


def _telling(folder: _Folder, wanted: str) -> Iterator[bytes]:
    """The names of files that contain the hash, or end in its first digits as Transmission's do."""
    whole = wanted.encode()
    partial = b".%s%s" % (whole[:_PARTIAL], _SUFFIX)
    for name in folder.torrents():
        lower = name.lower()
        if whole in lower or lower.endswith(partial):
            yield name


def _read(directory: DataDirectory, name: bytes) -> bytes | None:
    """The bytes of a file; None if it cannot be read or is too large."""
    try:
        with os.fdopen(directory.open([name]), "rb") as file:
            if os.fstat(file.fileno()).st_size > MOST_BYTES:
                return None
            data = file.read(MOST_BYTES + 1)
    except OSError:
        return None
    return data if len(data) <= MOST_BYTES else None


def default_folders(home: Path, environ: Mapping[str, str], root: Path = Path("/")) -> list[Path]:
    """Where clients on this machine keep .torrent files: those of these folders that exist.

    After docs/Configuration-Files.md of Transmission, `dataLocation` in profile_p.cpp of
    qBittorrent and `get_config_dir` of Deluge, with the places of their Debian, Arch and Fedora
    packages and of their Flatpaks. Below `root` are those of daemons.
    """
    config = _base(environ, "XDG_CONFIG_HOME", home / ".config")
    data = _base(environ, "XDG_DATA_HOME", home / ".local" / "share")
    daemons = root / "var" / "lib"
    apps = home / ".var" / "app"
    own = environ.get("TRANSMISSION_HOME", "")
    folders = [
        *([Path(own) / "torrents"] if own else []),
        config / "transmission" / "torrents",
        config / "transmission-daemon" / "torrents",
        apps / "com.transmissionbt.Transmission" / "config" / "transmission" / "torrents",
        daemons / "transmission-daemon" / ".config" / "transmission-daemon" / "torrents",
        daemons / "transmission" / ".config" / "transmission-daemon" / "torrents",
        data / "qBittorrent" / "BT_backup",
        data / "data" / "qBittorrent" / "BT_backup",
        apps / "org.qbittorrent.qBittorrent" / "data" / "qBittorrent" / "BT_backup",
        config / "deluge" / "state",
        daemons / "deluged" / "config" / "state",
        daemons / "deluged" / ".config" / "deluge" / "state",
        daemons / "deluge" / ".config" / "deluge" / "state",
    ]
    return [folder for folder in dict.fromkeys(folders) if _is_folder(folder)]


def _base(environ: Mapping[str, str], name: str, default: Path) -> Path:
    """A base directory; a relative one does not count (XDG Base Directory Specification)."""
    value = environ.get(name, "")
    return Path(value) if value.startswith("/") else default


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def hashes_of(metainfo: Metainfo) -> Sequence[str]:
    """The info hashes of a torrent: of v2 also as those have it who have room for 20 bytes."""
    both = (metainfo.info_hash_v1, metainfo.info_hash_v2)
    found = [each.hex() for each in both if each is not None]
    if metainfo.info_hash_v2 is not None:
        found.append(metainfo.info_hash_v2.hex()[:40])
    return found
