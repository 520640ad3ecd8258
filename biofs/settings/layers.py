"""Where settings come from, which source wins, and how to speak of a value that is wrong."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar, get_args

import msgspec

from biofs.api.secrets import Secret
from biofs.api.urls import normalise_base_url
from biofs.errors import USAGE, ConfigError
from biofs.settings import logins, private_files
from biofs.settings.variables import COOKIE_VARIABLE, TOKEN_VARIABLE, URL_VARIABLE

LogLevel = Literal["debug", "info", "warning", "error"]
T = TypeVar("T")


class Stored(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the settings file can hold; None is what it does not say."""

    url: str | None = None
    token: str | None = None
    token_file: str | None = None
    cookie: str | None = None
    cache_dir: str | None = None
    cache_size: str | None = None
    rate: str | None = None
    wait: float | None = None
    ttl: float | None = None
    offline: bool | None = None
    account: bool | None = None
    options: list[str] | None = None
    log_file: str | None = None
    log_level: LogLevel | None = None
    ca_file: str | None = None
    timeout: float | None = None
    insecure: bool | None = None

    def __repr__(self) -> str:
        return "Stored(…)"


class Told(Stored, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all sources together say."""

    foreground: bool = False
    demo: bool = False
    snapshot: str | None = None

    def __repr__(self) -> str:
        return "Told(…)"


_WITHOUT = {
    "demo": ("url", "token_file", "snapshot"),
    "snapshot": ("url", "token_file", "cache_dir", "cache_size", "rate", "ttl", "account"),
}
"""Catalogues that need no server, for which only the command line counts, and what has no use."""


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a value was given: what to call it, and what relative paths are relative to."""

    name: str
    home: Path
    exitcode: int


class Merged:
    """The values that won, and the words for it if one of them is wrong."""

    def __init__(self, told: Told, origins: Mapping[str, _Origin]) -> None:
        self.told = told
        self._origins = origins

    def wrong(self, key: str, problem: str) -> ConfigError:
        """The error to raise for the value given under `key`, which stands in some source."""
        origin = self._origins[key]
        return ConfigError(f"{origin.name}: {problem}", origin.exitcode)

    def parsed(self, key: str, parse: Callable[[str], T], text: str) -> T:
        """`parse(text)`; ConfigError if it raises ValueError."""
        try:
            return parse(text)
        except ValueError as error:
            problem = str(error)
        # Raised out here, so that no chain leads to an error that holds the text.
        raise self.wrong(key, problem)

    def seconds(self, key: str, value: float, most: float) -> float:
        """`value` if it is a number of seconds from 0 to `most`, else ConfigError."""
        if not (math.isfinite(value) and 0 <= value <= most):
            raise self.wrong(key, f"a number of seconds from 0 to {most:g}")
        return value

    def path(self, key: str, text: str | None) -> Path | None:
        """An absolute path; `~` stands for the home directory."""
        if text is None:
            return None
        if not text or "\0" in text:
            raise self.wrong(key, "not a path")
        try:
            return (self._origins[key].home / Path(text).expanduser()).absolute()
        except RuntimeError:
            raise self.wrong(key, "the home directory that ~ stands for is not known") from None
        except FileNotFoundError:
            raise self.wrong(key, "relative to a current directory that is gone") from None

    def token(self) -> Secret | None:
        """The token, out of its file if it is in one."""
        if self.told.token is not None:
            return self._secret("token", self.told.token)
        path = self.path("token_file", self.told.token_file)
        if path is None:
            return None
        try:
            file = private_files.read(path)
        except FileNotFoundError:
            raise self.wrong("token_file", f"{path}: no such file") from None
        file.check(private_files.SECRET)
        return self._secret("token_file", file.content.decode("utf-8-sig", "replace"))

    def cookie(self) -> Secret | None:
        """The browser session's cookie."""
        return None if self.told.cookie is None else self._secret("cookie", self.told.cookie)

    def _secret(self, key: str, text: str) -> Secret:
        return self.parsed(key, Secret, text.strip())


def merge(
    command_line: Mapping[str, object],
    environ: Mapping[str, str],
    config_file: Path | None,
    *,
    logged_in: bool = True,
) -> Merged:
    """Ask the sources in turn, the weakest first; raises ConfigError as `load` does."""
    line = {key: value for key, value in command_line.items() if value is not None}
    values: dict[str, object] = {}
    origins: dict[str, _Origin] = {}

    def add(
        layer: Mapping[str, object], name: Callable[[str], str], home: Path, exitcode: int
    ) -> None:
        # A token and a token file are one setting: the stronger source's is not to be overruled.
        if "token" in layer or "token_file" in layer:
            values.pop("token", None)
            values.pop("token_file", None)
        values.update(layer)
        origins.update((key, _Origin(name(key), home, exitcode)) for key in layer)

    alone = next((name for name in _WITHOUT if line.get(name)), None)
    if alone is not None:
        for key in _WITHOUT[alone]:
            if line.get(key):
                problem = f"no use with {_option(alone)}: leave out either"
                raise ConfigError(f"{_option(key)}: {problem}", USAGE)
    else:
        if config_file is not None:
            file = config_file
            add(_stored(file), lambda key: f"{file}: {key}", file.parent, 1)
        add(_environment(environ), _variable, Path(), 1)
    add(line, _option, Path(), USAGE)
    if alone is None and config_file is not None and logged_in:
        added = _login(config_file.parent, values)
        values.update(added)
        origins.update(
            (key, _Origin(f"{config_file.with_name(logins.FILE)}: {key}", Path(), 1))
            for key in added
        )
    return Merged(msgspec.convert(values, Told), origins)


def _login(directory: Path, values: Mapping[str, object]) -> dict[str, object]:
    """What `biofs login` adds to what else is set: the server's address, if there is no other, and
    the token, if there is none and it is for that server.
    """
    login = logins.read(directory)
    if login is None:
        return {}
    url = values.get("url", login.url)
    try:
        same = normalise_base_url(str(url)) == login.url
    except ValueError:
        same = False  # what is wrong with it is said by who reads it
    if not same:
        return {}
    added: dict[str, object] = {"url": url}
    if "token" not in values and "token_file" not in values:
        try:
            added["token"] = logins.token(directory, login).reveal()
        except ConfigError:
            # Offline nobody is shown a token; whose it is may be clear without.
            if not values.get("offline"):
                raise
    return added


def _option(key: str) -> str:
    return "-o" if key == "options" else f"--{key.replace('_', '-')}"


def _variable(key: str) -> str:
    return f"BIOFS_{key.upper()}"


def _environment(environ: Mapping[str, str]) -> dict[str, object]:
    variables = {"url": URL_VARIABLE, "token": TOKEN_VARIABLE, "cookie": COOKIE_VARIABLE}
    return {key: environ[name] for key, name in variables.items() if environ.get(name)}


def _stored(path: Path) -> dict[str, object]:
    try:
        file = private_files.read(path)
    except FileNotFoundError:
        return {}
    file.check(private_files.WRITABLE)
    stored = _decode(file)
    if stored.token is not None or stored.cookie is not None:
        file.check(private_files.SECRET)
    if stored.token is not None and stored.token_file is not None:
        raise ConfigError(f"{path}: both token and token_file are set: leave out either")
    return {
        key: value for key, value in msgspec.structs.asdict(stored).items() if value is not None
    }


def names_a_token(path: Path) -> bool:
    """Whether a settings file holds or names a token. Raises ConfigError."""
    return bool(_stored(path).keys() & {"token", "token_file"})


def _decode(file: private_files.PrivateFile) -> Stored:
    try:
        return msgspec.toml.decode(file.content, type=Stored)
    except msgspec.ValidationError as error:
        problem = _in_words(str(error))
    except msgspec.DecodeError as error:
        problem = f"not TOML: {error}"
    except ValueError:
        problem = "not TOML: not UTF-8, or a number too long to read"
    except RecursionError:
        problem = "not TOML: nested too deeply"
    # Raised out here, so that no chain leads to an error that holds the text.
    raise ConfigError(f"{file.path}: {problem}")


def _in_words(message: str) -> str:
    """msgspec's message (see the tests for its forms), with the key first."""
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", message, re.DOTALL)
    if unknown:
        known = ", ".join(Stored.__struct_fields__)
        return f"there is no setting `{unknown[1]}`: there are {known}"
    wrong = re.fullmatch(r"(.*) - at `\$\.(\w+).*`", message, re.DOTALL)
    if wrong and wrong[2] == "log_level":
        return f"log_level: one of {', '.join(get_args(LogLevel))}"
    if wrong:
        return f"{wrong[2]}: {wrong[1].replace(' | null', '')}"
    return message
