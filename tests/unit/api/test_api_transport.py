"""Requests on the wire: what is sent, when it counts, who waits for it."""

import gzip
import json
import tracemalloc
import zlib
from functools import partial

import httpx
import pytest
import trio
import trio.testing
from api_support import BASE, COOKIE, TOKEN

from biofs import __version__
from biofs.api import errors
from biofs.api.actions import Api
from biofs.api.requests import Request
from biofs.api.secrets import Secret
from biofs.api.transport import Transport

WANT = Api.stats.request()
KEYS = Secret("auth-key"), Secret("pass-key")
TORRENT_FILE = b"d8:announce1:xe"


def success(response=None, **more):
    return httpx.Response(200, json={"status": "success", "response": response or {}}, **more)


async def test_an_answer_arrives_decoded(connect):
    transport = await connect(lambda _: success({"torrentCount": 5}))
    answer = await transport.send(WANT)
    assert answer.request is WANT
    assert answer.response == {"torrentCount": 5}
    assert json.loads(answer.body)["status"] == "success"


async def test_what_stands_around_answers_is_told_once(connect, caplog):
    transport = await connect(
        lambda _: httpx.Response(200, content=b'<b>Notice</b>{"status":"success","response":5}')
    )
    assert [(await transport.send(WANT)).response for _ in range(3)] == [5, 5, 5]
    [line] = caplog.messages
    assert line.startswith("stats: the server writes something else around its answers")


async def test_what_is_sent(connect):
    sent = []
    transport = await connect(lambda request: sent.append(request) or success())
    await transport.send(
        Api.browse.request(2, category=5, searchstr="naïve & 日本", year="2000-2005")
    )
    assert str(sent[0].url) == (
        f"{BASE}/api.php?action=browse&page=2&filter_cat%5B5%5D=1"
        "&searchstr=na%C3%AFve+%26+%E6%97%A5%E6%9C%AC&year=2000-2005"
    )
    headers = sent[0].headers
    assert headers["authorization"] == f"Bearer {TOKEN.reveal()}"
    assert headers["user-agent"] == f"biofs/{__version__} (+read-only catalogue file system)"
    assert headers["accept-encoding"] == "gzip"
    assert "cookie" not in headers


async def test_a_request_without_action_has_no_parameters(connect):
    sent = []
    transport = await connect(lambda request: sent.append(request) or success())
    await transport.send(Request(""))
    assert str(sent[0].url) == f"{BASE}/api.php"


async def test_a_post_has_its_parameters_twice(connect):
    sent = []
    transport = await connect(lambda request: sent.append(request) or httpx.Response(200))
    assert (await transport.send(Api.clear_user_notification.request("Inbox"))).response is None
    assert sent[0].method == "POST"
    assert sent[0].url.query == b"action=clear_user_notification&type=Inbox"
    assert sent[0].content == b"type=Inbox"


BEARER = f"Bearer {TOKEN.reveal()}"


