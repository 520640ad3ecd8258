"""A transport on a stand-in for the network."""

import contextlib

import httpx
import pytest
import trio
from api_support import BASE, TOKEN

from biofs.api.transport import Transport


@pytest.fixture
def connect(nursery):
    """Start a transport on a handler (plain or async) of httpx requests."""

    async def start(handler, *, token=TOKEN, cookie=None, **options):
        options.setdefault("transport", httpx.MockTransport(handler))
        transport = Transport(BASE, token=token, cookie=cookie, **options)
        await nursery.start(transport.run)
        return transport

    return start


@pytest.fixture
def serve(nursery):
    """Start a server that does as told with every connection; gives its URL."""

    async def start(behave):
        async def handle(stream):
            with contextlib.suppress(trio.BrokenResourceError):
                async with stream:
                    await stream.receive_some()
                    await behave(stream)

        listeners = await nursery.start(trio.serve_tcp, handle, 0)
        port = listeners[0].socket.getsockname()[1]
        return f"http://127.0.0.1:{port}"

    return start
