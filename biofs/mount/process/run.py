"""A mount from its start to its end."""

from __future__ import annotations

import errno
import logging
import os
import resource
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import pyfuse3
import trio

import biofs
from biofs.catalogue.catalogue import Catalogue, open_catalogue
from biofs.catalogue.subscription.following import Following
from biofs.contents.engines import choose
from biofs.contents.engines.engine import EngineError
from biofs.contents.ledger import FILE_NAME, Ledger
from biofs.contents.library import Library
from biofs.contents.torrent_files import default_folders
from biofs.errors import QuietError
from biofs.mount import exchange
from biofs.mount.contents import Contents
from biofs.mount.fetching import Fetching
from biofs.mount.kernel import busy_poll
from biofs.mount.kernel.invalidation import AnswerInodes, KernelCache
from biofs.mount.kernel.waiting import MAX_TASKS, Patience, SignalWatch
from biofs.mount.nodes.base import Nodes
from biofs.mount.operations import Operations
from biofs.mount.process import daemon, memory
from biofs.mount.process.on_read import on_read, settle_budget
from biofs.mount.xattrs import Xattrs
from biofs.settings.load import Settings
from biofs.settings.table import DEMO_URL
from biofs.settings.values import default_cache_dir
from biofs.store.database.files import source_name
from biofs.store.database.snapshot import Snapshot
from biofs.tree.inodes import Kind

log = logging.getLogger(__name__)

_LOOKS: Final = ("/bin/sh", "-c", 'test -e "$0/README.txt"')
"""Any Linux has this shell, and it starts sooner than Python."""

OWN_OPTIONS: Final = frozenset({"nofiles", "nonempty", "xattr", "default_permissions", "ro"})
"""Options of `-o` that mean something to biofs, or that every mount has anyway."""


class Mounted(NamedTuple):
    """A mount that is up, for its companions.

    `state` is what status.json shows; `flush_kernel` returns when the kernel has dropped what it
    had cached of every change so far; `contents` is there if there are data directories, or an
    engine that fetches; `fetching` with an engine; `following` if what is mounted is published at
    a URL.
    """

    mountpoint: Path
    catalogue: Catalogue
    nodes: Mapping[Kind, Nodes]
    state: Callable[[], Mapping[str, object]]
    flush_kernel: Callable[[], Awaitable[None]]
    contents: Contents | None = None
    fetching: Fetching | None = None
    following: Following | None = None


class Companion(Protocol):
    """A task that runs beside a mount until the mount ends, and then is cancelled."""

    async def __call__(self, mounted: Mounted, *, task_status: trio.TaskStatus[None]) -> None: ...


def run(settings: Settings, mountpoint: Path, companions: Sequence[Companion] = ()) -> int:
    """Mount, and return the exit code.

    In the foreground: when the mount has ended. Otherwise: as soon as it answers, with the mount
    served by a process of its own. Each of `companions` has started before the mount answers.
    Raises QuietError for what a user must read.
    """
    if settings.foreground:
        daemon.set_up(settings.log_level, settings.log_file)
        return _serve(settings, mountpoint, lambda: None, companions)

    def serve(ready: Callable[[], None]) -> int:
        daemon.set_up(settings.log_level, settings.log_file)
        return _serve(settings, mountpoint, ready, companions)

    return daemon.start(serve)


def _fuse_options(settings: Settings) -> set[str]:
    options = set(pyfuse3.default_options)
    options |= {"ro", "default_permissions", "subtype=biofs", "nosuid", "nodev"}
    options.add(f"fsname={source_name(settings)}")
    return options | (set(settings.fuse_options) - OWN_OPTIONS)


def _serve(
    settings: Settings,
    mountpoint: Path,
    ready: Callable[[], None],
    companions: Sequence[Companion],
) -> int:
    _forbid_core_files()
    daemon.relax_collector()
    memory.end_when_exhausted()
    memory.end_without_reserve()
    unmount = False
    try:
        trio.run(_main, settings, mountpoint, ready, companions)
        unmount = True
    except (MemoryError, trio.TrioInternalError) as error:
        if memory.is_exhausted(error):
            memory.end()
        raise
    except BaseExceptionGroup as group:
        if memory.is_exhausted(group):
            memory.end()
        quiet = group.subgroup(QuietError)
        if quiet is None:
            raise
        unmount = True
        signal.alarm(0)
        raise _first(quiet) from None
    finally:
        # After a crash the mountpoint stays a dead mount: it must not look like an empty directory.
        if pyfuse3_is_open():
            pyfuse3.close(unmount=unmount)
    return 0


