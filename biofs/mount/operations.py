"""The requests of the kernel, answered by the handlers of the nodes (`biofs.mount.nodes`).

What is slow waits in getattr, opendir, open, readlink: the kernel holds no lock there. A lookup
or a readdir holds its directory's lock, and everyone else's lookups there wait for it.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Final

import pyfuse3
from pyfuse3 import FileHandleT, FileNameT, FlagT, InodeT

from biofs.catalogue.caller import DryRun, WouldFetch
from biofs.catalogue.catalogue import Catalogue
from biofs.mount.attributes import Attributes, Stat
from biofs.mount.contents import Contents, Data
from biofs.mount.entries import Directories, Directory
from biofs.mount.errnos import ReadOnly, guarded
from biofs.mount.handles import Later, OpenDirectory, OpenFiles
from biofs.mount.kernel.count_only import CountOnly
from biofs.mount.kernel.invalidation import AnswerInodes
from biofs.mount.kernel.names_only import LongListings
from biofs.mount.kernel.waiting import Patience, Waiter
from biofs.mount.nodes.base import Nodes
from biofs.mount.nodes.category import CategoryNodes
from biofs.mount.nodes.files import FilesNodes
from biofs.mount.nodes.group import GroupNodes
from biofs.mount.nodes.root import RootNodes
from biofs.mount.nodes.torrent import TorrentNodes
from biofs.mount.views.base import LinkNodes
from biofs.mount.views.registry import ViewRouter, all_views
from biofs.mount.xattrs import Xattrs
from biofs.tree.inodes import KIND_SHIFT, Address, Kind, beside, unpack

NAME_MAX: Final = 255
_DOTS: Final = (b".", b"..")
_WRITING: Final = 0o3 | 0o2000 | 0o1000  # O_ACCMODE, O_APPEND, O_TRUNC (open(2))


class Operations(ReadOnly):
    """pyfuse3's handlers. They raise pyfuse3.FUSEError alone.

    `state` is what status.json shows; `answer_inodes` is filled with which inodes show which
    answers; `listing` is called with each thread that reads a directory. Without `xattrs` there
    are no extended attributes, without `contents` no file below `files/` opens, without
    `lists_files` the directory of a torrent does not list `files/`. `forget_pages` has the kernel
    drop what it has of an inode.
    """

    # Inode numbers are addresses: also one that the kernel has forgotten can be looked up.
    supports_dot_lookup = True
    enable_writeback_cache = False
    enable_acl = False

    def __init__(
        self,
        catalogue: Catalogue,
        patience: Patience,
        state: Callable[[], dict[str, object]],
        *,
        uid: int,
        gid: int,
        account: bool = False,
        lists_files: bool = True,
        answer_inodes: AnswerInodes | None = None,
        xattrs: Xattrs | None = None,
        contents: Contents | None = None,
        forget_pages: Callable[[int], None] | None = None,
        listing: Callable[[int], None] = lambda _thread: None,
    ) -> None:
        super().__init__()
        self._listing: Final = listing
        self._catalogue: Final = catalogue
        self._contents: Final = contents
        links = LinkNodes(catalogue)
        every_view = all_views(catalogue, links, account=account, contents=contents)
        views = ViewRouter(catalogue, every_view)
        every: list[Nodes] = [
            RootNodes(catalogue, state, views),
            links,
            views,
            CategoryNodes(catalogue),
            GroupNodes(catalogue),
            TorrentNodes(catalogue, contents, lists_files=lists_files),
            FilesNodes(catalogue, contents),
        ]
        self._nodes: Final = {kind: nodes for nodes in every for kind in nodes.kinds}
        self._directories: Final = Directories(
            {kind: nodes.cached_directory for nodes in every for kind in nodes.kept},
            lambda: catalogue.store.changes,
            catalogue.clock,
        )
        self._documents: Final = {
            int(kind): (nodes, above) for nodes in every for kind, above in nodes.listed_in.items()
        }
        self._patience: Final = patience
        self._answer_inodes: Final = answer_inodes if answer_inodes is not None else AnswerInodes()
        self._attributes: Final = Attributes(uid, gid)
        forget = forget_pages or (lambda _inode: None)
        self._files: Final = OpenFiles(catalogue.store, patience, forget)
        # As with attributes, pyfuse3 copies it before the next handler can run.
        self._kept: Final = pyfuse3.FileInfo(keep_cache=True)
        self._number = 0
        self._looked_up = 0
        self._xattrs: Final = xattrs
        self._count_only: Final = CountOnly()
        self._long_listings: Final = LongListings()
        self._opened: Final[dict[int, OpenDirectory]] = {}

    @property
    def nodes(self) -> Mapping[Kind, Nodes]:
        """Who answers for each kind of node."""
        return self._nodes

    @property
    def open_handles(self) -> int:
        """Files and directories that are open now."""
        return len(self._opened) + len(self._files)

    def served(self) -> int:
        """A number that grows with the requests that open or look something up."""
        return self._looked_up + self._number + self._files.opened

    def forget_all(self) -> None:
        """Forget what is in memory only to be found sooner."""
        self._directories.clear()
        for nodes in set(self._nodes.values()):
            nodes.forget_all()
        self._catalogue.forget_all()
        if self._contents is not None:
            self._contents.forget_all()

    def _at(self, inode: int) -> tuple[Nodes, Address]:
        try:
            address = unpack(inode)
            return self._nodes[address.kind], address
        except (ValueError, KeyError):
            raise pyfuse3.FUSEError(errno.ESTALE) from None

    @guarded
    async def lookup(
        self, parent_inode: InodeT, name: FileNameT, ctx: pyfuse3.RequestContext
    ) -> pyfuse3.EntryAttributes:
        self._looked_up += 1
        self._long_listings.looked(parent_inode)
        if name in _DOTS:
            return await self._by_inode(parent_inode, name, ctx)
        directory = self._directory(parent_inode, ctx)
        if directory is not None:
            entry = directory.find(name)
            if entry is not None:
                return self._attributes.fill(entry[2:])
        nodes, address = self._at(parent_inode)
        found: Stat | None = None
        if directory is None:
            caller = self._patience.of(ctx.pid)
            found = await nodes.lookup(address, name, caller)
            if found is not None and nodes.shows_answers:
                self._answer_inodes.add(caller.used_answers, found.inode)
        if found is None:
            # With a timeout the kernel remembers it: editors and shells ask for the same again.
            return self._attributes.absent(nodes.absence(name))
        return self._attributes.fill(found)

    async def _by_inode(
        self, inode: InodeT, name: bytes, ctx: pyfuse3.RequestContext
    ) -> pyfuse3.EntryAttributes:
        """What `.` or `..` of an inode is, which need be no directory.

        The kernel asks for a file handle (open_by_handle_at(2)) whose inode it has forgotten, as
        servers of NFS and SMB keep them; it holds no lock meanwhile.
        """
        if name == b"..":
            nodes, address = self._at(inode)
            inode = InodeT(await nodes.parent(address))
        return await self.getattr(inode, ctx)

    @guarded
    async def getattr(self, inode: InodeT, ctx: pyfuse3.RequestContext) -> pyfuse3.EntryAttributes:
        nodes, address = self._at(inode)
        caller = self._patience.of(ctx.pid)
        found = await nodes.getattr(address, caller)
        if nodes.shows_answers:
            self._answer_inodes.add(caller.used_answers, inode)
        return self._attributes.fill(found)

    @guarded
    async def readlink(self, inode: InodeT, ctx: pyfuse3.RequestContext) -> FileNameT:
        nodes, address = self._at(inode)
        return await nodes.readlink(address, self._patience.of(ctx.pid))

    @guarded
    async def opendir(self, inode: InodeT, ctx: pyfuse3.RequestContext) -> FileHandleT:
        caller = self._patience.of(ctx.pid)
        self._number = number = self._number + 1
        directory = self._directories.get(inode, caller)
        unknown = directory is None or directory.asks
        if unknown and await self._only_counts(inode, caller):
            # As if the wait had run out: nobody looks at this directory, so nobody waits.
            raise pyfuse3.FUSEError(errno.EAGAIN)
        if directory is not None:
            self._opened[number] = OpenDirectory(
                inode, directory.parent, directory, caller, self._long_listings
            )
            return FileHandleT(number)
        nodes, address = self._at(inode)
        version = self._catalogue.store.hold()
        try:
            with nullcontext() if version is None else version.reading():
                listing = await nodes.opendir(address, caller)
                self._answer_inodes.add(caller.used_answers, inode)
                parent = await nodes.parent(address)
        except BaseException:
            if version is not None:
                version.let_go()
            raise
        self._opened[number] = OpenDirectory(
            inode, parent, listing, caller, self._long_listings, version
        )
        return FileHandleT(number)

    async def _only_counts(self, inode: int, caller: Waiter) -> bool:
        """Whether what is in a directory would have to be fetched, just to count it.

        Some programs count by looking at each entry, which fetches documents for their sizes.
        """
        if not await self._count_only.may_count(caller.pid):
            return False
        nodes, address = self._at(inode)
        dry_run = DryRun()
        try:
            listing = await nodes.opendir(address, dry_run)
            entries = await listing.portion(0, dry_run, wait=False)
            if not any(entry.asks for entry in entries):
                return False
        except WouldFetch:
            pass
        try:
            parent = await nodes.parent(address)
        except OSError:
            return False  # deep in a file list that is not known
        return await self._count_only.only_counts(caller.pid, inode, parent)

    @guarded
    async def readdir(self, fh: FileHandleT, start_id: int, token: pyfuse3.ReaddirToken) -> None:
        opened = self._opened[fh]
        if not start_id:  # gzip opens the directory of its file as well, but to read nothing in it
            self._listing(opened.caller.pid)
        await opened.reply(start_id, token, self._attributes)

    @guarded
    async def releasedir(self, fh: FileHandleT) -> None:
        handle = self._opened.pop(fh, None)
        if handle is not None:
            handle.close()

    @guarded
    async def open(
        self, inode: InodeT, flags: FlagT, ctx: pyfuse3.RequestContext
    ) -> pyfuse3.FileInfo:
        if flags & _WRITING:
            raise pyfuse3.FUSEError(errno.EROFS)
        known = self._known_document(inode, ctx)
        if known is not None:
            number = self._files.add(inode, known)
            if self._files.is_outdated(inode):
                return pyfuse3.FileInfo(fh=FileHandleT(number), direct_io=True)
            self._kept.fh = FileHandleT(number)
            return self._kept
        nodes, address = self._at(inode)
        caller = self._patience.of(ctx.pid, ctx.uid)
        content = await self._files.made(nodes, address, caller)
        if caller.has_used_answers:
            self._answer_inodes.add(caller.used_answers, inode)
        keep = nodes.keeps_pages(inode, content)
        direct = isinstance(content, Data) and content.direct
        if not isinstance(content, Data):
            self._attributes.opened(inode, content.size())
        number = self._files.add(inode, content)
        # Past the pages that the kernel has, if another reader puts older ones there.
        volatile = nodes.volatile(address) or direct or self._files.is_outdated(inode)
        return pyfuse3.FileInfo(
            fh=FileHandleT(number), direct_io=volatile, keep_cache=keep and not volatile
        )

    def _known_document(self, inode: int, ctx: pyfuse3.RequestContext) -> Later | None:
        """A document whose content is known, now marked as read; None if it has to be asked for."""
        listed_in = self._documents.get(inode >> KIND_SHIFT)
        if listed_in is None:
            return None
        nodes, above = listed_in
        try:
            directory = self._directory(beside(inode, above), ctx)
        except OSError:  # of something that is not known: `open` may find out
            return None
        size = None if directory is None or directory.asks else directory.size_of(inode)
        if directory is None or size is None:
            return None
        self._catalogue.groups.mark_read(directory.group)
        self._attributes.opened(inode, size)
        return Later(nodes, inode, directory.group, ctx.pid, ctx.uid)

    def _directory(self, inode: int, ctx: pyfuse3.RequestContext) -> Directory | None:
        """A directory that is known whole; None for any other, and what is none."""
        if not self._directories.keeps(inode):
            return None
        directory = self._directories.at_hand(inode)
        return directory or self._directories.made(inode, self._patience.of(ctx.pid))

    @guarded
    async def read(self, fh: FileHandleT, off: int, size: int) -> bytes:
        return await self._files.read(fh, off, size)

    async def settle(self) -> None:
        """Have every open file hold its content, before what is known is replaced as a whole."""
        await self._files.settle()

    @guarded
    async def flush(self, fh: FileHandleT) -> None:
        # Nothing to flush, and the kernel does not ask again after this.
        raise pyfuse3.FUSEError(errno.ENOSYS)

    @guarded
    async def release(self, fh: FileHandleT) -> None:
        self._files.close(fh)

    def forget(self, inode_list: Sequence[tuple[InodeT, int]]) -> None:  # type: ignore[override]
        """Inode numbers are addresses: there is no table from which to forget them."""

    @guarded
    async def statfs(self, ctx: pyfuse3.RequestContext) -> pyfuse3.StatvfsData:
        data = pyfuse3.StatvfsData()
        data.f_bsize = data.f_frsize = 4096
        data.f_blocks = data.f_bfree = data.f_bavail = 0
        data.f_files = data.f_ffree = data.f_favail = 0
        data.f_namemax = NAME_MAX
        return data

    @guarded
    async def getxattr(self, inode: InodeT, name: bytes, ctx: pyfuse3.RequestContext) -> bytes:
        if self._xattrs is None:
            # Asked once and never again, instead of twice for each file of every `ls -l`.
            raise pyfuse3.FUSEError(errno.ENOSYS)
        return await self._xattrs.value(self._at(inode)[1], name, self._patience.of(ctx.pid))

    @guarded
    async def listxattr(self, inode: InodeT, ctx: pyfuse3.RequestContext) -> Sequence[bytes]:
        if self._xattrs is None:
            raise pyfuse3.FUSEError(errno.ENOSYS)
        return await self._xattrs.names(self._at(inode)[1])
