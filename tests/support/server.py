"""The embedded catalogue's server on a socket, in a thread of the test process, with its log."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import trio
from starlette.applications import Starlette

from biofs.demo.server.requestlog import RequestLog
from biofs.demo.server.serve import serve


@dataclass(frozen=True)
class Server:
    """A running server."""

    url: str
    app: Starlette

    @property
    def log(self) -> RequestLog:
        """Every request that reached the server."""
        log: RequestLog = self.app.state.log
        return log


@contextmanager
def running(app: Starlette, port: int = 0) -> Iterator[Server]:
    """Serve `app` on the loopback address while the context is open."""
    bound: list[tuple[str, int]] = []
    ready = threading.Event()
    stop: list[tuple[trio.lowlevel.TrioToken, trio.CancelScope]] = []

    async def main() -> None:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                bound.append(
                    await nursery.start(
                        lambda task_status: serve(app, port=port, task_status=task_status)
                    )
                )
                stop.append((trio.lowlevel.current_trio_token(), scope))
                ready.set()

    def run() -> None:
        try:
            trio.run(main)
        finally:
            ready.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait()
    assert bound, "the server did not start"
    host, number = bound[0]
    try:
        yield Server(f"http://{host}:{number}", app)
    finally:
        token, scope = stop[0]
        token.run_sync_soon(scope.cancel)
        thread.join()
