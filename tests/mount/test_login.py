"""`biofs login`, `logout` and `doctor`, as a user runs them, and what they cost the server."""

from __future__ import annotations

import errno
import json
import os
import pty
import stat
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from biofs.demo.accounts import DONOR_PASSKEY, DONOR_TOKEN, MEMBER_TOKEN, REVOKED_TOKEN
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from tests.support.faulty import Moving, Saying
from tests.support.mounting import environment, mounted
from tests.support.server import Server, running

KEYRING = '''
import json, os
from keyring.backend import KeyringBackend

class Stored(KeyringBackend):
    """A keyring in a file, to see what is put into it."""
    priority = float(os.environ.get("TEST_PRIORITY", "5"))
    file = os.environ["TEST_KEYRING"]
    def _all(self):
        if not os.path.exists(self.file):
            return {}
        with open(self.file) as file:
            return json.load(file)
    def _put(self, found):
        with open(self.file, "w") as file:
            json.dump(found, file)
    def get_password(self, service, username):
        if os.environ.get("TEST_LOCKED"):
            raise RuntimeError("locked, and the token is " + str(self._all()))
        return self._all().get(f"{service} {username}")
    def set_password(self, service, username, password):
        if os.environ.get("TEST_LOCKED"):
            raise RuntimeError("locked, and the token is " + password)
        self._put({**self._all(), f"{service} {username}": password})
    def delete_password(self, service, username):
        found = self._all()
        del found[f"{service} {username}"]
        self._put(found)
'''


