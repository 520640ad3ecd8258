"""What `biofs doctor` looks at on this machine. Nothing here asks the server.

Each check gives findings of one line; `do` is what has to be done, "" if all is right.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from biofs.cli import mount_lookup, stores
from biofs.cli.output import quantities
from biofs.cli.system import fuse as fuse_setup
from biofs.contents.disk import mountinfo
from biofs.control import client
from biofs.control.protocol import Ask
from biofs.errors import QuietError
from biofs.settings.load import Settings
from biofs.settings.table import DEMO_URL
from biofs.store.database import files
from biofs.store.database.files import StoreError
from biofs.store.database.read_only import open_read_only

UPDATEDB_CONF = Path("/etc/updatedb.conf")
LEAST_FREE = 64 << 20
"""Bytes that a disk should have free for a cache to grow in."""

_ALLOW = ("allow_other", "allow_root")
_PRUNED = re.compile(r"""^\s*PRUNEFS\s*=\s*["']?([^"'#]*)""", re.MULTILINE | re.IGNORECASE)
_INDEXERS = {
    "baloo_file": "`balooctl6 config add excludeFolders {}` keeps it out",
    "tracker-miner-f": "leave {} out in the settings of your desktop's search",
    "localsearch-3": "leave {} out in the settings of your desktop's search",
}
"""Programs that read a home directory by themselves (the first 15 bytes of their names, as
/proc/PID/comm has them), and what to do about it."""


class Finding(NamedTuple):
    """A line of the report. `ok` None: not checked."""

    what: str
    ok: bool | None
    said: str


def _right(what: str, said: str) -> Finding:
    return Finding(what, True, said)


def _wrong(what: str, said: str) -> Finding:
    return Finding(what, False, said)


def fuse(device: Path = fuse_setup.DEVICE) -> Iterator[Finding]:
    """The device, the program that mounts, and the library."""
    try:
        fuse_setup.check_device(device)
        yield _right("fuse", f"{device} can be opened")
    except QuietError as error:
        yield _wrong("fuse", error.message)
    try:
        program = Path(fuse_setup.fusermount())
        yield _fusermount(program)
    except QuietError as error:
        yield _wrong("fusermount3", error.message)


def _fusermount(program: Path) -> Finding:
    status = program.stat()
    if os.geteuid() == 0:
        return _right("fusermount3", f"{program}; you are root")
    if status.st_uid == 0 and status.st_mode & stat.S_ISUID:
        return _right("fusermount3", f"{program} may mount for you")
    return _wrong(
        "fusermount3", f"{program} has no right to mount: have root run `chmod u+s {program}`"
    )


def fuse_conf(options: Sequence[str], path: Path = fuse_setup.FUSE_CONF) -> Finding:
    """Whether a mount may be shown to others, if that is what the settings want."""
    wanted = [name for name in options if name in _ALLOW]
    allowed = fuse_setup.others_allowed(path)
    if os.geteuid() == 0 or (wanted and allowed):
        return _right("fuse.conf", "mounts may be shown to others")
    if wanted:
        return _wrong(
            "fuse.conf",
            f"-o {wanted[0]} is set, but not allowed: "
            f"have root put the line `user_allow_other` into {path}",
        )
    said = "is there" if allowed else "is needed for -o allow_other alone"
    return _right("fuse.conf", f"`user_allow_other` {said}")


def python() -> Finding:
    """Whether Python's SQLite can search."""
    with closing(sqlite3.connect(":memory:")) as connection:
        options = {name for (name,) in connection.execute("PRAGMA compile_options")}
    if "ENABLE_FTS5" in options:
        return _right("sqlite", f"{sqlite3.sqlite_version}, with full-text search")
    return _wrong("sqlite", "this Python's SQLite has no FTS5, so `biofs find` finds nothing")


def cache(settings: Settings) -> Iterator[Finding]:
    """The directory and the store of the account: who can read it, how large, how sound."""
    directory = settings.cache_dir
    if directory is None:
        return
    if not directory.exists():
        yield _right("cache", f"{directory}: nothing is kept yet")
        return
    yield _directory(directory)
    try:
        store = stores.known_of(settings)
    except QuietError as error:
        yield Finding("store", True, error.message)
        return
    yield _store(store, settings.cache_size)


def _directory(directory: Path) -> Finding:
    try:
        status = directory.stat()
        free = shutil.disk_usage(directory).free
    except OSError as error:
        return _wrong("cache", f"{directory}: {error.strerror}")
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        return _wrong("cache", f"{directory}: you cannot write there: give --cache-dir")
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return _wrong("cache", f"{directory}: others can look in: run `chmod 700 {directory}`")
    if free < LEAST_FREE:
        return _wrong(
            "cache", f"{directory}: {quantities.size(free)} are free: make room on that disk"
        )
    return _right("cache", f"{directory}, {quantities.size(free)} free")


def _store(store: Path, most: int) -> Finding:
    try:
        mode = store.stat().st_mode
        with closing(open_read_only(store, foreign=False)) as opened:
            ((said,),) = opened.execute("PRAGMA quick_check(1)").fetchall()
    except (sqlite3.DatabaseError, OSError) as error:
        said = str(error)
        mode = 0
    except StoreError as error:
        return _wrong("store", str(error))
    if said != "ok":
        return _wrong("store", f"{store.name} is damaged: the next mount sets it aside ({said})")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return _wrong("store", f"{store.name}: others can read it: run `chmod 600 {store}`")
    return _right(
        "store",
        f"{store.name} is sound, {quantities.size(files.size(store))} of {quantities.size(most)}",
    )


State = Mapping[str, object] | str
"""What a mount says of itself, or in a line why it says nothing and what to do about it."""


def states() -> dict[str, State]:
    """The state of each of your mounts, by its mountpoint."""
    return {mount.mountpoint: _state(mount.mountpoint) for mount in mount_lookup.mine()}


def _state(place: str) -> State:
    try:
        return client.ask(place, Ask(do="status"))
    except client.Stopped as error:
        return f"{place}: {error}"
    except (client.Failed, client.NoMount):
        return f"{place} does not answer: `biofs umount --lazy {place}` ends it"


def need_no_token(states: Mapping[str, State]) -> bool:
    """Whether there are mounts, and all of them show the embedded catalogue or a snapshot."""
    return bool(states) and all(
        not isinstance(state, str)
        and (state.get("server") == DEMO_URL or bool(state.get("snapshot")))
        for state in states.values()
    )


def mounts(states: Mapping[str, State]) -> Iterator[Finding]:
    """Whether each of your mounts answers, and which are dead."""
    for place, state in states.items():
        if isinstance(state, str):
            yield _wrong("mount", state)
        else:
            yield _right("mount", f"{place} answers")
    if not states:
        yield _right("mount", "none is running")


def indexers(
    options: Sequence[str],
    *,
    conf: Path = UPDATEDB_CONF,
    proc: Path = Path("/proc"),
    home: Path | None = None,
) -> Iterator[Finding]:
    """Programs that read everything, and would have everything fetched."""
    yield _updatedb(options, conf)
    home = Path.home() if home is None else home
    below = [
        mount.mountpoint
        for mount in mountinfo.read()
        if mount.is_biofs
        and client.is_there(mount.mountpoint)
        and Path(mount.mountpoint).is_relative_to(home)
    ]
    running = _running(proc) & _INDEXERS.keys()
    for name in sorted(running):
        for place in below:
            yield _wrong("indexer", f"{name} may read {place}: {_INDEXERS[name].format(place)}")
    if not (running and below):
        yield _right("indexer", "no desktop search reads a mount of yours")


def _updatedb(options: Sequence[str], conf: Path) -> Finding:
    try:
        text = conf.read_text("utf-8", "replace")
    except FileNotFoundError:
        return _right("updatedb", f"no {conf}: nobody indexes this machine for `locate`")
    except OSError as error:
        return Finding("updatedb", None, f"{conf}: {error.strerror}")
    found = _PRUNED.search(text)
    if found and mountinfo.FSTYPE in found[1].lower().split():
        return _right("updatedb", f"leaves {mountinfo.FSTYPE} out")
    # It runs as root, whom the kernel keeps out of other users' mounts: fuse(4), allow_other.
    if os.geteuid() != 0 and not any(name in _ALLOW for name in options):
        return _right("updatedb", "cannot look into mounts that you alone can see")
    return _wrong("updatedb", f"would read mounts: put {mountinfo.FSTYPE} among PRUNEFS in {conf}")


def _running(proc: Path) -> set[str]:
    """The names of this user's processes."""
    names = set()
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if entry.stat().st_uid == os.geteuid():
                names.add((entry / "comm").read_text("utf-8", "replace").strip())
        except OSError:
            continue  # it has ended
    return names
