"""A catalogue in which every text is an attack, mounted for real."""

from __future__ import annotations

import errno
import json
import os
import random
import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from biofs.demo.memory import Memory
from biofs.demo.model import Author, Community, Entry, Group, Torrent
from biofs.demo.server.app import create_app
from biofs.demo.written.build import moment
from biofs.demo.written.embedded import embedded
from tests.faults.faults_support import CATEGORY, failing, mounting, patiently
from tests.support.giants import MIB, long_name, many_files, many_groups, peak
from tests.support.mounting import Mount
from tests.support.server import running

NASTY = (
    *(
        "",
        " ",
        ".",
        "..",
        "...",
        "../../../etc/passwd",
        "/etc/passwd",
        "/",
        "//",
        "a/b",
        "\\",
        "-rf",
    ),
    *("group.json", "description.txt", "files", "torrent.json", "index.jsonl", "README.txt"),
    *("\x1b[2J\x1b]0;owned\x07", "a\nb", "a\rb", "\t", "\0", "a\0b", "\x7f", "\x9b31m", "\u2028"),
    *(
        "\u202egpj.exe",
        "\u200b",
        "\ufeff",
        "\u0301",
        "e\u0301",
        "é",
        "\U0001f9ec" * 80,
        "日本" * 99,
    ),
    *("n" * 255, "n" * 256, "n" * 5000, "[1]", "x [1]", "x [999999999]", "CON", "~", "$(reboot)"),
    *("`reboot`", "%s%n", "{{{1}}}", "|||", "a{{{1}}}|||b", "&amp;amp;", "&#0;", "&nbsp;", "<b>"),
    *("*", "?", "--help", "'", '"', "\u061c", "ﷺ" * 90),
)
BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
TEXT = st.sampled_from(NASTY) | st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
PATH = st.lists(TEXT, min_size=1, max_size=4).map("/".join)
SIZE = st.sampled_from([0, -1, 1, 2**31, 2**63 - 1, -(2**63)])  # orjson writes no larger ones
LENGTH = SIZE | st.sampled_from([2**63, 2**70, -(2**70)])


@st.composite
def torrents(draw: st.DrawFn, number: int) -> Torrent:
    files = tuple(Entry(path, draw(LENGTH)) for path in draw(st.lists(PATH, max_size=6)))
    return Torrent(
        number,
        files,
        size=draw(SIZE),
        file_count=len(files),
        time=moment("2020-01-01 00:00:00"),
        file_path=draw(TEXT),
        platform=draw(TEXT),
        format=draw(TEXT),
        scope=draw(TEXT),
        license=draw(TEXT),
        archive=draw(TEXT),
        description=draw(TEXT),
        username=draw(TEXT),
        raw_file_list=draw(st.none() | TEXT),
        stated_hash=f"{number:040X}",
    )


@st.composite
def groups(draw: st.DrawFn) -> list[Group]:
    found = []
    for number in range(1, draw(st.integers(1, 8)) + 1):
        numbers = range(10 * number, 10 * number + draw(st.integers(0, 3)))
        found.append(
            Group(
                number,
                draw(TEXT),
                1,
                moment("2020-01-01 00:00:00"),
                tuple(draw(torrents(torrent)) for torrent in numbers),
                authors=tuple(Author(n, draw(TEXT)) for n in range(draw(st.integers(0, 2)))),
                tags=tuple(draw(st.lists(TEXT, max_size=3))),
                year=draw(st.sampled_from([0, -1, 2020, 99999])),
                organism=draw(TEXT),
                strain=draw(TEXT),
                lab=draw(TEXT),
                description=draw(TEXT | st.sampled_from(["<script>", "<a href='\x1b[2J'>x</a>"])),
            )
        )
    return found