@dataclass
class User:
    """Somebody with a home directory who logs in at a server."""

    server: Server
    base: Path
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.base / "home"

    @property
    def kept(self) -> list[str]:
        """The files in the directory of settings."""
        directory = self.home / ".config/biofs"
        return sorted(path.name for path in directory.iterdir()) if directory.exists() else []

    def environment(self) -> dict[str, str]:
        runtime = self.base / "run"
        runtime.mkdir(mode=0o700, exist_ok=True)
        null = "keyring.backends.null.Keyring"
        base = {"XDG_RUNTIME_DIR": str(runtime), "PYTHON_KEYRING_BACKEND": null}
        return environment(self.home, **{**base, "BIOFS_URL": self.server.url, **self.extra})

    def run(self, *arguments: str, typed: str = "", code: int = 0) -> str:
        """What the command says, to stdout and stderr; no secret is ever in it."""
        done = subprocess.run(
            [sys.executable, "-m", "biofs", *arguments],
            env=self.environment(),
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        assert "Traceback" not in said
        for secret in (DONOR_TOKEN, MEMBER_TOKEN, REVOKED_TOKEN):
            assert secret not in said
        return said

    def cost(self, action: Callable[[], object]) -> list[str]:
        before = self.server.log.count()
        action()
        return [request.action for request in self.server.log.entries()[before:]]


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    (tmp_path / "home").mkdir()
    with running(create_app(embedded())) as server:
        yield User(server, tmp_path)


@pytest.fixture
def ring(user: User, tmp_path: Path) -> Path:
    """Gives the user a keyring, and says in which file it is."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/test_ring.py").write_text(KEYRING)
    file = tmp_path / "ring.json"
    user.extra = {
        "PYTHONPATH": str(tmp_path / "lib"),
        "PYTHON_KEYRING_BACKEND": "test_ring.Stored",
        "TEST_KEYRING": str(file),
    }
    return file


def secrets_in(directory: Path) -> list[Path]:
    """The files below a directory that hold the token."""
    return [
        path
        for path in directory.rglob("*")
        if path.is_file() and DONOR_TOKEN.encode() in path.read_bytes()
    ]


def test_the_token_goes_into_a_file_of_its_owner_and_mounts_use_it(user: User) -> None:
    said: list[str] = []
    cost = user.cost(
        lambda: said.append(user.run("login", "--rate", "unlimited", typed=f"{DONOR_TOKEN}\n"))
    )
    assert cost == ["index", "user"], "the first answer has no name in it"
    assert "you are hedomedo (user 3, Donor) at " in said[0]
    assert "for you alone to read (the system keyring: there is none)" in said[0]
    assert user.kept == ["login.json", "login.token"]
    for path in (user.home / ".config/biofs").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert secrets_in(user.home) == [user.home / ".config/biofs/login.token"]

    with mounted(user.base, "--rate", "unlimited", env=user.environment()) as mount:
        assert user.cost(lambda: os.listdir(mount.path / "categories/Images")) == ["browse"]
    assert user.cost(lambda: user.run("find", "genome")) == []

    said = [user.run("logout"), user.run("logout", code=1)]
    assert "is forgotten" in said[0]
    assert "not logged in" in said[1]
    assert user.kept == []
    assert user.run("api", "stats", code=1).startswith("biofs: no token: `biofs login` asks")


def test_a_keyring_keeps_it_where_there_is_one(user: User, ring: Path) -> None:
    said = user.run("login", "--rate", "unlimited", typed=DONOR_TOKEN)
    assert "the token is kept in the system keyring" in said
    assert json.loads(ring.read_text()) == {f"biofs {user.server.url}": DONOR_TOKEN}
    assert user.kept == ["login.json"]
    assert secrets_in(user.home) == []
    assert json.loads(user.run("api", "stats"))

    user.extra["TEST_LOCKED"] = "1"
    said = user.run("api", "stats", code=1)
    assert said == (
        "biofs: the system keyring does not give the token: it is locked, or fails (RuntimeError)\n"
    )
    assert "cannot be" not in user.run("cache", "info"), "what asks nobody needs no token"
    del user.extra["TEST_LOCKED"]
    user.run("logout")
    assert json.loads(ring.read_text()) == {}


@pytest.mark.parametrize("why", ["TEST_LOCKED", "TEST_PRIORITY"])
def test_a_keyring_that_keeps_nothing_is_passed_over(user: User, ring: Path, why: str) -> None:
    user.extra[why] = "0.5"
    said = user.run("login", "--rate", "unlimited", typed=DONOR_TOKEN)
    assert "login.token, for you alone to read (the system keyring: " in said
    assert not ring.exists()
    assert json.loads(user.run("api", "stats"))


def test_the_keyring_can_be_left_out(user: User, ring: Path) -> None:
    user.run("login", "--file", "--no-check", typed=DONOR_TOKEN)
    assert user.kept == ["login.json", "login.token"]
    assert not ring.exists()


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        (REVOKED_TOKEN, 1, "does not take this token: "),
        ("no-token-of-anybody", 1, "does not take this token: "),
        ("", 2, "that is no token: a token cannot be empty"),
        ("two\nlines", 2, "that is no token: a token can only hold printable ASCII"),
        ("ключ", 2, "that is no token: a token can only hold printable ASCII"),
    ],
)
def test_a_wrong_token_leaves_nothing_behind(user: User, typed: str, code: int, said: str) -> None:
    heard: list[str] = []
    cost = user.cost(lambda: heard.append(user.run("login", typed=typed, code=code)))
    assert said in heard[0]
    assert heard[0].count("\n") == 1
    assert cost == (["index"] if code == 1 else [])
    assert user.kept == []
    assert not list(user.home.rglob("*.sqlite*"))


def test_without_network_it_says_so_and_what_to_do(user: User) -> None:
    user.extra["BIOFS_URL"] = "http://127.0.0.1:9"
    said = user.run("login", typed=DONOR_TOKEN, code=1)
    assert "the server cannot be reached: nothing kept: try again, or --no-check" in said
    assert user.kept == []
    assert "the token is kept in" in user.run("login", "--no-check", typed=DONOR_TOKEN)


def test_what_stands_before_the_server_is_no_word_about_the_token(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    app = Saying(create_app(embedded()))
    with running(app) as server:
        user = User(server, tmp_path)
        app.say(403, b"<!doctype html>", cf_mitigated="challenge")
        said = user.run("login", typed=DONOR_TOKEN, code=1)
        assert "does not take this token" not in said
        assert "challenge of Cloudflare" in said
        assert "nothing kept: try again" in said
        user.extra["BIOFS_TOKEN"] = DONOR_TOKEN
        found = findings(user.run("doctor", code=1))
        assert found["server"].startswith(f"DO {server.url}: a challenge of Cloudflare")
        assert found["token"] == "-- there is one, from BIOFS_TOKEN; not checked"
        app.body = None
        assert "works" in findings(user.run("doctor"))["token"]


@pytest.mark.parametrize("status", [200, 401])
@pytest.mark.parametrize("key", ["error", "errors"])
def test_invalid_token_is_a_refused_token(tmp_path: Path, status: int, key: str) -> None:
    (tmp_path / "home").mkdir()
    app = Saying(create_app(embedded()))
    with running(app) as server:
        user = User(server, tmp_path)
        said = {key: "invalid token"} | ({"status": "failure"} if key == "error" else {})
        app.say(status, json.dumps(said).encode(), content_type="application/vnd.api+json")
        assert "does not take this token: the token is invalid: nothing kept" in user.run(
            "login", typed=DONOR_TOKEN, code=1
        )
        user.extra["BIOFS_TOKEN"] = DONOR_TOKEN
        with mounted(user.base, "--rate", "unlimited", env=user.environment()) as mount:
            with pytest.raises(PermissionError):
                os.listdir(mount.path / "categories/Images")


@pytest.fixture
def moved(tmp_path: Path) -> Iterator[User]:
    """A user of a site that has moved below another path, whose URL is not known yet."""
    (tmp_path / "home").mkdir()
    with running(Moving(create_app(embedded()), "/gazelle")) as server:
        yield User(server, tmp_path)


def test_a_site_that_has_moved_is_named_and_the_token_does_not_follow(moved: User) -> None:
    url = f"{moved.server.url}/gazelle"
    said = moved.run("login", typed=DONOR_TOKEN, code=1)
    assert f"redirects to {url}: use that URL: nothing kept: `biofs login --url {url}`" in said
    moved.extra["BIOFS_TOKEN"] = DONOR_TOKEN
    found = findings(moved.run("doctor", code=1))
    assert f"redirects to {url}: use that URL: `biofs login --url {url}`" in found["server"]
    with mounted(moved.base, "--rate", "unlimited", env=moved.environment()) as mount:
        with pytest.raises(OSError) as caught:
            os.listdir(mount.path / "categories/Images")
        assert caught.value.errno == errno.EIO
        assert f"redirects to {url}: use that URL" in mount.log.read_text()
    assert moved.server.log.count() == 0, "the application behind the redirect heard nothing"
    del moved.extra["BIOFS_TOKEN"]
    said = moved.run("login", "--rate", "unlimited", "--url", url, typed=DONOR_TOKEN)
    assert f"the URL that is set is {moved.server.url}: set it to {url}" in said
    moved.extra["BIOFS_URL"] = url
    assert json.loads(moved.run("api", "stats"))


@pytest.mark.parametrize("answer", ["y", "n"])
def test_at_a_prompt_the_url_that_a_site_has_moved_to_is_offered(moved: User, answer: str) -> None:
    code, shown = at_a_terminal(
        moved,
        ["login", "--rate", "unlimited"],
        [("API token: ", DONOR_TOKEN), ("log in there? [y/N]: ", answer)],
    )
    assert f"redirects to {moved.server.url}/gazelle: log in there?" in shown
    assert DONOR_TOKEN not in shown
    if answer == "n":
        assert (code, moved.kept, moved.server.log.count()) == (1, [], 0)
        return
    assert code == 0
    assert f"(user 3, Donor) at {moved.server.url}/gazelle" in shown
    login = json.loads((moved.home / ".config/biofs/login.json").read_text())
    assert login["url"] == f"{moved.server.url}/gazelle"


def at_a_terminal(
    user: User, arguments: list[str], dialogue: list[tuple[str, str]]
) -> tuple[int, str]:
    """Run a command at a terminal and answer its questions: its exit code, and what it showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, "-m", "biofs", *arguments], user.environment())
    shown = b""
    try:
        for question, answer in dialogue:
            while question.encode() not in shown:
                shown += os.read(terminal, 1024)
            hidden = "token" in question
            while hidden and termios.tcgetattr(terminal)[3] & termios.ECHO:
                time.sleep(0.01)  # not before the terminal was told to show nothing
            os.write(terminal, f"{answer}\n".encode())
        while more := os.read(terminal, 1024):
            shown += more
    except OSError:
        pass  # how Linux says that the other end of a terminal is closed
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)
    return code, shown.decode()