def _forbid_core_files() -> None:
    """A core file would hold the token.

    A limit of 1 keeps also from one those programs to which core(5) pipes them whatever the limit.
    """
    for limit in (1, 0):  # who may have none at all may not be given 1
        with suppress(ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
            return


def _first(group: ExceptionGroup[QuietError] | BaseExceptionGroup[QuietError]) -> QuietError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, QuietError)  # noqa: S101 - the subgroup holds nothing else
    return error


_session = False


def pyfuse3_is_open() -> bool:
    """Whether pyfuse3.init succeeded in this process."""
    return _session


def _mount(operations: Operations, settings: Settings, mountpoint: Path) -> None:
    global _session  # noqa: PLW0603 - pyfuse3 has one session a process
    with daemon.captured_stderr() as said:
        try:
            pyfuse3.init(operations, str(mountpoint), _fuse_options(settings))
        except RuntimeError as error:
            reason = said() or str(error)
            if os.geteuid() != 0 and os.strerror(errno.EPERM) in reason:
                reason += ": fusermount3 may not be setuid root, `biofs doctor` says"
            raise QuietError(f"cannot mount on {mountpoint}: {reason}") from None
    _session = True


async def _main(
    settings: Settings,
    mountpoint: Path,
    ready: Callable[[], None],
    companions: Sequence[Companion],
) -> None:
    started = time.monotonic()
    async with AsyncExitStack() as stack:
        catalogue = await stack.enter_async_context(open_catalogue(settings))
        watch, answer_inodes = SignalWatch(), AnswerInodes()
        operations: Operations
        contents = _contents(settings, catalogue)
        if contents is not None:
            stack.callback(contents.close)
        fetching = _fetching(settings, contents)
        if fetching is not None:
            stack.callback(fetching.close)
        owner = os.getuid() if settings.uid is None else settings.uid
        streams = on_read(settings, fetching, owner)
        if streams is not None:
            stack.callback(streams.close)

        following: Following | None = None

        def state() -> dict[str, object]:
            return _state(settings, catalogue, operations, watch, started, following)

        kernel = KernelCache(catalogue.index, answer_inodes=answer_inodes)
        operations = Operations(
            catalogue,
            Patience(settings.wait, watch),
            state,
            uid=owner,
            gid=os.getgid() if settings.gid is None else settings.gid,
            account=settings.account,
            lists_files="nofiles" not in settings.fuse_options,
            answer_inodes=answer_inodes,
            xattrs=_xattrs(settings, catalogue, contents),
            contents=contents,
            forget_pages=kernel.forget,
            **({} if streams is None else {"listing": streams.lists}),
        )
        catalogue.changes.subscribe(kernel)
        following = exchange.following(settings, catalogue, operations, kernel)
        mounted = Mounted(
            *(mountpoint, catalogue, operations.nodes, state, kernel.flush),
            *(contents, fetching, following),
        )
        _mount(operations, settings, mountpoint)
        busy_poll.look_closely()
        async with trio.open_nursery() as nursery:
            for companion in companions:
                await nursery.start(partial(companion, mounted))
            asked_to_end = trio.Event()
            nursery.start_soon(memory.end_soon_after_failure, asked_to_end.is_set)
            nursery.start_soon(_end_on_signal, nursery.cancel_scope, asked_to_end)
            nursery.start_soon(watch.run)
            if contents is not None:
                await nursery.start(contents.run)
            if fetching is not None and settings.engine != "libtorrent":
                nursery.start_soon(fetching.learn_directory)
            if streams is not None:
                nursery.start_soon(settle_budget, streams)
            nursery.start_soon(kernel.run)
            if following is not None:
                await nursery.start(following.run)
            nursery.start_soon(memory.give_back, operations.served, operations.forget_all)
            nursery.start_soon(_announce, mountpoint, ready)
            await pyfuse3.main(min_tasks=1, max_tasks=MAX_TASKS)
            log.info("unmounted")
            asked_to_end.set()
            nursery.cancel_scope.cancel()


