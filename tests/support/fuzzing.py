"""What is fuzzed: functions that take any bytes, and raise nothing unless something is wrong.

`tests/unit/test_fuzz.py` feeds them what Hypothesis makes, scripts/fuzz what atheris finds with an
eye on which branches it reaches.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec

from biofs.api.actions import Api
from biofs.api.envelope import Reply, interpret
from biofs.api.errors import ApiError
from biofs.api.models import BrowsePage, GroupAnswer
from biofs.api.requests import Answer, Request
from biofs.api.secrets import redacted, redacted_body
from biofs.control import protocol
from biofs.tree import filelist, names, render
from biofs.tree.layout import FileTree
from biofs.tree.metainfo import MOST_PIECES, InvalidMetainfo, parse
from biofs.tree.pieces import is_right
from biofs.tree.printable import unescape

RECORDINGS: Final = Path(__file__).parents[1] / "data/recordings"
METAINFO: Final = Path(__file__).parents[1] / "data/metainfo"

ACTIONS: Final[tuple[Callable[[Api], Coroutine[Any, Any, object]], ...]] = (
    lambda api: api.browse(category=1),
    lambda api: api.torrentgroup(id=1),
    lambda api: api.torrent(id=1),
    lambda api: api.tcomments(1),
    lambda api: api.collage(1),
    lambda api: api.artist(id=2),
    lambda api: api.top10(),
    lambda api: api.top10("tags"),
    lambda api: api.top10("users"),
    lambda api: api.user(3),
    lambda api: api.usersearch("e"),
    lambda api: api.community_stats(3),
    lambda api: api.user_recents(3),
    lambda api: api.userhistory(4),
    lambda api: api.inbox(),
    lambda api: api.conversation(1),
    lambda api: api.bookmarks(),
    lambda api: api.notifications(),
    lambda api: api.get_user_notifications(),
    lambda api: api.index(),
    lambda api: api.stats(),
    lambda api: api.announcements(),
)


def _run(coroutine: Coroutine[Any, Any, object]) -> object:
    """What a coroutine that waits for nothing returns."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")


def _api(body: bytes, status: int) -> Api:
    async def send(request: Request) -> Answer:
        kind = "application/json; charset=utf-8"
        return interpret(request, Reply("https://torrents.bio", status, kind, body))

    return Api(send)


def file_lists(data: bytes) -> None:
    """A torrent's file list and the tree made of it."""
    text = data.decode(errors="replace")
    top, _, listed = text.partition("\n")
    _file_list(listed, top, len(data) % 7)


def _file_list(listed: str, top: str, count: int) -> None:
    entries = filelist.parse(listed, count)
    assert all(0 <= entry.length <= filelist.MAX_LENGTH for entry in entries)
    lines = list(render.filelist_lines(entries))
    assert [json.loads(line)["length"] for line in lines] == [entry.length for entry in entries]
    tree = FileTree.build(entries, unescape(top))
    assert tree.file_count == len(entries)
    total = sum(entry.length for entry in entries)
    assert tree.total_size == min(total, filelist.MAX_LENGTH)
    for node in range(1, len(tree)):
        name = tree.name(node)
        assert 0 < len(name) <= names.NAME_MAX
        assert name not in {b".", b".."}
        assert not set(name) & set(b"/\0")
        assert tree.find(tree.parent(node), name) == node, "nobody shadows a sibling"


def answers(data: bytes) -> None:
    """An answer of the server, and the documents made of it. The first bytes choose the action."""
    if len(data) < 2:
        return
    action = ACTIONS[data[0] % len(ACTIONS)]
    status = (200, 200, 200, 302, 400, 401, 404, 429, 500, 503)[data[1] % 10]
    body = data[2:]
    try:
        answer = _run(action(_api(body, status)))
    except ApiError as error:
        _one_line(error)
        return
    if isinstance(answer, GroupAnswer):
        json.loads(render.document(render.group_shown(answer.group.raw)))
        render.description_text(answer.group.description).decode()
        for torrent in answer.torrents:
            json.loads(render.document(render.torrent_shown(torrent.raw)))
            render.magnet(torrent.info_hash, torrent.file_path, torrent.size).decode()
            _file_list(torrent.file_list, torrent.file_path, torrent.file_count)
            _dirname(names.torrent_dirname("x", torrent.platform, torrent.scope, torrent.id))
        _dirname(names.group_dirname(answer.group.name, answer.group.id))
    elif isinstance(answer, BrowsePage):
        for row in answer.rows:
            json.loads(render.index_line(row.raw))
            _dirname(names.group_dirname(row.name, row.id))


