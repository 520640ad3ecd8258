"""Which engine the settings make, and what is said if they make none."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from biofs.contents.engines import choose
from biofs.contents.engines.engine import EngineError
from biofs.errors import ConfigError
from biofs.settings.load import Settings, load

PACKAGE = "biofs.contents.engines"


def settings(**given: object) -> Settings:
    return load({"offline": True, **given}, {})


class Made:
    """Stands for a client's class."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.arguments, self.named = arguments, named


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(name: str, kind: str) -> None:
        module = ModuleType(name)
        setattr(module, kind, Made)
        monkeypatch.setitem(sys.modules, f"{PACKAGE}.{name}", module)

    return make


def test_none_is_set() -> None:
    with pytest.raises(EngineError, match="no engine is set: put engine ="):
        choose.choose(settings())


def test_the_embedded_catalogue_asks_no_tracker() -> None:
    demo = load({"demo": True, "engine": "libtorrent"}, {})
    with pytest.raises(EngineError, match="`biofs demo data DIR` makes some up"):
        choose.choose(demo)


def test_a_library_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name="transmission_rpc")

    monkeypatch.setattr(choose, "import_module", missing)
    with pytest.raises(EngineError) as caught:
        choose.choose(settings(engine="transmission"))
    assert str(caught.value) == (
        "the engine transmission needs transmission_rpc: pip install 'biofs[fetch]'"
    )


@pytest.mark.parametrize(
    ("engine", "kind", "url"),
    [
        ("transmission", "Transmission", "http://127.0.0.1:9091"),
        ("qbittorrent", "QBittorrent", "http://127.0.0.1:8080"),
    ],
)
def test_a_client(module: Any, engine: str, kind: str, url: str) -> None:
    module(f"rpc.{engine}", kind)
    made: Any = choose.choose(settings(engine=engine))
    assert made.arguments == (url, None, None, ())
    assert made.named == {"insecure": False}
    made = choose.choose(
        settings(engine=engine, engine_url="https://nas:1/x", path_map=["/a=/b", "C:\\t=/c"])
    )
    assert made.arguments == ("https://nas:1/x", None, None, (("/a", "/b"), ("C:\\t", "/c")))


def test_the_one_that_comes_along(module: Any, tmp_path: Path) -> None:
    module("libtorrent_engine", "LibtorrentEngine")
    file = tmp_path / "config.toml"
    file.write_text(
        'engine = "libtorrent"\ndownload_dir = "here"\ndownload_rate = "1M"\nupload_rate = "2K"\n'
        'seed_ratio = 2\ndownload_space = "3G"\ndownload_torrents = 4\n'
        'engine_identity = "qBittorrent/4.5.2 -qB4520-"\n'
    )
    file.chmod(0o600)
    made: Any = choose.choose(load({"offline": True}, {}, file))
    directory, state = made.arguments
    assert directory == tmp_path / "here"
    assert state.name == "engine"
    assert made.named == {
        "down": 1 << 20,
        "up": 2 << 10,
        "ratio": 2.0,
        "disk": 3 << 30,
        "at_once": 4,
        "user_agent": "qBittorrent/4.5.2",
        "fingerprint": "-qB4520-",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("", "")),
        ("a b/1", ("a b/1", "")),
        ("a b/1 -XX12A4-", ("a b/1", "-XX12A4-")),
        ("-XX1234-", ("-XX1234-", "")),
    ],
)
def test_identities(text: str, expected: tuple[str, str]) -> None:
    assert choose.identity(text) == expected


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('engine = "rtorrent"', "one of libtorrent, transmission, qbittorrent"),
        ('path_map = ["/a"]', "REMOTE=LOCAL"),
        ('path_map = ["/a=b"]', "REMOTE=LOCAL"),
        ("download_torrents = 1.5", "a whole number from 1"),
        ("seed_ratio = nan", "a number from 0 to 1000"),
        ('engine_identity = "a\\nb"', "printable ASCII"),
        ('engine_url = "http://me:secret@nas"', "cannot hold a user name or password"),
        ('ask_above = "much"', "a size is a number"),
    ],
)
def test_settings_that_are_wrong(tmp_path: Path, line: str, problem: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(line)
    file.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        load({"offline": True}, {}, file)
    assert problem in caught.value.message
    assert "secret" not in caught.value.message


def test_the_password_is_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('engine = "transmission"\nengine_password = "hush"\n')
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="others can read it"):
        load({"offline": True}, {}, file)
    file.chmod(0o600)
    loaded = load({"offline": True}, {}, file)
    assert loaded.engine_password is not None
    assert "hush" not in repr(loaded)
    loaded = load({"offline": True}, {"BIOFS_ENGINE_PASSWORD": "other"}, file)
    assert loaded.engine_password is not None
    assert loaded.engine_password.reveal() == "other"
    with pytest.raises(ConfigError, match="plain http would show the password"):
        load({"offline": True, "engine_url": "http://nas:9091"}, {}, file)
