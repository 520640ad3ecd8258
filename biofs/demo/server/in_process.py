"""The embedded catalogue's server in the process that asks it, loaded when it is first asked."""

import httpx
import trio


class InProcess(httpx.AsyncBaseTransport):
    """An httpx transport to the embedded catalogue.

    Starlette and the catalogue take a few tenths of a second to load. A mount answers before: they
    are loaded with the first request, in a thread.
    """

    def __init__(self) -> None:
        self._server: httpx.ASGITransport | None = None
        self._loading = trio.Lock()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async with self._loading:
            if self._server is None:
                self._server = await trio.to_thread.run_sync(_load)
        return await self._server.handle_async_request(request)


def _load() -> httpx.ASGITransport:
    from biofs.demo.server.app import create_app  # noqa: PLC0415 - see InProcess
    from biofs.demo.written.embedded import embedded  # noqa: PLC0415

    return httpx.ASGITransport(create_app(embedded()))
