"""Settings: which source wins, what is refused, and that no secret shows."""

import os
import traceback
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from biofs.api.server import Rate
from biofs.errors import ConfigError
from biofs.settings.load import Settings, load

PASSKEY = "0123456789abcdef0123456789abcdef"
TOKEN = "test-token-8f3a"
OTHER = "test-token-77c1"
ENVIRON = {"BIOFS_TOKEN": TOKEN}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory with nothing in it, and nothing of the real one in sight."""
    for name in [name for name in os.environ if name.startswith(("XDG_", "BIOFS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def stored(home: Path, text: str, mode: int = 0o600) -> Path:
    file = home / ".config/biofs/config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    file.chmod(mode)
    return file


def token_file(home: Path, content: bytes = f"{TOKEN}\n".encode(), mode: int = 0o600) -> Path:
    file = home / "token"
    file.write_bytes(content)
    file.chmod(mode)
    return file


def refused(
    command_line: Mapping[str, object] | None = None, environ: Mapping[str, str] = ENVIRON
) -> ConfigError:
    """The error, after a look through all that hangs on it for a secret."""
    with pytest.raises(ConfigError) as caught:
        load(command_line or {}, environ)
    shown = "".join(traceback.format_exception(caught.value))
    chain: list[BaseException | None] = [caught.value]
    while chain:
        error = chain.pop()
        if error is not None:
            shown += repr(error) + repr(vars(error))
            chain += [error.__cause__, error.__context__]
    for secret in (TOKEN, OTHER):
        assert secret not in shown
    return caught.value


def test_defaults(home: Path) -> None:
    loaded = load({}, ENVIRON)
    assert loaded.token is not None
    assert loaded == Settings(
        url="https://torrents.bio",
        token=loaded.token,
        cookie=None,
        passkey=None,
        cache_dir=home / ".cache/biofs",
        cache_size=1 << 30,
        rate=Rate(1, 6.0),
        wait=60.0,
        ttl=None,
        offline=False,
        account=False,
        foreground=False,
        fuse_options=(),
        log_file=home / ".local/state/biofs/log/biofs.log",
        log_level="info",
        demo=False,
        snapshot=None,
        ca_file=None,
        timeout=30.0,
        uid=None,
        gid=None,
    )
    assert loaded.token.reveal() == TOKEN


def test_xdg_directories_are_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "c"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "s"))
    (home / "s/biofs").mkdir(parents=True)
    (home / "s/biofs/config.toml").write_text("wait = 7")
    loaded = load({}, ENVIRON)
    assert loaded.cache_dir == home / "c/biofs"
    assert loaded.wait == 7.0


def test_the_file_holds_everything(home: Path) -> None:
    (home / "ca.pem").write_text("")
    stored(
        home,
        f"""
        url = "https://example.org/api.php"
        token = "{TOKEN}"
        cookie = "session=abc; userid=3"
        passkey = "{PASSKEY}"
        data = ["~/Downloads", "relative", "~/Downloads"]
        torrents = ["/lab/torrents"]
        cache_dir = "~/cache"
        cache_size = "500M"
        rate = "unlimited"
        wait = 5
        ttl = 1.5
        offline = true
        account = true
        options = ["allow_other", "nodev,noatime"]
        log_file = "relative.log"
        log_level = "debug"
        ca_file = "~/ca.pem"
        timeout = 7
        insecure = false
        """,
    )
    loaded = load({}, {})
    assert loaded.token is not None
    assert loaded.cookie is not None
    assert loaded.passkey is not None
    assert loaded.token.reveal() == TOKEN
    assert loaded.passkey.reveal() == PASSKEY
    assert loaded.cookie.reveal() == "session=abc; userid=3"
    assert loaded == Settings(
        url="https://example.org",
        token=loaded.token,
        cookie=loaded.cookie,
        passkey=loaded.passkey,
        data=(home / "Downloads", home / ".config/biofs/relative"),
        torrents=(Path("/lab/torrents"),),
        cache_dir=home / "cache",
        cache_size=500 << 20,
        rate=Rate(0, 0.0),
        wait=5.0,
        ttl=1.5,
        offline=True,
        account=True,
        foreground=False,
        fuse_options=("allow_other", "nodev", "noatime"),
        log_file=home / ".config/biofs/relative.log",
        log_level="debug",
        demo=False,
        snapshot=None,
        ca_file=home / "ca.pem",
        timeout=7.0,
    )
    for secret in (TOKEN, PASSKEY, "abc"):
        assert secret not in repr(loaded)


def test_environment_beats_file_and_command_line_beats_both(home: Path) -> None:
    stored(home, f'url = "https://file.example"\ntoken = "{OTHER}"\nrate = "1/9"\noffline = true')
    environ = {**ENVIRON, "BIOFS_URL": "https://environ.example"}
    loaded = load({}, environ)
    assert loaded.url == "https://environ.example"
    assert loaded.token is not None
    assert loaded.token.reveal() == TOKEN
    assert str(loaded.rate) == "1/9"

    line = {"url": "https://line.example", "rate": "2/6", "offline": False, "wait": None}
    loaded = load(line, environ)
    assert loaded.url == "https://line.example"
    assert str(loaded.rate) == "2/6"
    assert loaded.offline is False


def test_an_empty_variable_counts_as_not_set(home: Path) -> None:
    stored(home, f'token = "{TOKEN}"')
    loaded = load({}, {"BIOFS_TOKEN": "", "BIOFS_URL": ""})
    assert loaded.token is not None
    assert loaded.url == "https://torrents.bio"


def test_a_token_file_beats_the_variable_which_beats_a_stored_token_file(home: Path) -> None:
    file = token_file(home, f"\ufeff {OTHER}\r\n\n".encode())
    by_file = load({"token_file": str(file)}, ENVIRON)
    assert by_file.token is not None
    assert by_file.token.reveal() == OTHER

    stored(home, f'token_file = "{file}"')
    by_variable = load({}, ENVIRON)
    assert by_variable.token is not None
    assert by_variable.token.reveal() == TOKEN

    by_stored = load({}, {})
    assert by_stored.token is not None
    assert by_stored.token.reveal() == OTHER


def test_a_token_can_come_through_a_pipe() -> None:
    reader, writer = os.pipe()
    try:
        os.write(writer, f"{TOKEN}\n".encode())
        os.close(writer)
        loaded = load({"token_file": f"/dev/fd/{reader}"}, {})
    finally:
        os.close(reader)
    assert loaded.token is not None
    assert loaded.token.reveal() == TOKEN


def test_a_cookie_alone_will_do_and_offline_needs_neither() -> None:
    assert load({}, {"BIOFS_COOKIE": "session=abc; userid=3"}).token is None
    assert load({"offline": True}, {}).token is None


def test_without_a_token_it_says_where_to_put_one() -> None:
    error = refused({}, {})
    assert error.message.startswith("no token: `biofs login` asks for it")
    assert error.exitcode == 1


def test_with_demo_only_the_command_line_counts(home: Path) -> None:
    stored(home, "this is not TOML", 0o666)
    environ = {**ENVIRON, "BIOFS_URL": "nonsense", "BIOFS_COOKIE": "session=abc; userid=3"}
    loaded = load({"demo": True}, environ)
    assert (loaded.url, loaded.token, loaded.cookie) == ("http://demo.invalid", None, None)
    assert loaded.cache_dir is None
    assert loaded.rate.unlimited
    assert loaded.demo

    told = load({"demo": True, "rate": "1/6", "cache_dir": str(home / "c")}, environ)
    assert told.rate == Rate(1, 6.0)
    assert told.cache_dir == home / "c"


@pytest.mark.parametrize("key", ["url", "token_file"])
def test_demo_and_a_server_exclude_each_other(key: str) -> None:
    error = refused({"demo": True, key: "x"})
    assert error.message == f"--{key.replace('_', '-')} cannot be combined with --demo"


def test_a_snapshot_stands_for_the_server_and_only_the_command_line_counts(home: Path) -> None:
    stored(home, f'url = "https://stored.example"\ntoken = "{OTHER}"\nrate = "1/60"')
    (home / "file").write_text("")
    loaded = load({"snapshot": "~/file"}, ENVIRON)
    assert loaded.snapshot == home / "file"
    assert (loaded.url, loaded.token, loaded.cookie) == ("http://snapshot.invalid", None, None)
    assert (loaded.offline, loaded.cache_dir, loaded.demo) == (True, None, False)
    assert loaded.ttl is not None
    assert loaded.ttl > 365 * 86_400, "there is nobody to ask for anything newer"


def test_a_snapshot_has_to_be_there(home: Path) -> None:
    error = refused({"snapshot": "~/file"})
    assert (error.message, error.exitcode) == (f"--snapshot: {home}/file: no such file", 2)


@pytest.mark.parametrize(
    "key", ["url", "token_file", "cache_dir", "cache_size", "rate", "ttl", "account"]
)
def test_what_has_no_use_with_a_snapshot(key: str) -> None:
    error = refused({"snapshot": "/file", key: "x"})
    assert error.message == f"--{key.replace('_', '-')} cannot be combined with --snapshot"


def test_a_demo_is_no_snapshot() -> None:
    error = refused({"snapshot": "/file", "demo": True})
    assert error.message == "--snapshot cannot be combined with --demo"
    assert error.exitcode == 2


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601])
def test_secrets_that_others_can_get_at_are_refused(home: Path, mode: int) -> None:
    file = token_file(home, mode=mode)
    assert refused({"token_file": str(file)}).message.endswith(f"run `chmod 600 {file}`")
    file.chmod(0o600)
    for key, value in (("token", TOKEN), ("cookie", OTHER)):
        settings_file = stored(home, f'{key} = "{value}"', mode)
        assert refused().message.endswith(f"run `chmod 600 {settings_file}`")


def test_a_settings_file_without_secrets_can_be_read_but_not_written_by_others(home: Path) -> None:
    file = stored(home, "wait = 3", 0o644)
    assert load({}, ENVIRON).wait == 3.0
    file.chmod(0o664)
    assert refused().message == f"{file}: others can write it: run `chmod 600 {file}`"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"url": "ftp://x"}, "--url: the URL needs"),
        ({"url": f"https://u:{TOKEN}@host/"}, "--url: the URL cannot hold a user name"),
        ({"url": f"https://host:{TOKEN}/"}, "--url: the URL is malformed"),
        ({"rate": "7/x"}, "--rate: a rate is requests/seconds"),
        ({"rate": "0/6"}, "--rate: a rate is requests/seconds"),
        ({"wait": -1.0}, "--wait: a number of seconds from 0 to 86400"),
        ({"wait": float("nan")}, "--wait: a number of seconds from 0 to 86400"),
        ({"wait": float("inf")}, "--wait: a number of seconds from 0 to 86400"),
        ({"ttl": -0.5}, "--ttl: a number of seconds from 0 to 3.1536e+08"),
        ({"options": ["nodev,bogus"]}, "-o: bogus: no such option: there are allow_other"),
        ({"options": ["rw"]}, "-o: rw: biofs is read-only"),
        ({"options": ["uid"]}, "-o: uid: needs a number, such as uid=1000"),
        ({"options": ["gid=staff"]}, "-o: gid: needs a number"),
        ({"options": ["uid=4294967295"]}, "-o: uid: needs a number"),
        ({"options": ["nodev=1"]}, "-o: nodev=1: no such option"),
        ({"url": "http://torrents.example"}, "--url: plain http would show the token"),
        ({"cache_size": "lots"}, "--cache-size: a size is a number and K, M, G or T"),
        ({"cache_size": "-1G"}, "--cache-size: a size is a number and K, M, G or T"),
        ({"cache_dir": ""}, "--cache-dir: not a path"),
        ({"cache_dir": "~nobody-of-that-name/x"}, "--cache-dir: the home directory that ~"),
        ({"token_file": "/nowhere/token"}, "--token-file: /nowhere/token: no such file"),
        ({"ca_file": "/nowhere/ca.pem"}, "--ca-file: /nowhere/ca.pem: no such file"),
    ],
)
def test_a_wrong_option_is_named(line: Mapping[str, object], message: str) -> None:
    error = refused(line)
    assert error.message.startswith(message)
    assert error.exitcode == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = 1", "there is no setting `colour`: there are url, token,"),
        ("[mount]\nwait = 1", "there is no setting `mount`: there are"),
        ("foreground = true", "there is no setting `foreground`: there are"),
        ('wait = "soon"', "wait: Expected `float`, got `str`"),
        ("wait = nan", "wait: a number of seconds"),
        ("wait = -1", "wait: a number of seconds"),
        (f"wait = 1{'0' * 400}", "wait: Number out of range"),
        (f"wait = 1{'0' * 5000}", "not TOML"),
        ("options = [1]", "options: Expected `str`, got `int`"),
        ('log_level = "loud"', "log_level: one of debug, info, warning, error"),
        ('url = "https://"', "url: the URL"),
        ('rate = "fast"', "rate: a rate is"),
        (f'token = "{OTHER}" x', "not TOML: "),
        (f'token = "{OTHER}"\ntoken = "x"', "not TOML: "),
        (f"token = {OTHER}", "not TOML: "),
        (f"{OTHER}", "not TOML: "),
        (f'token = ["{OTHER}"]', "token: Expected `str`, got `array`"),
        (f'token = "{OTHER}"\ntoken_file = "x"', "set either token or token_file, not both"),
        (f'token = "{OTHER}\\n{OTHER}"', "token: a secret can only hold printable ASCII"),
        ('token = ""', "token: a secret cannot be empty"),
        (f'cookie = "{OTHER}é"', "cookie: a secret can only hold printable ASCII"),
        (f"x = {'[' * 5000}", "not TOML"),
    ],
)
def test_a_wrong_setting_in_the_file_is_named(home: Path, text: str, message: str) -> None:
    file = stored(home, text)
    error = refused({}, {} if "token" in text else ENVIRON)
    assert error.message.startswith(f"{file}: {message}")
    assert error.exitcode == 1


def test_a_settings_file_that_is_not_utf8(home: Path) -> None:
    stored(home, "").write_bytes(b'token = "' + OTHER.encode() + b'\xff"')
    assert "not TOML: not UTF-8" in refused().message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "--token-file: a secret cannot be empty"),
        (b" \n", "--token-file: a secret cannot be empty"),
        (f"{TOKEN}\n{OTHER}\n".encode(), "--token-file: a secret can only hold printable ASCII"),
        (f"{TOKEN}\xff".encode("latin-1"), "--token-file: a secret can only hold printable ASCII"),
        (TOKEN.encode() + b"\0", "--token-file: a secret can only hold printable ASCII"),
    ],
)
def test_a_token_file_that_holds_no_token(home: Path, content: bytes, message: str) -> None:
    file = token_file(home, content)
    assert refused({"token_file": str(file)}, {}).message.startswith(message)


def test_a_wrong_variable_is_named() -> None:
    assert refused({}, {**ENVIRON, "BIOFS_URL": "x"}).message.startswith("BIOFS_URL: ")
    assert refused({}, {"BIOFS_TOKEN": f"{TOKEN}\n{OTHER}"}).message.startswith("BIOFS_TOKEN: ")
    assert refused({}, {"BIOFS_COOKIE": f"{TOKEN}\x7f"}).message.startswith("BIOFS_COOKIE: ")


def test_a_cache_directory_that_is_a_file(home: Path) -> None:
    file = token_file(home)
    error = refused({"cache_dir": str(file)})
    assert error.message == f"--cache-dir: {file} is not a directory"


def test_paths_on_the_command_line_are_made_absolute(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    loaded = load({"cache_dir": "c", "log_file": "~/l"}, ENVIRON)
    assert (loaded.cache_dir, loaded.log_file) == (home / "c", home / "l")


def test_the_current_directory_matters_only_to_relative_paths(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = home / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert load({"cache_dir": "/c"}, ENVIRON).cache_dir == Path("/c")
    error = refused({"cache_dir": "c"})
    assert error.message == "--cache-dir: relative to a current directory that is gone"


def test_in_the_foreground_it_logs_to_stderr_unless_told() -> None:
    assert load({"foreground": True}, ENVIRON).log_file is None
    told = load({"foreground": True, "log_file": "/var/log/b"}, ENVIRON)
    assert told.log_file == Path("/var/log/b")


def test_without_a_home_it_asks_for_the_directories(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cache", "config", "log"):
        monkeypatch.setattr(
            f"platformdirs.user_{name}_path", lambda app, name=name: Path(f"~/.{name}/{app}")
        )
    assert refused().message == "no home directory is known: set HOME, or give --cache-dir"
    line: dict[str, object] = {"cache_dir": "/c"}
    assert refused(line).message == "no home directory is known: set HOME, or give --log-file"
    loaded = load({**line, "log_file": "/l"}, ENVIRON)
    assert loaded.cache_dir == Path("/c")


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(content=st.binary(max_size=200))
def test_any_settings_file_is_understood_or_refused(home: Path, content: bytes) -> None:
    stored(home, "").write_bytes(content)
    try:
        loaded = load({}, ENVIRON)
    except ConfigError as error:
        assert str(home) in error.message  # noqa: PT017 - either outcome is right
    else:
        assert loaded.token is not None


def test_whose_the_files_are(home: Path) -> None:
    loaded = load({"options": ["uid=1000,noatime", "gid=4294967294"]}, ENVIRON)
    assert (loaded.uid, loaded.gid, loaded.fuse_options) == (1000, 4294967294, ("noatime",))


@pytest.mark.parametrize("url", ["http://127.0.0.1:80", "http://[::1]", "http://localhost:8"])
def test_this_machine_may_be_asked_in_the_clear(home: Path, url: str) -> None:
    assert load({"url": url}, ENVIRON).url == url


def test_another_one_only_if_it_is_said_so_or_nothing_is_sent(home: Path) -> None:
    url = "http://torrents.example"
    for environ in (ENVIRON, {"BIOFS_COOKIE": OTHER}, {**ENVIRON, "BIOFS_URL": url}):
        assert (
            "https://" in refused({} if "BIOFS_URL" in environ else {"url": url}, environ).message
        )
    assert load({"url": url, "offline": True}, ENVIRON).url == url
    stored(home, "insecure = true")
    assert load({"url": url}, ENVIRON).url == url


@pytest.mark.parametrize("value", ["0", "-1", "nan", "1e9"])
def test_a_timeout_that_makes_no_sense(home: Path, value: str) -> None:
    file = stored(home, f"timeout = {value}")
    assert refused().message.startswith(f"{file}: timeout: ")