def _one_line(error: Exception) -> None:
    assert str(error).isprintable()


def _dirname(name: str) -> None:
    raw = name.encode()
    assert 0 < len(raw) <= names.NAME_MAX
    assert not set(raw) & set(b"/\0\n\r\x1b\x7f")
    assert name not in {".", ".."}


def texts(data: bytes) -> None:
    """Names of directories and descriptions."""
    text = data.decode(errors="replace")
    number = int.from_bytes(data[:6], "big")
    name = names.with_id(text, number)
    _dirname(name)
    assert names.id_of(name) == number
    shown = render.description_text(text).decode()
    assert not [c for c in shown if (c < " " and c not in "\n\t") or "\x7f" <= c <= "\x9f"]


def secrets(data: bytes) -> None:
    """Answers without their secrets."""
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return
    try:
        seen = redacted({"passkey": "0123456789abcdef", "answer": value})
    except RecursionError:
        return  # answers are bounded before: biofs.api.decoding
    assert "0123456789abcdef" not in repr(seen)
    redacted_body(data, value)


def control(data: bytes) -> None:
    """Lines of the control socket."""
    said: list[protocol.Ask | protocol.Said] = []
    for read in (protocol.read_ask, protocol.read_said):
        try:
            said.append(read(data))
        except protocol.Malformed:
            continue
    for message in said:
        again = protocol.read_ask if isinstance(message, protocol.Ask) else protocol.read_said
        sent = protocol.line(message)
        assert sent.count(b"\n") == 1
        assert again(sent) == message
    paths = [data.decode(errors="replace"), *[m.path for m in said if isinstance(m, protocol.Ask)]]
    for path in paths:
        parts = protocol.decode_path(path)
        assert not {b"", b"."} & set(parts)
        assert not any(b"/" in part for part in parts)


def metainfo(data: bytes) -> None:
    """A .torrent file."""
    try:
        meta = parse(data)
    except InvalidMetainfo as error:
        _one_line(error)
        return
    assert 0 <= meta.piece_count <= MOST_PIECES
    for index, file in enumerate(meta.files):
        pieces = meta.pieces(index, 0, file.length)
        for piece in pieces[:2]:
            assert sum(part.length for part in piece.parts) == piece.length
            assert not is_right(piece, b"")
        if (found := meta.find(file.path)) is not None:
            assert found <= index or not file.servable
            assert meta.files[found].servable
    kept = meta.kept()
    assert parse(kept).kept() == kept


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = MappingProxyType(
    {
        "file_lists": file_lists,
        "answers": answers,
        "texts": texts,
        "secrets": secrets,
        "control": control,
        "metainfo": metainfo,
    }
)


def seeds() -> Iterator[bytes]:
    """The recorded answers, each as `answers` takes it, and what stands in them."""
    for number, path in enumerate(sorted(RECORDINGS.glob("*.json"))):
        response = json.loads(path.read_bytes())["response"]
        body = json.dumps(response["json"]) if "json" in response else response.get("body", "")
        yield bytes([number % len(ACTIONS), 0]) + str(body).encode()
    yield protocol.line(protocol.Ask(do="refresh", path="a%20b/./c%2F%00//d", everything=True))
    yield protocol.line(protocol.Said(answer={"passkey": "x", "auth": ["key", None, 1.5]}))
    yield b"top\nADH1/a.fsa{{{12}}}|||b&nbsp;c{{{3}}}|||notes s2048s Dr. Smith lab notes{{{a}}}"
    for path in sorted(METAINFO.glob("*.torrent")):
        yield path.read_bytes()