def test_a_token_is_sent_to_no_other_server(user: User) -> None:
    user.run("login", "--rate", "unlimited", typed=DONOR_TOKEN)
    with running(create_app(embedded())) as other:
        user.extra["BIOFS_URL"] = other.url
        assert user.run("api", "stats", code=1).startswith("biofs: no token")
        assert other.log.count() == 0


def test_another_login_takes_the_place_of_the_last(user: User, ring: Path) -> None:
    user.run("login", "--no-check", typed=DONOR_TOKEN)
    user.run("login", "--no-check", "--url", "https://elsewhere.example", typed=MEMBER_TOKEN)
    assert json.loads(ring.read_text()) == {"biofs https://elsewhere.example": MEMBER_TOKEN}
    user.run("login", "--no-check", "--file", "--url", "https://elsewhere.example", typed="abc-def")
    assert user.kept == ["login.json", "login.token"]


def test_what_wins_over_it_is_said(user: User) -> None:
    user.extra["BIOFS_TOKEN"] = MEMBER_TOKEN
    assert "BIOFS_TOKEN is set and wins" in user.run("login", "--no-check", typed=DONOR_TOKEN)
    del user.extra["BIOFS_TOKEN"]
    config = user.home / ".config/biofs/config.toml"
    config.write_text('token = "abc-def-123"\n')
    config.chmod(0o600)
    assert "config.toml names a token, which wins" in user.run(
        "login", "--no-check", typed=DONOR_TOKEN
    )


