"""Files beneath a data directory: opened without following a link, and never on biofs itself.

A path comes from a torrent, so it is hostile; what lies in the data directory may be changed by
others at any time. Each component is opened relative to the one before, as a mere handle (O_PATH,
open(2)): that asks neither a device nor the daemon for anything. A file is opened for reading only
after its handle has been found to be one of a regular file.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

from biofs.contents.disk import mountinfo
from biofs.contents.disk.openat2 import open_beneath, open_cached

_HANDLE: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CANNOT_TELL: Final = (errno.EXDEV, errno.ENOSYS, errno.EPERM, errno.EAGAIN)
"""Another mount is in between; there is no openat2, or it is forbidden; the path has changed."""

_CHECKED_SECONDS: Final = 1.0

_NOT_THERE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)

Components = tuple[bytes, ...]
"""The names that lead from a directory to something beneath it."""


class Opened(NamedTuple):
    """A regular file that is open for reading, which whoever has this closes."""

    descriptor: int
    status: os.stat_result
    """Its own, from just after it was opened."""


class Handle:
    """An O_PATH descriptor and the number of the mount it is on. Closed on leaving `with`."""

    __slots__ = ("descriptor", "mount")

    def __init__(self, descriptor: int, above: int | None, *, same_mount: bool = False) -> None:
        """Takes the descriptor over; `above` is the mount of the directory it was found in.

        Raises OSError, with ELOOP if it is on a mount of biofs: reading that would wait for the
        daemon, which may be what asks.
        """
        self.descriptor = descriptor
        if same_mount and above is not None:
            self.mount = above
            return
        try:
            self.mount = mountinfo.of_descriptor(descriptor)
            if self.mount != above:
                _refuse_biofs(self.mount)
        except BaseException:
            os.close(descriptor)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Done with it."""
        os.close(self.descriptor)

    def folder(self, name: bytes) -> Handle:
        """A directory in this directory; a link to one is not one."""
        return self._step(name, os.O_DIRECTORY)

    def entry(self, name: bytes) -> Handle:
        """Whatever has this name in this directory, a link itself included."""
        return self._step(name, 0)

    def status(self) -> os.stat_result:
        """fstat(2)."""
        return os.fstat(self.descriptor)

    def regular(self) -> os.stat_result:
        """The status of a regular file; FileNotFoundError if it is anything else."""
        return _regular(self.descriptor)

    def size_of(self, name: bytes) -> int | None:
        """How many bytes the regular file of this name in this directory has; None without one.

        Raises OSError if it could not be looked at.
        """
        try:
            with self.beneath((name,), 0) or self.entry(name) as entry:
                return entry.regular().st_size
        except FileNotFoundError:
            return None

    def listable(self) -> int:
        """A descriptor of this directory that os.scandir takes; the caller closes it."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        return os.open(b".", flags, dir_fd=self.descriptor)

    def beneath(
        self, components: Sequence[bytes], flags: int, *, cached: bool = False
    ) -> Handle | None:
        """What a path of names leads to, found in one call; None if that call cannot tell.

        If `cached`, it waits for no disk, and cannot tell where it would have to. Raises as
        `folder` and `entry`.
        """
        for name in components:
            _check(name)
        path = b"/".join(components)
        try:
            descriptor = open_beneath(self.descriptor, path, _HANDLE | flags, cached=cached)
        except OSError as error:
            if error.errno in _NOT_THERE:
                raise _not_there() from None
            if error.errno in _CANNOT_TELL:
                return None
            raise
        return Handle(descriptor, self.mount, same_mount=True)

    def open(self, name: bytes) -> Opened:
        """The regular file of this name in this directory, for reading; the caller closes it.
        Raises as `DataDirectory.open`."""
        with self.beneath((name,), 0) or self.entry(name) as handle:
            return _opened(handle.descriptor)

    def open_cached(self, name: bytes) -> Opened | None:
        """As `open`, if no disk has to be waited for; None if it would have to, or there is no such
        file. For the event loop."""
        try:
            _check(name)
            descriptor = open_beneath(self.descriptor, name, _HANDLE, cached=True)
        except OSError:
            return None
        try:
            return _opened(descriptor)
        except OSError:
            return None
        finally:
            os.close(descriptor)

    def _step(self, name: bytes, flags: int) -> Handle:
        _check(name)
        try:
            descriptor = os.open(name, _HANDLE | flags, dir_fd=self.descriptor)
        except OSError as error:
            if error.errno in _NOT_THERE:
                raise _not_there() from None
            raise
        return Handle(descriptor, self.mount)


class DataDirectory:
    """A directory that holds data of torrents, such as a BitTorrent client's download directory.

    It is opened anew for each file, or for all of a moment (`LastFolder`). So it may vanish and
    return, as a disk that is unplugged does, and it keeps no disk from being unmounted. The path
    itself is the user's: links in it are followed. All methods may be called from several threads
    at once.
    """

    def __init__(self, path: Path | bytes) -> None:
        self.path: Final = os.fsencode(path)
        self._checked: tuple[int | None, float] = (None, 0.0)
        """The mount it was on, which is none of biofs, and until when that need not be asked."""

    def __repr__(self) -> str:
        return f"DataDirectory({self.path!r})"

    @property
    def kind(self) -> mountinfo.Mount | None:
        """The mount it lies on, with `fstype` and `is_local`; None if the kernel does not say.

        Raises OSError if it cannot be opened.
        """
        with self.handle() as handle:
            return mountinfo.by_id(handle.mount)

    def handle(self) -> Handle:
        """The directory itself.

        Raises OSError: FileNotFoundError or NotADirectoryError if it is not there, ELOOP if it is
        on a mount of biofs.
        """
        # O_DIRECTORY also lets the kernel mount what an automounter keeps at this place.
        return self._handle(os.open(self.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))

    def _handle(self, descriptor: int) -> Handle:
        mount, until = self._checked
        now = time.monotonic()
        handle = Handle(descriptor, mount if now < until else None)
        self._checked = (handle.mount, until if now < until else now + _CHECKED_SECONDS)
        return handle

    def folder(self, components: Sequence[bytes]) -> Handle:
        """A directory beneath; with no components the data directory itself. Raises as `open`."""
        here = self.handle()
        if not components:
            return here
        with here:
            below = here.beneath(components, os.O_DIRECTORY)
        if below is not None:
            return below
        return self._step_by_step(components)

    def _step_by_step(self, components: Sequence[bytes]) -> Handle:
        """The same where another mount is in between, or the kernel has no openat2."""
        here = self.handle()
        for name in components:
            with here:
                below = here.folder(name)
            here = below
        return here

    def open(self, components: Sequence[bytes]) -> int:
        """A descriptor of the regular file at this path beneath, for reading; the caller closes it.

        Raises FileNotFoundError if there is none: also for a link, wherever it leads, for a device,
        a pipe or a socket, and for components that are no names (``..``, or with a ``/``). Raises
        OSError with ELOOP for what is on a mount of biofs, and PermissionError or others of the
        file system's if it could not be looked at.
        """
        with self._file(components) as handle:
            return _opened(handle.descriptor).descriptor

    def open_cached(
        self, components: Sequence[bytes], is_local: Callable[[int], bool]
    ) -> Opened | None:
        """As `open`, if no disk has to be waited for; else None. For the event loop.

        `is_local` says of the number of a mount whether its files lie in this machine. A file that
        cannot be opened is None as well: `open` says why.
        """
        try:
            below = self._cached(components, 0, is_local) if components else None
            if below is None:
                return None
            with below:
                return _opened(below.descriptor)
        except OSError:
            return None

    def folder_cached(
        self, components: Sequence[bytes], is_local: Callable[[int], bool]
    ) -> Handle | None:
        """As `folder`, where and when `open_cached` opens files; else None."""
        try:
            return self._cached(components, os.O_DIRECTORY, is_local)
        except OSError:
            return None

    def _cached(
        self, components: Sequence[bytes], flags: int, is_local: Callable[[int], bool]
    ) -> Handle | None:
        here = self._handle(open_cached(self.path, os.O_PATH | os.O_DIRECTORY))
        if not components and is_local(here.mount):
            return here
        with here:
            if not is_local(here.mount):
                return None
            return here.beneath(components, flags, cached=True)

    def status(self, components: Sequence[bytes]) -> os.stat_result:
        """What stat(2) says of the regular file at this path beneath. Raises as `open`."""
        with self._file(components) as handle:
            return handle.regular()

    def _file(self, components: Sequence[bytes]) -> Handle:
        if not components:
            raise _not_there()
        with self.handle() as here:
            below = here.beneath(components, 0)
        if below is not None:
            return below
        with self._step_by_step(components[:-1]) as folder:
            return folder.entry(components[-1])


def _regular(handle: int) -> os.stat_result:
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        raise _not_there()
    return status


def _opened(handle: int) -> Opened:
    """The regular file of a handle, open for reading. Raises as `DataDirectory.open`."""
    seen = _regular(handle)
    descriptor = _reopen(handle)
    status = os.fstat(descriptor)
    if status.st_ino == seen.st_ino and status.st_dev == seen.st_dev:
        return Opened(descriptor, status)
    os.close(descriptor)
    raise _not_there()


def _reopen(handle: int) -> int:
    path = f"/proc/self/fd/{handle}"
    try:
        return os.open(path, _READ | os.O_NOATIME)
    except PermissionError:  # O_NOATIME is for the owner of a file
        return os.open(path, _READ)


def _check(name: bytes) -> None:
    if name in (b"", b".", b"..") or b"/" in name or b"\0" in name:
        raise _not_there()


def _refuse_biofs(mount_id: int) -> None:
    mount = mountinfo.by_id(mount_id)
    if mount is not None and mount.may_be_biofs:
        raise OSError(errno.ELOOP, "on a mount of biofs")


def _not_there() -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
