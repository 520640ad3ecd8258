"""What a mount answers at its socket, without a mount."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio
import trio.testing
from starlette.applications import Starlette

from biofs.catalogue.caller import DryRun
from biofs.catalogue.catalogue import Catalogue
from biofs.control.handlers.all import Answers
from biofs.control.handlers.explain import Resolver
from biofs.control.protocol import Ask, encode_path
from biofs.control.server import Handler
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from biofs.mount.kernel.waiting import Patience, SignalWatch
from biofs.mount.operations import Operations
from biofs.mount.process.run import Mounted
from tests.support.catalogues import running


class _Caller:
    """What pyfuse3 tells of who asks."""

    pid, uid, gid = 1, 0, 0


CALLER: Any = _Caller()


class Inspected:
    """A mount's answers, without a mount."""

    def __init__(self, catalogue: Catalogue, app: Starlette) -> None:
        self.catalogue = catalogue
        self.app = app
        self.reports: list[str] = []
        patience = Patience(60, SignalWatch())
        self.operations = Operations(catalogue, patience, self._state, uid=0, gid=0, account=True)
        mounted = Mounted(
            Path(), catalogue, self.operations.nodes, self._state, trio.lowlevel.checkpoint
        )
        self._handlers: Mapping[str, Handler] = Answers(mounted).handlers()

    def _state(self) -> dict[str, object]:
        return {"biofs": "0", **self.catalogue.state()}

    async def ask(self, do: str, path: str = "", **options: bool) -> Any:
        """What is answered, and that explaining costs nothing."""
        before = self.app.state.log.count()
        ask = Ask(do=do, path=encode_path(path), **options)
        answer = await self._handlers[do](ask, self.reports.append)
        if do != "refresh":
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert self.app.state.log.count() == before
            assert len(self.catalogue.fetches) == 0
        return answer


@asynccontextmanager
async def inspected(source: Any = None, **options: Any) -> AsyncIterator[Inspected]:
    app = create_app(embedded() if source is None else source)
    async with running(app, **options) as catalogue:
        yield Inspected(catalogue, app)


async def resolve(mount: Inspected, path: str) -> Any:
    resolver = Resolver(mount.operations.nodes)
    return await resolver.resolve([part.encode() for part in path.split("/") if part], DryRun())


async def statements(mount: Inspected, action: Callable[[], Any]) -> int:
    """How many SQL statements the event loop waits for while `action` runs."""
    seen: list[str] = []
    connection = mount.catalogue.store._reader
    connection.set_trace_callback(seen.append)
    try:
        await action()
    finally:
        connection.set_trace_callback(None)
    return len(seen)