def test_a_login_that_makes_no_sense_is_said_and_can_be_repeated(user: User) -> None:
    user.run("login", "--no-check", typed=DONOR_TOKEN)
    (user.home / ".config/biofs/login.json").write_text("{")
    assert user.run("api", "stats", code=1).endswith("is not valid; run `biofs login` again\n")
    user.run("login", "--no-check", typed=DONOR_TOKEN)
    (user.home / ".config/biofs/login.token").chmod(0o644)
    assert "others can read it: run `chmod 600 " in user.run("api", "stats", code=1)


def test_at_a_prompt_it_is_not_shown(user: User) -> None:
    code, shown = at_a_terminal(user, ["login", "--no-check"], [("API token: ", DONOR_TOKEN)])
    assert code == 0
    assert DONOR_TOKEN not in shown
    assert "the token is kept in" in shown
    assert user.kept == ["login.json", "login.token"]


def findings(said: str) -> dict[str, str]:
    """What `doctor` says, by what it is about."""
    return {
        line[4:16].strip(): f"{line[:2]} {line[17:]}"
        for line in said.splitlines()
        if line[2:4] == "  "
    }


def test_the_doctor_asks_once_and_finds_all_well(user: User) -> None:
    user.extra["BIOFS_TOKEN"] = DONOR_TOKEN
    said: list[str] = []
    assert user.cost(lambda: said.append(user.run("doctor"))) == ["index"]
    found = findings(said[0])
    assert found["token"] == "ok works, from BIOFS_TOKEN: user 3"
    assert found["clock"] == "ok agrees with the server's"
    assert all(line.startswith("ok ") for line in found.values()), found
    assert user.cost(lambda: said.append(user.run("doctor", "--offline"))) == []
    assert findings(said[1])["server"] == f"-- {user.server.url}: not asked"


@pytest.mark.parametrize(
    ("extra", "about", "line"),
    [
        ({}, "token", "DO no token: `biofs login` asks for it"),
        (
            {"BIOFS_TOKEN": REVOKED_TOKEN},
            "token",
            "DO the token is revoked, from BIOFS_TOKEN: `biofs login` takes another",
        ),
        (
            {"BIOFS_TOKEN": DONOR_TOKEN, "BIOFS_URL": "http://127.0.0.1:9"},
            "server",
            "DO http://127.0.0.1:9: the server cannot be reached",
        ),
        ({"BIOFS_URL": "not a url"}, "settings", "DO BIOFS_URL: "),
    ],
)
def test_the_doctor_says_what_to_do(
    user: User, extra: dict[str, str], about: str, line: str
) -> None:
    user.extra = extra
    said = user.run("doctor", code=1)
    found = findings(said)
    assert found[about].startswith(line), found
    assert [key for key, each in found.items() if each.startswith("DO")] == [about]
    assert "biofs: 1 thing to do" in said
    assert not list(user.home.rglob("*.sqlite*"))