@pytest.mark.parametrize(
    ("request_", "token", "cookie", "sent"),
    [
        (WANT, TOKEN, None, {"authorization": BEARER}),
        (WANT, TOKEN, COOKIE, {"authorization": BEARER}),
        (WANT, None, COOKIE, {"cookie": COOKIE.reveal()}),
        (Api.top10.request(), TOKEN, COOKIE, {"cookie": COOKIE.reveal()}),
        (Api.notifications.request(), None, COOKIE, {"cookie": COOKIE.reveal()}),
        (Api.userhistory.request(3), TOKEN, COOKIE, {"cookie": COOKIE.reveal()}),
        (Api.download.request(1), TOKEN, COOKIE, {"cookie": COOKIE.reveal()}),
        (Api.download.request(1, *KEYS), TOKEN, COOKIE, {}),
        (Api.download.request(1, *KEYS), None, None, {}),
        (WANT, None, None, errors.TokenMissing),
        (Api.top10.request(), None, None, errors.TokenMissing),
        (Api.download.request(1), None, None, errors.TokenMissing),
        (Api.top10.request(), TOKEN, None, errors.CookieNeeded),
        (Api.notifications.request(), TOKEN, None, errors.CookieNeeded),
        (Api.userhistory.request(3), TOKEN, None, errors.CookieNeeded),
        (Api.download.request(1), TOKEN, None, errors.CookieNeeded),
    ],
)
async def test_the_one_secret_that_works_is_sent(connect, request_, token, cookie, sent):
    seen = []

    def answer(request):
        seen.append(request)
        if request.url.path == "/torrents.php":
            return httpx.Response(200, content=TORRENT_FILE)
        return success()

    transport = await connect(answer, token=token, cookie=cookie)
    if isinstance(sent, dict):
        await transport.send(request_)
        headers = seen[0].headers
        assert {k: headers[k] for k in ("authorization", "cookie") if k in headers} == sent
    else:
        arrivals = []
        with pytest.raises(sent):
            await transport.send(request_, lambda: arrivals.append(1))
        with pytest.raises(sent):
            transport.check(request_)
        assert seen == []
        assert arrivals == [1]


async def test_a_download_goes_elsewhere_and_shows_its_keys_there_only(connect):
    sent = []
    transport = await connect(
        lambda request: sent.append(request) or httpx.Response(200, content=TORRENT_FILE)
    )
    answer = await transport.send(Api.download.request(7, *KEYS))
    assert str(sent[0].url) == (
        f"{BASE}/torrents.php?action=download&id=7&authkey=auth-key&torrent_pass=pass-key"
    )
    assert answer.body == TORRENT_FILE


async def test_cookies_the_server_sets_are_forgotten(connect):
    sent = []

    def answer(request):
        sent.append(request.headers.get("cookie"))
        return success(headers={"set-cookie": "session=other; Path=/; Secure"})

    transport = await connect(answer)
    await transport.send(WANT)
    await transport.send(WANT)
    assert sent == [None, None]
    transport = await connect(answer, token=None, cookie=COOKIE)
    await transport.send(WANT)
    await transport.send(WANT)
    assert sent[2:] == [COOKIE.reveal()] * 2


async def test_a_redirect_is_not_followed(connect):
    sent = []

    def answer(request):
        sent.append(request)
        return httpx.Response(302, headers={"location": "https://evil.example/api.php"})

    transport = await connect(answer)
    with pytest.raises(errors.BadAnswer, match=r"https://evil\.example"):
        await transport.send(WANT)
    assert len(sent) == 1


async def test_retry_after_counts_from_the_servers_date(connect):
    headers = {
        "retry-after": "Wed, 21 Oct 2020 07:28:30 GMT",
        "date": "Wed, 21 Oct 2020 07:28:10 GMT",
    }
    transport = await connect(lambda _: httpx.Response(503, headers=headers))
    with pytest.raises(errors.RateLimited) as caught:
        await transport.send(WANT)
    assert caught.value.retry_after == 20


# Bodies


def streamed(chunks, **headers):
    async def stream():
        for chunk in chunks:
            await trio.lowlevel.checkpoint()
            yield chunk

    return httpx.Response(200, content=stream(), headers=headers)


BODY = json.dumps({"status": "success", "response": ["x" * 5_000]}).encode()


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("", bytes), ("identity", bytes)],
)
@pytest.mark.parametrize("size", [1, 7, 10**6])
async def test_bodies_come_in_any_pieces(connect, encoding, encode, size):
    body = encode(BODY)
    chunks = [body[i : i + size] for i in range(0, len(body), size)]
    headers = {"content-encoding": encoding} if encoding else {}
    transport = await connect(lambda _: streamed(chunks, **headers))
    assert (await transport.send(WANT)).body == BODY


