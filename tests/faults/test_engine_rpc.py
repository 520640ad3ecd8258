"""Clients whose RPC answers wrongly, late, or without an end: one line, and no secret in it."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biofs.api.secrets import Secret
from biofs.contents.engines.engine import Engine, EngineError
from biofs.contents.engines.rpc import bounded, transmission_answers
from biofs.contents.engines.rpc.qbittorrent import QBittorrent
from biofs.contents.engines.rpc.transmission import Transmission
from tests.support import rpc_server
from tests.support.rpc_server import ANNOUNCE, Behaviour, Rpc, serving
from tests.support.swarm import PASSKEY, private_torrent

PASSWORD = "correct-horse-battery"
TIMEOUT = 0.4
TORRENT, FILES = private_torrent(b"one", 3, 1000, announce=ANNOUNCE)
HASH = bytes.fromhex(rpc_server.Transmission(TORRENT, FILES).hash)

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**63, -1, 10**400])
    | st.floats()
    | st.text()
    | st.sampled_from(["\ud800", "../../etc", "/", "\0", "C:\\x", "a\nb", "x" * 5000, HASH.hex()]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)

CALLS: dict[str, Callable[[Engine], object]] = {
    "all": lambda engine: engine.all(),
    "progress": lambda engine: engine.progress(HASH),
    "fetch": lambda engine: engine.fetch(TORRENT, [1]),
    "cancel": lambda engine: engine.cancel(HASH),
    "directory": lambda engine: engine.directory(HASH),
    "download_directory": lambda engine: engine.download_directory(),
}


class Made:
    """An engine, and the client that it is to use."""

    def __init__(self, name: str, rpc: Rpc, timeout: float = TIMEOUT) -> None:
        self.rpc = rpc
        kind = Transmission if name == "transmission" else QBittorrent
        self.engine: Engine = kind(rpc.url, "kim", Secret(PASSWORD), timeout=timeout)

    def refused(self, call: str = "all") -> str:
        """What the engine says of a call that fails."""
        with pytest.raises(EngineError) as caught:
            CALLS[call](self.engine)
        assert caught.value.__context__ is None
        text = str(caught.value)
        assert "\n" not in text
        assert len(text) < 250
        assert not any(each in text for each in (PASSWORD, PASSKEY, "announce", "Error"))
        # What is wrong, and what to do about it.
        assert any(each in text for each in ("?", "give", "see", "start it"))
        return text


@pytest.fixture(params=["transmission", "qbittorrent"])
def made(request: pytest.FixtureRequest) -> Iterator[Made]:
    kind = rpc_server.Transmission if request.param == "transmission" else rpc_server.QBittorrent
    with serving(kind(TORRENT, FILES)) as rpc:
        made = Made(request.param, rpc)
        yield made
        made.engine.close()


BEHAVIOURS: dict[str, tuple[Behaviour, str]] = {
    "html": (rpc_server.html, "is this its address"),
    "conflict": (rpc_server.conflict, "is this its address"),
    "unauthorized": (rpc_server.status(401), "refuses"),
    "forbidden": (rpc_server.status(403), "refuses"),
    "failing": (rpc_server.status(500), "is this its address"),
    "away": (rpc_server.status(503), "is this its address"),
    "half": (rpc_server.half, "breaks off"),
    "closed": (rpc_server.closed, "cannot be reached"),
    "silent": (rpc_server.silent, "in time"),
    "trickling body": (rpc_server.trickling_body, "in time"),
    "trickling headers": (rpc_server.trickling_headers, "in time"),
    "packed": (rpc_server.packed, "breaks off"),
    "number": (rpc_server.body(b"1"), "is this its address"),
    "list": (rpc_server.body(b'["result", "arguments"]'), "is this its address"),
    "deep": (rpc_server.body(b"[" * 100_000), "is this its address"),
    "many digits": (rpc_server.body(b"1" * 100_000), "is this its address"),
}


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_a_client_that_misbehaves_is_one_line_that_says_what_to_do(
    made: Made, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    behaviour, said = BEHAVIOURS[name]
    shapes_only = name in {"number", "list"} and isinstance(made.engine, QBittorrent)
    made.rpc.behave(behaviour)
    for call in CALLS:
        if not (shapes_only or (name == "html" and call == "download_directory")):
            text = made.refused(call)
            assert said in text or "names a directory" in text
    assert not all(finding.good for finding in made.engine.check())
    for secret in (PASSWORD, PASSKEY):
        assert secret not in caplog.text


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_a_connected_client_that_begins_to_misbehave_is_used_again(made: Made, name: str) -> None:
    assert [each.info_hash for each in made.engine.all()] == [HASH]
    made.rpc.behave(BEHAVIOURS[name][0])
    with contextlib.suppress(EngineError):
        made.engine.all()
    made.rpc.behave(None)
    if name == "unauthorized" and isinstance(made.engine, QBittorrent):
        return  # a password that was refused is not sent again
    assert [each.info_hash for each in made.engine.all()] == [HASH]


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_nothing_follows_a_redirect(made: Made, code: int) -> None:
    with serving(made.rpc.client) as elsewhere:
        made.engine.all()
        made.rpc.behave(rpc_server.redirect(code, elsewhere.url))
        for call in CALLS:
            assert "sends elsewhere" in made.refused(call)
        assert elsewhere.heard == []


def test_an_endless_answer_is_given_up(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    made.engine.close()
    monkeypatch.setattr(bounded, "MOST_BYTES", 1 << 20)
    name = made.engine.name
    most = 1 << 20
    monkeypatch.setattr(bounded.Adapter.__init__, "__defaults__", (most,))
    with_time = Made(name, made.rpc, timeout=60)
    made.rpc.behave(rpc_server.endless)
    assert "too long" in with_time.refused()
    with_time.engine.close()
    # Buffers of the kernel hold some more, in both directions.
    assert made.rpc.sent < most + (16 << 20)


def test_an_answer_of_very_many_values_is_not_unpacked(made: Made) -> None:
    text = b"[" + b"[]," * (bounded.MOST_VALUES // 2) + b"0]"
    assert len(text) < bounded.MOST_BYTES
    made.rpc.behave(rpc_server.body(text))
    slow = Made(made.engine.name, made.rpc, timeout=60)
    assert "too long" in slow.refused()
    slow.engine.close()


def test_a_silent_client_is_asked_once(made: Made) -> None:
    made.engine.all()
    heard = len(made.rpc.heard)
    made.rpc.behave(rpc_server.silent)
    start = time.monotonic()
    made.refused()
    assert time.monotonic() - start < 10 * TIMEOUT
    assert len(made.rpc.heard) == heard + 1


def test_a_client_that_was_started_again_is_gone_on_with(made: Made) -> None:
    made.engine.all()
    made.rpc.client.session_id = "second"
    assert [each.info_hash for each in made.engine.all()] == [HASH]
    made.rpc.client.session_id = "third"
    made.engine.fetch(TORRENT, [0])


def test_a_torrent_that_goes_between_two_calls_is_none(made: Made) -> None:
    client = made.rpc.client
    made.engine.all()
    answered = False

    def gone(handler: rpc_server.Handler) -> None:
        nonlocal answered
        if isinstance(client, rpc_server.Transmission):
            if answered:  # before an answer: behind one, the next request may be there first
                client.torrents = []
            answered = True
            client.answer(handler)
        elif any(each in handler.path for each in ("files", "trackers", "export")):
            handler.reply(404, b"")
        else:
            client.answer(handler)

    made.rpc.behave(gone)
    assert made.engine.all() == []
    assert made.engine.progress(HASH) is None
    if isinstance(client, rpc_server.Transmission):
        assert made.engine.directory(HASH) is None


def test_thousands_of_torrents_cost_a_bounded_number_of_calls(made: Made) -> None:
    client = made.rpc.client
    others = [
        client.fields | dict.fromkeys(("hashString", "hash", "infohash_v1"), f"{at:040x}")
        for at in range(2000)
    ]
    unmarked = [each | {"labels": [], "tags": ""} for each in others]
    listed = [*unmarked, client.fields]
    if isinstance(client, rpc_server.Transmission):
        client.torrents = listed
    else:
        client.values["torrents/info"] = listed
    made.engine.all()
    heard = len(made.rpc.heard)
    assert [each.info_hash for each in made.engine.all()] == [HASH]
    assert len(made.rpc.heard) - heard <= 3


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_shape_of_answers_is_a_progress_or_one_line(made: Made, data: st.DataObject) -> None:
    client = made.rpc.client
    engine = Made(made.engine.name, made.rpc, timeout=0.1).engine
    keys = st.sampled_from(sorted(client.fields))
    fields = client.fields | data.draw(st.dictionaries(keys, ANYTHING, max_size=4))
    listed: object = data.draw(st.just([fields]) | st.just([fields, fields]) | ANYTHING)
    if isinstance(client, rpc_server.Transmission):
        before = client.torrents, client.session
        client.torrents = listed
        client.session = client.session | data.draw(
            st.dictionaries(st.sampled_from(sorted(client.session)), ANYTHING, max_size=2)
        )
        try:
            _call_all(engine)
        finally:
            client.torrents, client.session = before
    else:
        values = dict(client.values)
        client.values["torrents/info"] = listed
        client.values |= data.draw(
            st.dictionaries(st.sampled_from(sorted(values)), ANYTHING, max_size=2)
        )
        try:
            _call_all(engine)
        finally:
            client.values = values


def _call_all(engine: Engine) -> None:
    for call in CALLS.values():
        problem = ""
        try:
            call(engine)
        except EngineError as error:
            problem = str(error)
        assert "\n" not in problem
    for text in [finding.text for finding in engine.check()]:
        text.encode()
        assert "\n" not in text
    engine.close()


def test_fewer_statistics_than_files_make_fewer_wanted_files() -> None:
    fields = {"files": [{"length": 5, "bytesCompleted": 9}] * 3, "fileStats": [{"wanted": True}]}
    progress = transmission_answers.progress_in(HASH, fields)
    assert (list(progress.wanted), list(progress.done), progress.size) == ([0], [5], 5)