def test_the_doctor_looks_at_the_store_and_the_mounts(user: User) -> None:
    user.extra["BIOFS_TOKEN"] = DONOR_TOKEN
    with mounted(user.base, env=user.environment()) as mount:
        os.listdir(mount.path / "categories/Images")
        found = findings(user.run("doctor", "--offline"))
        assert found["mount"] == f"ok {mount.path} answers"
        assert " is sound, " in found["store"]
    cache = user.home / ".cache/biofs"
    cache.chmod(0o755)
    [store] = cache.glob("*.sqlite")
    store.chmod(0o644)
    found = findings(user.run("doctor", "--offline", code=1))
    assert found["cache"].endswith(f"others can look in: run `chmod 700 {cache}`")
    assert found["store"].endswith(f"others can read it: run `chmod 600 {store}`")
    store.write_bytes(b"SQLite format 3\0" + b"x" * 8192)
    assert (
        "is damaged: the next mount" in findings(user.run("doctor", "--offline", code=1))["store"]
    )


def test_the_doctor_asks_for_no_token_where_none_is_needed(user: User) -> None:
    with mounted(user.base, "--demo", env=user.environment()):
        found = findings(user.run("doctor"))
    assert found["token"].startswith("-- none, and none is needed: your mounts show the embedded")
    assert found["server"].endswith(": not asked")
    assert findings(user.run("doctor", code=1))["token"].startswith("DO no token")


def test_a_mount_that_hangs_is_found(user: User) -> None:
    user.extra["BIOFS_TOKEN"] = DONOR_TOKEN
    with mounted(user.base, env=user.environment()) as mount:
        # Once it has looked at itself: killed before, it would never end (fuse waits for it).
        while "mounted on" not in mount.log.read_text():
            time.sleep(0.01)
        mount.process.kill()
        mount.process.wait()
        found = findings(user.run("doctor", "--offline", code=1))
        assert found["mount"].endswith(f"`biofs umount --lazy {mount.path}` ends it")
        user.run("umount", "--lazy", str(mount.path))
        mount.process.returncode = 0
        mount.process.send_signal = _nothing  # type: ignore[method-assign]


def _nothing(_number: Any) -> None:
    """The process is gone: there is nobody to tell."""


def test_a_passkey_is_kept_beside_the_token(user: User) -> None:
    said = user.run("login", "--passkey", typed=DONOR_PASSKEY, code=1)
    assert "run `biofs login` first" in said
    user.run("login", "--rate", "unlimited", typed=DONOR_TOKEN)
    said = user.run("login", "--passkey", typed=f"{DONOR_PASSKEY}\n")
    assert "login.passkey, for you alone to read" in said
    assert DONOR_PASSKEY not in said
    kept = user.home / ".config/biofs/login.passkey"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert user.kept == ["login.json", "login.passkey", "login.token"]
    assert json.loads(user.run("api", "stats")), "the token works as before"
    user.run("login", "--passkey", typed="", code=2)
    user.run("logout")
    assert user.kept == []


def test_a_keyring_keeps_the_passkey_too(user: User, ring: Path) -> None:
    user.run("login", "--rate", "unlimited", typed=DONOR_TOKEN)
    assert "in the system keyring" in user.run("login", "--passkey", typed=DONOR_PASSKEY)
    assert json.loads(ring.read_text()) == {
        f"biofs {user.server.url}": DONOR_TOKEN,
        f"biofs {user.server.url} passkey": DONOR_PASSKEY,
    }
    assert user.kept == ["login.json"]
    user.run("logout")
    assert json.loads(ring.read_text()) == {}