async def test_a_large_answer_is_decoded_too(connect):
    response = [{"id": i, "name": "x" * 100} for i in range(10_000)]
    transport = await connect(lambda _: success(response))
    assert (await transport.send(WANT)).response == response


@pytest.mark.parametrize("status", [200, 500])
async def test_an_answer_beyond_the_limit_is_not_read_to_its_end(connect, status):
    read = []

    async def endless():
        while True:
            await trio.lowlevel.checkpoint()
            read.append(1)
            yield b" " * 1000

    transport = await connect(
        lambda _: httpx.Response(status, content=endless()), max_answer_bytes=10_000
    )
    with pytest.raises(errors.BadAnswer, match="too large"):
        await transport.send(WANT)
    assert len(read) == 11


async def test_a_gzip_bomb_does_not_go_off(connect):
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 100_000
    transport = await connect(
        lambda _: streamed([bomb], **{"content-encoding": "gzip"}), max_answer_bytes=10**6
    )
    tracemalloc.start()
    try:
        with pytest.raises(errors.BadAnswer, match="too large"):
            await transport.send(WANT)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(BODY, mtime=0)[:-20]),
        ("gzip", b"not compressed at all"),
        ("br", b"whatever"),
        ("gzip, gzip", gzip.compress(BODY, mtime=0)),
    ],
)
async def test_broken_compression_is_a_bad_answer(connect, encoding, body):
    transport = await connect(lambda _: streamed([body], **{"content-encoding": encoding}))
    with pytest.raises(errors.BadAnswer, match="compression"):
        await transport.send(WANT)


# Waiting


async def mute(request):
    await trio.sleep_forever()


async def test_the_arrival_is_told_with_the_headers_not_with_the_body(connect, autojump_clock):
    arrivals = []

    async def slow():
        await trio.sleep(5)
        yield BODY

    async def answer(request):
        await trio.sleep(1)
        return httpx.Response(200, content=slow())

    transport = await connect(answer)
    await transport.send(WANT, lambda: arrivals.append(trio.current_time()))
    assert arrivals == [1]
    assert trio.current_time() == 6


async def test_a_sender_that_goes_away_breaks_nothing_off(connect, autojump_clock):
    done, arrivals = [], []

    async def answer(request):
        await trio.sleep(5)
        done.append(trio.current_time())
        return success()

    transport = await connect(answer)
    with trio.move_on_after(1):
        await transport.send(WANT, lambda: arrivals.append(trio.current_time()))
    assert (done, arrivals) == ([], [])
    await trio.sleep(10)
    assert done == [5]
    assert arrivals == [5]


async def test_an_answer_that_never_ends_is_given_up(connect, autojump_clock):
    async def drip():
        while True:
            await trio.sleep(20)
            yield b" "

    transport = await connect(lambda _: httpx.Response(200, content=drip()))
    with pytest.raises(errors.TimedOut, match="120 seconds"):
        await transport.send(WANT)
    assert trio.current_time() == 120


async def test_headers_that_never_come_are_given_up(connect, autojump_clock):
    arrivals = []
    transport = await connect(mute, total_timeout=50)
    with pytest.raises(errors.TimedOut):
        await transport.send(WANT, lambda: arrivals.append(trio.current_time()))
    assert arrivals == [50]


async def test_so_many_at_once_and_the_rest_waits(connect, autojump_clock, nursery):
    now, most = 0, 0

    async def answer(request):
        nonlocal now, most
        now += 1
        most = max(most, now)
        await trio.sleep(100)
        now -= 1
        return success()

    transport = await connect(answer, parallel=3, total_timeout=120)
    async with trio.open_nursery() as senders:
        for _ in range(9):
            senders.start_soon(transport.send, WANT)
    assert most == 3
    assert trio.current_time() == 300


async def test_without_its_task_nothing_can_be_reached():
    transport = Transport(BASE, token=TOKEN, transport=httpx.MockTransport(lambda _: success()))
    arrivals = []
    with pytest.raises(errors.Unreachable):
        await transport.send(WANT, lambda: arrivals.append(1))
    assert arrivals == [1]


