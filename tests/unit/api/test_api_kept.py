"""Kept connections: as many as are in use at once, and none that was idle for long."""

import httpx
import pytest
import trio
from api_support import TOKEN

from biofs import __version__
from biofs.api.actions import Api
from biofs.api.http import ThroughClient, create_clients
from biofs.api.kept import KEEP_ALIVE, KeptConnections
from biofs.api.transport import Transport

WANT = Api.stats.request()
ANSWER = b'{"status":"success"}'
CLIENT = {"connect_timeout": 1.0, "read_timeout": 1.0, "ca_file": None, "transport": None}


class Way(httpx.AsyncBaseTransport):
    def __init__(self, made):
        made.append(self)
        self.closed = False

    async def aclose(self):
        self.closed = True


@pytest.fixture
def made():
    return []


@pytest.fixture
def kept(made):
    return KeptConnections(lambda: Way(made))


async def test_the_one_that_was_used_last_is_used_again(kept, made):
    first, second = await kept.take(), await kept.take()
    assert made == [first, second]
    kept.give_back(second)
    kept.give_back(first)
    assert await kept.take() is first
    assert await kept.take() is second
    assert len(made) == 2


async def test_what_was_idle_for_too_long_is_closed_by_the_next_request(kept, autojump_clock):
    ways = [await kept.take() for _ in range(3)]
    for way in ways:
        kept.give_back(way)
        await trio.sleep(KEEP_ALIVE / 2)
    assert await kept.take() is ways[2]
    assert [way.closed for way in ways] == [True, False, False]
    assert await kept.take() is ways[1]


async def test_the_only_one_stays_however_long_it_was_idle(kept, autojump_clock):
    way = await kept.take()
    kept.give_back(way)
    await trio.sleep(100 * KEEP_ALIVE)
    assert await kept.take() is way
    assert not way.closed


async def test_all_are_closed_at_the_end(kept):
    ways = [await kept.take() for _ in range(3)]
    for way in ways:
        kept.give_back(way)
    await kept.aclose()
    assert all(way.closed for way in ways)


async def test_so_many_connections_as_requests_at_once(nursery):
    connections = []

    async def serve(stream):
        connections.append(stream)
        while await stream.receive_some():
            await trio.sleep(0.02)
            await stream.send_all(
                b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER)
            )

    listeners = await nursery.start(trio.serve_tcp, serve, 0)
    port = listeners[0].socket.getsockname()[1]
    transport = Transport(f"http://127.0.0.1:{port}", token=TOKEN)
    await nursery.start(transport.run)
    for _ in range(3):
        await transport.send(WANT)
    assert len(connections) == 1
    for _ in range(2):
        async with trio.open_nursery() as together:
            for _ in range(3):
                together.start_soon(transport.send, WANT)
    assert len(connections) == 3
    nursery.cancel_scope.cancel()


async def test_what_is_sent_on_a_kept_connection_is_what_httpx_sends(nursery):
    heads = []

    async def serve(stream):
        while head := await stream.receive_some():
            heads.append(head)
            await stream.send_all(
                b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER)
            )

    listeners = await nursery.start(trio.serve_tcp, serve, 0)
    port = listeners[0].socket.getsockname()[1]
    transport = Transport(f"http://127.0.0.1:{port}/a%20site", token=TOKEN)
    await nursery.start(transport.run)
    want = Api.browse.request(2, category=5, searchstr="naïve & 日本", year="2000-2005")
    await transport.send(want)
    async with httpx.AsyncClient(trust_env=False) as client:
        url = (
            f"http://127.0.0.1:{port}/a%20site/api.php?action=browse&page=2&filter_cat%5B5%5D=1"
            "&searchstr=na%C3%AFve+%26+%E6%97%A5%E6%9C%AC&year=2000-2005"
        )
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": f"biofs/{__version__} (+read-only catalogue file system)",
            "Authorization": f"Bearer {TOKEN.reveal()}",
        }
        await client.get(url, headers=headers)
    assert heads[0] == heads[1]
    assert b"/a%20site/api.php?action=browse&page=2" in heads[0]
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("environment", "proxied"),
    [({}, False), ({"https_proxy": "http://proxy:1"}, True), ({"ALL_PROXY": "proxy:1"}, True)],
)
async def test_a_proxy_of_the_environment_is_taken(monkeypatch, environment, proxied):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    clients = create_clients("https://server.example", **CLIENT)
    assert isinstance(await clients.kept.take(), ThroughClient) == proxied
    beside = create_clients("http://127.0.0.1:8080", **CLIENT)
    assert not isinstance(await beside.kept.take(), ThroughClient)


async def test_a_kept_connection_goes_through_the_proxy(monkeypatch, nursery):
    asked = []

    async def proxy(stream):
        while request := await stream.receive_some():
            asked.append(request.partition(b"\r\n")[0])
            await stream.send_all(
                b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER)
            )

    listeners = await nursery.start(trio.serve_tcp, proxy, 0)
    port = listeners[0].socket.getsockname()[1]
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    transport = Transport("http://server.example", token=TOKEN)
    await nursery.start(transport.run)
    await transport.send(WANT)
    await transport.send(WANT)
    assert asked == [b"GET http://server.example/api.php?action=stats HTTP/1.1"] * 2
    nursery.cancel_scope.cancel()
