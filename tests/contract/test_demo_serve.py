"""The demo's server on a real socket."""

import socket
from contextlib import suppress

import httpx
import pytest
import trio

from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.server.app import create_app
from biofs.demo.server.serve import serve
from biofs.demo.written.embedded import embedded

HEADERS = {"authorization": f"Bearer {DONOR_TOKEN}"}


async def test_it_serves_where_it_says(capfd: pytest.CaptureFixture[str]) -> None:
    app = create_app(embedded())
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            host, port = await nursery.start(serve, app)
            assert host == "127.0.0.1"
            base = f"http://{host}:{port}"
            async with httpx.AsyncClient(base_url=base, headers=HEADERS) as client:
                answer = await client.get("/api.php?action=torrentgroup&id=22")
            nursery.cancel_scope.cancel()
    torrent = answer.json()["response"]["torrents"][0]
    assert torrent["fileList"].count("|||") == torrent["fileCount"] - 1 == 4000
    assert app.state.log.count("torrentgroup") == 1
    assert capfd.readouterr() == ("", "")


async def test_it_ends_at_once_with_connections_open() -> None:
    with trio.fail_after(30):
        async with httpx.AsyncClient(headers=HEADERS) as client:
            async with trio.open_nursery() as nursery:
                host, port = await nursery.start(serve, create_app(embedded()))
                kept_alive = await client.get(f"http://{host}:{port}/api.php?action=stats")
                half_sent = await trio.open_tcp_stream(host, port)
                await half_sent.send_all(b"GET /api.php")
                nursery.cancel_scope.cancel()
            assert kept_alive.status_code == 200
            # An end or a reset, as it happens; a connection left open would wait here.
            async with half_sent:
                with suppress(trio.BrokenResourceError):
                    assert await half_sent.receive_some() == b""
        with pytest.raises(OSError, match=r"refused|all attempts"):
            await trio.open_tcp_stream(host, port)


async def test_an_address_in_use_is_a_plain_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with trio.open_nursery() as nursery:
            with pytest.raises(OSError, match="in use"):
                await nursery.start(serve, create_app(embedded()), "127.0.0.1", port)