def _contents(settings: Settings, catalogue: Catalogue) -> Contents | None:
    if not settings.data and settings.engine is None:
        return None
    # A snapshot has no store to write to; what was verified is worth keeping all the same.
    cache = default_cache_dir() if settings.snapshot else settings.cache_dir
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - as it is where no home is known
    folders = [*settings.torrents, *default_folders(home, os.environ)]
    path = None if cache is None else cache / FILE_NAME
    library = Library(settings.data, folders, Ledger(path), downloads=_downloads(settings))
    return Contents(catalogue, library, settings.passkey)


def _downloads(settings: Settings) -> Sequence[Path]:
    """Where libtorrent puts what it fetches; other engines say it themselves, later."""
    if settings.engine != "libtorrent":
        return ()
    try:
        directory = choose.download_dir(settings)
    except EngineError as error:
        raise QuietError(str(error)) from None
    if settings.download_dir is None:
        with suppress(OSError):  # whoever fetches is told
            directory.mkdir(parents=True, exist_ok=True)
    return (directory,)


def _fetching(settings: Settings, contents: Contents | None) -> Fetching | None:
    """What fetches. Its engine is neither started nor asked before somebody fetches."""
    if contents is None or settings.engine is None:
        return None
    make = partial(choose.choose, settings)
    return Fetching(contents, make, ask_above=settings.ask_above)


def _xattrs(settings: Settings, catalogue: Catalogue, contents: Contents | None) -> Xattrs | None:
    if "xattr" not in settings.fuse_options:
        return None
    store = catalogue.store
    server = store.about.server if isinstance(store, Snapshot) else settings.url
    # Nobody serves pages at the embedded catalogue's address.
    surveys = None if contents is None else contents.surveys
    return Xattrs(catalogue, "" if server == DEMO_URL else server, surveys)


async def _end_on_signal(scope: trio.CancelScope, asked_to_end: trio.Event) -> None:
    """Cancelling ends at once, with requests in flight; pyfuse3.terminate would wait for them."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async for number in signals:
            log.info("ends on %s", signal.Signals(number).name)
            daemon.tell("STOPPING=1")
            asked_to_end.set()
            scope.cancel()
            return


def _look(mountpoint: Path) -> int:
    """Have a child look into the directory; its wait status, 0 if it was answered."""
    nowhere = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
    command = [*_LOOKS, os.fspath(mountpoint)]
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=nowhere)
    return os.waitpid(pid, 0)[1]


async def _announce(mountpoint: Path, ready: Callable[[], None]) -> None:
    """Say that the mount answers, when it does: it is asked through the kernel.

    A child asks. A thread of ours would wait for us uninterruptibly if SIGKILL came just now, and
    so keep the process, its mount and itself alive for ever.
    """
    # Not waited for when the mount ends: the child ends with it.
    if await trio.to_thread.run_sync(_look, mountpoint, abandon_on_cancel=True):
        raise QuietError(f"{mountpoint}: mounted, but it does not answer")
    log.info("mounted on %s", mountpoint)
    daemon.tell("READY=1")
    ready()


def _source(
    settings: Settings, catalogue: Catalogue, following: Following | None
) -> dict[str, object]:
    if not isinstance(catalogue.store, Snapshot):
        return {"server": settings.url}
    made, server = catalogue.store.about
    file = settings.snapshot_url if following is not None else str(settings.snapshot)
    said: dict[str, object] = {"file": file, "made": made}
    if following is not None:
        said |= following.state()
    return {"server": server, "snapshot": said}


def _state(
    settings: Settings,
    catalogue: Catalogue,
    operations: Operations,
    watch: SignalWatch,
    started: float,
    following: Following | None,
) -> dict[str, object]:
    return {
        "biofs": biofs.__version__,
        **_source(settings, catalogue, following),
        "account": {"token": settings.token is not None, "cookie": settings.cookie is not None},
        "mounted_seconds": round(time.monotonic() - started),
        **catalogue.state(),
        "readers_waiting": len(watch),
        "open_handles": operations.open_handles,
        "tasks": trio.lowlevel.current_statistics().tasks_living,
        "python": sys.version.split()[0],
    }