async def test_when_its_task_ends_nobody_is_left_waiting(autojump_clock):
    transport = Transport(BASE, token=TOKEN, transport=httpx.MockTransport(mute), parallel=1)
    failed = []

    async def ask():
        with pytest.raises(errors.Unreachable, match="stopped"):
            await transport.send(WANT)
        failed.append(trio.current_time())

    async with trio.open_nursery() as askers, trio.open_nursery() as owner:
        await owner.start(transport.run)
        for _ in range(3):
            askers.start_soon(ask)
        await trio.sleep(7)
        owner.cancel_scope.cancel()
    assert failed == [7, 7, 7]
    with pytest.raises(errors.Unreachable):
        await transport.send(WANT)


# Failures


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (httpx.ConnectTimeout("x"), errors.TimedOut),
        (httpx.ReadTimeout("x"), errors.TimedOut),
        (httpx.WriteTimeout("x"), errors.TimedOut),
        (httpx.PoolTimeout("x"), errors.TimedOut),
        (httpx.ConnectError("[Errno 111] refused"), errors.Unreachable),
        (httpx.ProxyError("407"), errors.Unreachable),
        (httpx.ReadError("reset"), errors.Unreachable),
        (httpx.WriteError("broken pipe"), errors.Unreachable),
        (httpx.RemoteProtocolError("Server disconnected without sending"), errors.Unreachable),
        (httpx.RemoteProtocolError("illegal status line"), errors.BadAnswer),
        (httpx.DecodingError("x"), errors.BadAnswer),
        (OSError(113, "No route to host"), errors.Unreachable),
        (MemoryError(), errors.BadAnswer),
        (RuntimeError("Authorization: secret"), errors.BadAnswer),
        (ExceptionGroup("x", [ValueError("secret")]), errors.BadAnswer),
    ],
)
async def test_whatever_the_client_raises_is_an_api_error(connect, failure, kind):
    arrivals = []

    def answer(request):
        raise failure

    transport = await connect(answer)
    with pytest.raises(errors.ApiError) as caught:
        await transport.send(WANT, lambda: arrivals.append(1))
    assert type(caught.value) is kind
    assert caught.value.action == "stats"
    assert arrivals == [1]
    assert caught.value.__cause__ is caught.value.__context__ is None


async def real(url, nursery, **options):
    transport = Transport(url, token=TOKEN, **options)
    await nursery.start(transport.run)
    return transport


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"", errors.Unreachable),
        (HEAD + b"Content-Length: 500\r\n\r\n{", errors.Unreachable),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{", errors.Unreachable),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", errors.BadAnswer),
        (HEAD + b"Content-Length: x\r\n\r\n", errors.BadAnswer),
        (HEAD + b"Content-Length: 2\r\n\r\n{}", errors.BadAnswer),
    ],
)
async def test_servers_that_break_off_or_babble(serve, nursery, sent, kind):
    url = await serve(lambda stream: stream.send_all(sent))
    transport = await real(url, nursery)
    for _ in range(3):
        with pytest.raises(errors.ApiError) as caught:
            await transport.send(WANT)
        assert type(caught.value) is kind


