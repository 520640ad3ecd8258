"""What `biofs doctor` finds on machines of all kinds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from biofs.cli import mount_lookup
from biofs.cli.commands import doctor
from biofs.cli.system import checks, fuse
from biofs.cli.system.checks import State
from biofs.contents.disk import mountinfo
from biofs.contents.disk.mountinfo import FSTYPE, Mount
from biofs.control import client
from biofs.control.protocol import Ask
from biofs.errors import QuietError
from biofs.settings.table import DEFAULT_URL, DEMO_URL


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who is not root."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


def test_without_the_device_there_is_something_to_do(tmp_path: Path) -> None:
    found = {finding.what: finding for finding in checks.fuse(tmp_path / "fuse")}
    assert found["fuse"].ok is False
    assert "modprobe fuse" in found["fuse"].said


def test_a_program_that_may_not_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, somebody: None
) -> None:
    program = tmp_path / "fusermount3"
    program.touch(0o755)
    monkeypatch.setattr(fuse, "fusermount", lambda: str(program))
    found = {finding.what: finding for finding in checks.fuse()}
    assert found["fusermount3"].said.endswith(f"have root run `chmod u+s {program}`")
    program.chmod(0o4755)
    found = {finding.what: finding for finding in checks.fuse()}
    assert found["fusermount3"].ok is (program.stat().st_uid == 0)

    def missing() -> str:
        raise QuietError("no fusermount3: install it")

    monkeypatch.setattr(fuse, "fusermount", missing)
    found = {finding.what: finding for finding in checks.fuse()}
    assert found["fusermount3"] == ("fusermount3", False, "no fusermount3: install it")


@pytest.mark.parametrize(
    ("text", "options", "ok", "said"),
    [
        ("", (), True, "`user_allow_other` is needed for -o allow_other alone"),
        ("# user_allow_other\n", ("allow_other",), False, "-o allow_other is set, but not allowed"),
        ("user_allow_other\n", ("allow_root",), True, "mounts may be shown to others"),
        ("user_allow_other # yes\n", ("noatime",), True, "`user_allow_other` is there"),
    ],
)
def test_fuse_conf(
    tmp_path: Path, somebody: None, text: str, options: tuple[str, ...], ok: bool, said: str
) -> None:
    path = tmp_path / "fuse.conf"
    path.write_text(text)
    found = checks.fuse_conf(options, path)
    assert (found.ok, found.said.startswith(said)) == (ok, True), found


@pytest.mark.parametrize(
    ("text", "options", "root", "ok"),
    [
        (None, ("allow_other",), True, True),
        ('PRUNEFS="NFS fuse.biofs tmpfs"\n', ("allow_other",), True, True),
        ("prunefs = 'fuse.BIOFS'\n", (), True, True),
        ('PRUNEFS="NFS fuse.biofsx"\n', (), True, False),
        ('#PRUNEFS="fuse.biofs"\n', ("allow_other",), False, False),
        ("", ("allow_root",), False, False),
        ("", (), False, True),
    ],
)
def test_updatedb(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str | None,
    options: tuple[str, ...],
    root: bool,
    ok: bool,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
    conf = tmp_path / "updatedb.conf"
    if text is not None:
        conf.write_text(text)
    first, *_ = checks.indexers(options, conf=conf, proc=tmp_path, home=tmp_path)
    assert (first.what, first.ok) == ("updatedb", ok), first


def test_a_desktop_search_that_would_read_a_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid)
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "comm").write_text("baloo_file\n")
    (tmp_path / "self").mkdir()
    mounts = [Mount(1, 1, "/home/ada/bio", FSTYPE, "demo"), Mount(2, 1, "/srv", FSTYPE, "demo")]
    monkeypatch.setattr(mountinfo, "read", lambda: mounts)
    monkeypatch.setattr(client, "is_there", lambda _place: True)
    _, *found = checks.indexers((), conf=tmp_path / "none", proc=tmp_path, home=Path("/home/ada"))
    assert found == [
        (
            "indexer",
            False,
            (
                "baloo_file may read /home/ada/bio: "
                "`balooctl6 config add excludeFolders /home/ada/bio` keeps it out"
            ),
        )
    ]
    _, *found = checks.indexers((), conf=tmp_path / "none", proc=tmp_path, home=Path("/home/eva"))
    assert [finding.ok for finding in found] == [True]


def test_mounts_that_answer_and_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    places = ("/a", "/b", "/c", "/d")
    mounts = [Mount(number, 1, place, FSTYPE, "demo") for number, place in enumerate(places)]
    monkeypatch.setattr(mount_lookup, "mine", lambda: mounts)

    def ask(path: str, _do: Ask) -> dict[str, object]:
        if path == "/b":
            raise client.NoMount
        if path == "/c":
            raise client.Failed("the mount does not answer")
        if path == "/d":
            raise client.Stopped("its process is stopped: `kill -CONT 7` continues it")
        return {}

    monkeypatch.setattr(client, "ask", ask)
    assert list(checks.mounts(checks.states())) == [
        ("mount", True, "/a answers"),
        ("mount", False, "/b does not answer: `biofs umount --lazy /b` ends it"),
        ("mount", False, "/c does not answer: `biofs umount --lazy /c` ends it"),
        ("mount", False, "/d: its process is stopped: `kill -CONT 7` continues it"),
    ]
    monkeypatch.setattr(mount_lookup, "mine", list)
    assert list(checks.mounts(checks.states())) == [("mount", True, "none is running")]


@pytest.mark.parametrize(
    ("states", "none_needed"),
    [
        ({}, False),
        ({"/a": {"server": DEMO_URL}}, True),
        (
            {"/a": {"server": DEMO_URL}, "/b": {"server": DEFAULT_URL, "snapshot": {"made": 1}}},
            True,
        ),
        ({"/a": {"server": DEMO_URL}, "/b": {"server": DEFAULT_URL}}, False),
        ({"/a": {"server": DEMO_URL}, "/b": "it does not answer"}, False),
        ({"/a": {}}, False),
    ],
)
def test_a_token_is_needed_for_a_mount_of_the_server_alone(
    states: dict[str, State], none_needed: bool
) -> None:
    assert checks.need_no_token(states) is none_needed


@pytest.mark.parametrize(
    ("ahead", "ok", "said"),
    [
        (None, None, "the server does not tell the time"),
        (0.4, True, "agrees with the server's"),
        (-119.0, True, "agrees with the server's"),
        (7300.0, False, "2 hours ahead of the server's: `timedatectl set-ntp true`"),
        (-300.0, False, "5 minutes behind the server's: `timedatectl set-ntp true`"),
    ],
)
def test_the_clock(ahead: float | None, ok: bool | None, said: str) -> None:
    assert doctor._clock(ahead) == ("clock", ok, said)