def check_names(names: list[str], *, files: bool = False) -> None:
    """Names that a shell, a terminal and a script can live with."""
    assert len(set(names)) == len(names)
    for name in names:
        raw = os.fsencode(name)
        assert 0 < len(raw) <= 255
        assert b"/" not in raw
        assert b"\0" not in raw
        assert name not in {".", ".."}
        if not files:  # those of files/ are kept byte for byte
            raw.decode()
            kinds = {unicodedata.category(character) for character in name}
            assert not kinds & {"Cc", "Cs", "Zl", "Zp"}, ascii(name)
            assert not set(name) & BIDI


def check_terminal(text: str) -> None:
    """Nothing that moves a cursor or sets a title."""
    assert not [c for c in text if (c < " " and c not in "\n\t") or "\x7f" <= c <= "\x9f"]


def check_tree(directory: Path, root: Path) -> int:
    """How many files stand below; all of them are what they seem, and none leads out."""
    count = 0
    for path, directories, names in os.walk(directory, onerror=_raise):
        check_names([*directories, *names], files=True)
        assert os.path.realpath(path).startswith(os.path.realpath(root))
        for name in names:
            whole = os.path.join(path, name)
            status = os.lstat(whole)
            assert 0 <= status.st_size <= 2**63 - 1
            assert failing(Path(whole).read_bytes) == errno.ENODATA
            count += 1
    return count


def _raise(error: OSError) -> None:
    raise error


def check_group(mount: Mount, directory: Path, group: Group) -> None:
    document = json.loads((directory / "group.json").read_bytes())
    assert document["id"] == group.id
    check_terminal((directory / "description.txt").read_text())
    entries = os.listdir(directory)
    check_names(entries)
    numbers = sorted(int(name.rpartition("[")[2][:-1]) for name in entries if name.endswith("]"))
    assert numbers == [torrent.id for torrent in group.torrents]
    for name in entries:
        if not name.endswith("]"):
            continue
        torrent = directory / name
        assert sorted(os.listdir(torrent)) == [
            *("filelist.jsonl", "files", "magnet.txt", "torrent.json")
        ]
        assert json.loads((torrent / "torrent.json").read_bytes())["id"]
        check_terminal((torrent / "magnet.txt").read_text())
        lines = (torrent / "filelist.jsonl").read_bytes().splitlines()
        assert all(json.loads(line) for line in lines)
        assert check_tree(torrent / "files", mount.path) == len(lines)


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # each is a mount: making a failing one smaller would take minutes
    suppress_health_check=list(HealthCheck),
)
@given(groups())
def test_everything_is_listed_and_nothing_escapes(catalogue: list[Group]) -> None:
    with tempfile.TemporaryDirectory() as base:
        source = Memory(lambda: catalogue, Community())
        with running(create_app(source)) as server, mounting(Path(base), server.url) as mount:
            names = os.listdir(mount.path / CATEGORY)
            check_names(names)
            listed = {
                int(name.rpartition("[")[2][:-1]): name for name in names if name != "index.jsonl"
            }
            assert sorted(listed) == [group.id for group in catalogue]
            lines = (mount.path / CATEGORY / "index.jsonl").read_bytes().splitlines()
            assert len(lines) == len(catalogue)
            for group in catalogue:
                check_group(mount, mount.path / CATEGORY / listed[group.id], group)
            check_terminal((mount.path / ".biofs/status.json").read_text())


VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**63, 2**200, 1.5, 1e300, "", " ", "0", "-7", "1e999", "\0"),
    *("\x1b[2J", "../..", "x" * 70_000, [], [[]], [None], {}, {"a": {"b": []}}, [""] * 50),
)