async def test_a_real_answer(serve, nursery):
    body = b'{"status":"success","response":{"a":1}}'
    url = await serve(
        lambda stream: stream.send_all(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    )
    transport = await real(url, nursery)
    assert (await transport.send(WANT)).response == {"a": 1}


async def test_a_real_answer_beyond_the_limit_ends_its_connection_only(serve, nursery):
    body = b" " * 5_000_000
    url = await serve(
        lambda stream: stream.send_all(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    )
    transport = await real(url, nursery, max_answer_bytes=1000, parallel=1)
    for _ in range(3):
        with pytest.raises(errors.BadAnswer, match="too large"):
            await transport.send(WANT)


class Fickle:
    """Answers `answers` requests on each connection, and breaks it off under the next."""

    def __init__(self, answers):
        self.answers, self.heard, self.connections = answers, 0, 0
        self.crowd = 0

    async def __call__(self, stream):
        self.connections += 1
        body = b'{"status":"success","response":{}}'
        async with stream:
            for _ in range(self.answers):
                if not await stream.receive_some():
                    return
                self.heard += 1
                while self.connections < self.crowd:
                    await trio.sleep(0.001)
                await stream.send_all(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            if await stream.receive_some():
                self.heard += 1


@pytest.fixture
async def fickle(nursery):
    server = Fickle(1)
    [listener] = await nursery.start(partial(trio.serve_tcp, server, 0, host="127.0.0.1"))
    server.url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
    return server


async def test_a_kept_connection_that_breaks_off_is_told_apart(fickle, nursery):
    transport = await real(fickle.url, nursery)
    for round_ in (1, 2):
        await transport.send(WANT)
        arrivals = []
        with pytest.raises(errors.StaleConnection):
            await transport.send(WANT, lambda: arrivals.append(1))  # noqa: B023
        assert arrivals == [1], "the server may have counted it"
        await transport.send(WANT, anew=True)
        assert (fickle.heard, fickle.connections) == (3 * round_, 2 * round_)


async def test_what_is_sent_anew_meets_no_kept_connection(fickle, nursery):
    fickle.answers, fickle.crowd = 2, 4
    transport = await real(fickle.url, nursery)
    async with trio.open_nursery() as senders:
        for _ in range(4):
            senders.start_soon(transport.send, WANT)
    assert fickle.connections == 4
    fickle.answers = 0
    with pytest.raises(errors.Unreachable):
        await transport.send(WANT, anew=True)
    assert (fickle.connections, fickle.heard) == (5, 5)


async def test_what_changes_something_is_not_sent_again(fickle, nursery):
    transport = await real(fickle.url, nursery)
    await transport.send(WANT)
    with pytest.raises(errors.Unreachable):
        await transport.send(Api.clear_user_notification.request("Inbox"))


async def test_nobody_there(nursery):
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    await listeners[0].aclose()
    transport = await real(f"http://127.0.0.1:{port}", nursery)
    with pytest.raises(errors.Unreachable, match="cannot be reached"):
        await transport.send(WANT)


async def test_a_server_without_tls(serve, nursery):
    url = await serve(lambda stream: stream.send_all(b"hello"))
    transport = await real(url.replace("http:", "https:"), nursery)
    with pytest.raises(errors.Unreachable):
        await transport.send(WANT)


# Dialects


class Server:
    """Knows one endpoint and one name for torrentgroup."""

    def __init__(self, endpoint="api.php", group="torrentgroup"):
        self.endpoint, self.group, self.asked = endpoint, group, []

    def __call__(self, request):
        endpoint, action = request.url.path[1:], request.url.params["action"]
        self.asked.append((endpoint, action))
        if endpoint != self.endpoint:
            return httpx.Response(404, content=b"<html>")
        if action in ("torrentgroup", "group") and action != self.group:
            return httpx.Response(200, json={"status": "failure", "error": "bad parameters"})
        return success()


GROUP = Request("torrentgroup", (("id", "1"),))


async def test_an_older_installation_is_found_out_once(connect):
    server = Server(endpoint="ajax.php")
    transport = await connect(server)
    with pytest.raises(errors.DialectChanged):
        await transport.send(WANT)
    for _ in range(3):
        await transport.send(WANT)
    assert [endpoint for endpoint, _ in server.asked] == ["api.php"] + ["ajax.php"] * 3


async def test_a_later_server_is_found_out_once(connect):
    server = Server(group="group")
    transport = await connect(server)
    with pytest.raises(errors.DialectChanged):
        await transport.send(GROUP)
    for _ in range(3):
        answer = await transport.send(GROUP)
        assert answer.request is GROUP
    assert [action for _, action in server.asked] == ["torrentgroup"] + ["group"] * 3


async def outcomes(transport, request, attempts):
    kinds = []
    for _ in range(attempts):
        try:
            await transport.send(request)
        except errors.ApiError as error:
            kinds.append(type(error))
        else:
            kinds.append(None)
    return kinds


async def test_a_server_that_knows_neither_name_is_asked_twice_for_one_request(connect):
    none_there = [errors.DialectChanged, errors.ServerFault]
    assert await outcomes(await connect(Server("x.php")), WANT, 4) == none_there * 2
    never_good = [errors.DialectChanged, errors.BadRequest]
    assert await outcomes(await connect(Server(group="x")), GROUP, 4) == never_good * 2


async def test_a_server_that_changes_is_followed(connect):
    server = Server()
    transport = await connect(server)
    assert await outcomes(transport, GROUP, 2) == [None, None]
    server.group, server.endpoint = "group", "ajax.php"
    assert await outcomes(transport, GROUP, 4) == [errors.DialectChanged] * 2 + [None, None]
    server.group, server.endpoint = "torrentgroup", "api.php"
    assert await outcomes(transport, GROUP, 4) == [errors.DialectChanged] * 2 + [None, None]


async def test_requests_under_way_together_switch_once(connect, autojump_clock):
    server = Server(endpoint="ajax.php")

    async def answer(request):
        await trio.sleep(1)
        return server(request)

    transport = await connect(answer)
    kinds = []

    async def ask():
        kinds.extend(await outcomes(transport, WANT, 2))

    async with trio.open_nursery() as askers:
        for _ in range(5):
            askers.start_soon(ask)
    assert sorted(map(str, kinds)) == sorted(map(str, [errors.DialectChanged, None] * 5))


async def test_other_refusals_do_not_switch(connect):
    answers = [
        httpx.Response(200, json={"status": "failure", "error": words})
        for words in ("bad id parameter", "bad parameters", "bad parameters")
    ]
    transport = await connect(lambda _: answers.pop(0))
    assert await outcomes(transport, GROUP, 1) == [errors.NotFound]
    assert await outcomes(transport, Api.torrent.request(id=5), 1) == [errors.BadRequest]
    assert await outcomes(transport, Request("torrentgroup"), 1) == [errors.BadRequest]


async def test_a_missing_download_page_says_nothing_of_the_api(connect):
    transport = await connect(lambda _: httpx.Response(404))
    assert await outcomes(transport, Api.download.request(1, *KEYS), 1) == [errors.BadAnswer]


# Surroundings


@pytest.mark.parametrize("proxy", ["hunter2://x", "socks5://u:hunter2@x:1"])
def test_a_proxy_that_cannot_be_used_is_told_in_one_line(monkeypatch, proxy):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(ValueError, match="HTTPS_PROXY: the proxy in it cannot be used") as caught:
        Transport(BASE, token=TOKEN)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None


async def test_a_netrc_file_gives_no_secrets_away(connect, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine torrents.bio login me password hunter2")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    sent = []
    transport = await connect(
        lambda request: sent.append(request) or httpx.Response(200, content=TORRENT_FILE)
    )
    await transport.send(Api.download.request(1, *KEYS))
    assert "authorization" not in sent[0].headers


def test_servers_on_this_machine_need_no_proxy(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "hunter2://x")
    Transport("http://127.0.0.1:1", token=TOKEN)


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_certificates_that_cannot_be_read_are_told_in_one_line(tmp_path, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"ca\.pem"):
        Transport(BASE, token=TOKEN, ca_file=path)


def test_a_bad_url_is_refused():
    with pytest.raises(ValueError, match="https://"):
        Transport("ftp://torrents.bio", token=TOKEN)
