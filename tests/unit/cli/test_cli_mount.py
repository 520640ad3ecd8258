"""What `biofs mount` hands on, and what it keeps from those it starts."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from biofs.cli import main
from biofs.cli.system import fuse
from biofs.errors import QuietError
from biofs.mount.process import run
from biofs.settings.load import Settings

TOKEN = "test-token-8f3a"


class Lifecycle:
    """Stands for the mount: notes what it was asked to do."""

    def __init__(self) -> None:
        self.asked: list[tuple[Settings, Path]] = []
        self.environ: dict[str, str] = {}
        self.error: Exception | None = None

    def run(self, settings: Settings, mountpoint: Path, companions: Sequence[object]) -> int:
        assert len(companions) == 1, "the socket; without a terminal no line"
        self.asked.append((settings, mountpoint))
        self.environ = dict(os.environ)
        if self.error is not None:
            raise self.error
        return 0


@pytest.fixture
def lifecycle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lifecycle:
    for name in [name for name in os.environ if name.startswith(("XDG_", "BIOFS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BIOFS_TOKEN", TOKEN)
    monkeypatch.setenv("BIOFS_COOKIE", f"session={TOKEN}; userid=3")
    monkeypatch.setattr(fuse, "check", lambda _options: None)
    stand_in = Lifecycle()
    monkeypatch.setattr(run, "run", stand_in.run)
    return stand_in


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "mountpoint"
    path.mkdir()
    return path


def test_every_option_arrives(lifecycle: Lifecycle, place: Path) -> None:
    arguments = [
        *("--url", "https://example.org/", "--cache-dir", "/c", "--rate", "2/6", "--wait", "5"),
        *("--ttl", "7.5", "--offline", "--account", "-f", "-o", "nodev,noatime", "-o", "nosuid"),
        *("--log-file", "/l", "--log-level", "DEBUG", str(place)),
    ]
    assert main(["mount", *arguments]) == 0
    [(settings, mountpoint)] = lifecycle.asked
    assert mountpoint == place
    assert settings.token is not None
    assert settings.token.reveal() == TOKEN
    assert settings.url == "https://example.org"
    assert settings.cache_dir == Path("/c")
    assert str(settings.rate) == "2/6"
    assert (settings.wait, settings.ttl) == (5.0, 7.5)
    assert (settings.offline, settings.account, settings.foreground) == (True, True, True)
    assert settings.fuse_options == ("nodev", "noatime", "nosuid")
    assert (settings.log_file, settings.log_level) == (Path("/l"), "debug")
    assert not settings.demo


def test_the_command_line_can_take_back_what_is_stored(
    lifecycle: Lifecycle, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".config/biofs").mkdir(parents=True)
    (tmp_path / ".config/biofs/config.toml").write_text("offline = true\naccount = true")
    assert main(["mount", str(place)]) == 0
    monkeypatch.setenv("BIOFS_TOKEN", TOKEN)
    assert main(["mount", "--no-offline", "--no-account", str(place)]) == 0
    stored, told = (settings for settings, _ in lifecycle.asked)
    assert (stored.offline, stored.account) == (True, True)
    assert (told.offline, told.account) == (False, False)


def test_secrets_are_not_inherited(lifecycle: Lifecycle, place: Path) -> None:
    assert main(["mount", str(place)]) == 0
    assert TOKEN not in str(lifecycle.environ)
    assert lifecycle.environ["HOME"]


def test_why_it_could_not_mount(
    lifecycle: Lifecycle, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lifecycle.error = QuietError("the token is refused: get a new one", 1)
    assert main(["mount", str(place)]) == 1
    assert capsys.readouterr() == ("", "biofs: the token is refused: get a new one\n")


def test_an_unexpected_error_shows_no_secret(
    lifecycle: Lifecycle, place: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lifecycle.error = RuntimeError("odd")
    assert main(["mount", str(place)]) == 1
    log = tmp_path / ".local/state/biofs/log/biofs.log"
    line = f"biofs: unexpected RuntimeError, which should not happen: the log is {log}\n"
    assert capsys.readouterr() == ("", line)
    assert "RuntimeError: odd" in log.read_text()
    assert TOKEN not in log.read_text()


def test_an_unfit_mountpoint_is_not_mounted_at(
    lifecycle: Lifecycle, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "file").write_text("")
    assert main(["mount", str(place)]) == 1
    assert capsys.readouterr().err.startswith(f"biofs: {place}: not empty: ")
    assert lifecycle.asked == []
    assert main(["mount", "--demo", "-o", "nonempty", str(place)]) == 0
    assert [mountpoint for _, mountpoint in lifecycle.asked] == [place]


def test_a_machine_without_fuse(
    lifecycle: Lifecycle,
    place: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def check(options: object) -> None:
        raise QuietError("no /dev/fuse: load it")

    monkeypatch.setattr(fuse, "check", check)
    assert main(["mount", "--demo", str(place)]) == 1
    assert capsys.readouterr() == ("", "biofs: no /dev/fuse: load it\n")
    assert lifecycle.asked == []


def test_a_missing_library_is_named(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(ModuleType):
        def __getattr__(self, name: str) -> object:
            raise ImportError("libfuse3.so.3: cannot open shared object file", name="_pyfuse3")

    monkeypatch.setattr(fuse, "check", lambda _options: None)
    broken = Broken("biofs.mount.process")
    monkeypatch.setitem(sys.modules, "biofs.mount.process", broken)
    assert main(["mount", "--demo", str(place)]) == 1
    assert capsys.readouterr().err.startswith(
        "biofs: a library is missing: libfuse3.so.3: cannot open shared object file: install "
    )


@pytest.mark.parametrize(
    "arguments", [["mount", "--demo", "PLACE"], ["demo", "serve"], ["warm", "--demo", "PLACE"]]
)
def test_without_the_extra_the_embedded_catalogue_says_what_to_install(
    lifecycle: Lifecycle,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
) -> None:
    monkeypatch.setattr("biofs.settings.load.find_spec", lambda _name: None)
    if arguments[0] == "warm":
        arguments = ["warm", "--demo", "--cache-dir", str(place)]
    assert main([str(place) if each == "PLACE" else each for each in arguments]) == 1
    line = "biofs: the embedded catalogue is not installed: pip install 'biofs[demo]'\n"
    assert capsys.readouterr() == ("", line)
    assert lifecycle.asked == []