class Mangling:
    """Puts values of any kind in place of those of an answer, all but a few that name things."""

    KEPT = frozenset({"status", "currentPage", "pages", "error"})

    def __init__(self, app: ASGIApp, seed: int) -> None:
        self._app = app
        self._randomly = random.Random(seed)
        self.state = app.state  # type: ignore[attr-defined]
        self.rate = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""

        async def mangled(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    pair for pair in message["headers"] if pair[0] != b"content-length"
                ]
            elif message.get("body"):
                answer = json.loads(message["body"])
                message["body"] = json.dumps(self._mangle(answer)).encode()
            await send(message)

        await self._app(scope, receive, send if scope["type"] != "http" else mangled)

    def _mangle(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: inner
                if key in self.KEPT
                else self._randomly.choice(VALUES)
                if self._randomly.random() < self.rate
                else self._mangle(inner)
                for key, inner in value.items()
            }
        if isinstance(value, list):
            return [self._mangle(inner) for inner in value]
        return value


def read_all(root: Path) -> Iterator[OSError]:
    """Walk and read everything; what fails."""
    failed: list[OSError] = []
    for path, _, names in os.walk(root, onerror=failed.append):
        for name in names:
            try:
                Path(path, name).read_bytes()
            except OSError as error:
                failed.append(error)
    yield from failed


@pytest.mark.parametrize("rate", [0.02, 0.2, 0.7])
def test_answers_with_values_of_any_kind(tmp_path: Path, rate: float) -> None:
    app = Mangling(create_app(embedded()), seed=int(rate * 100))
    with running(app) as server:  # type: ignore[arg-type]
        with mounting(tmp_path, server.url, "--account") as mount:
            app.rate = rate
            whole = {errno.ENODATA, errno.EIO, errno.ENOENT, errno.EACCES}
            for name in ("categories", "top", "users", "collages", "me"):
                for error in read_all(mount.path / name):
                    assert error.errno in whole, error
            app.rate = 0.0
            # The next honest answer is understood as if nothing had been.
            names = patiently(
                lambda: os.listdir(mount.path / "categories/Images"), also=(errno.EIO,)
            )
            assert names
            assert mount.status()["open_handles"] <= 2


MOST_FILES, MOST_GROUPS = 200_000, 5_000


def test_memory_is_bounded_for_many_files(tmp_path: Path) -> None:
    """600 bytes a file at most, while its list is taken apart."""
    with running(create_app(many_files(MOST_FILES))) as server:
        with mounting(tmp_path, server.url) as mount:
            before = peak(mount)
            [group] = [path for path in (mount.path / CATEGORY).iterdir() if path.is_dir()]
            [torrent] = group.glob("*]")
            assert len(os.listdir(torrent / "files/data")) == MOST_FILES // 1000
            last = f"data/measurements of run {MOST_FILES // 1000 - 1:05}"
            assert len(os.listdir(torrent / "files" / last)) == 1000
            assert (torrent / "filelist.jsonl").stat().st_size > 10 * MIB
            assert peak(mount) - before < 600 * MOST_FILES


def test_memory_is_bounded_for_many_groups(tmp_path: Path) -> None:
    """The index is in the store: 2 KiB a group at most, while they arrive."""
    cache = str(tmp_path / "cache")
    with running(create_app(many_groups(MOST_GROUPS))) as server:
        with mounting(tmp_path, server.url, "--cache-dir", cache, "--rate", "unlimited") as mount:
            before = peak(mount)
            assert len(os.listdir(mount.path / CATEGORY)) == MOST_GROUPS + 1
            assert len(os.listdir(mount.path / CATEGORY)) == MOST_GROUPS + 1
            assert peak(mount) - before < 2048 * MOST_GROUPS


def test_a_name_of_a_megabyte(tmp_path: Path) -> None:
    with running(create_app(long_name(MIB))) as server:
        with mounting(tmp_path, server.url) as mount:
            before = peak(mount)
            names = os.listdir(mount.path / CATEGORY)
            check_names(names)
            [group] = [path for path in (mount.path / CATEGORY).iterdir() if path.is_dir()]
            document = json.loads((group / "group.json").read_bytes())
            assert document["name"] == "N" * MIB
            [torrent] = group.glob("*]")
            assert check_tree(torrent / "files", mount.path) == 1
            assert len((torrent / "filelist.jsonl").read_bytes()) > MIB
            assert peak(mount) - before < 64 * MIB
