"""Where settings come from, which source wins, and how to report a value that is wrong."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from biofs.errors import USAGE, ConfigError
from biofs.settings import logins, private_files, values
from biofs.settings.table import BY_NAME, SETTINGS, Setting

_IN_FILE: Mapping[Any, Any] = {Path: str, list[Path]: list[str]}

Stored = msgspec.defstruct(
    "Stored",
    [
        (setting.name, _IN_FILE.get(setting.type, setting.type) | None, None)
        for setting in SETTINGS
        if setting.in_file
    ],
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    module=__name__,
    namespace={"__repr__": lambda _self: "Stored(…)"},
)
"""What the settings file can hold; None is what it does not say."""


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a value was given: what to call it, and what relative paths are relative to."""

    name: str
    home: Path
    exitcode: int


class Merged:
    """The values that won, and the error message if one of them is wrong."""

    def __init__(self, given: Mapping[str, object], origins: Mapping[str, _Origin]) -> None:
        self.given = given
        self._origins = origins

    def wrong(self, key: str, problem: str) -> ConfigError:
        """The error to raise for the value given under `key`, which some source gives."""
        origin = self._origins[key]
        return ConfigError(f"{origin.name}: {problem}", origin.exitcode)

    def value(self, setting: Setting) -> Any:
        """The parsed value, or the default. Raises ConfigError."""
        for other, value in setting.fixed_with.items():
            if _overrules(self.given, other, setting.name):
                return value
        given = self.given.get(setting.name)
        return self._default(setting) if given is None else self._parsed(setting, given)

    def _default(self, setting: Setting) -> Any:
        for other, value in setting.default_with.items():
            if _overrules(self.given, other, setting.name):
                return None if value is None else setting.parse(value)
        if not callable(setting.default):
            return None if setting.default is None else setting.parse(setting.default)
        path = setting.default()
        if path is None:
            raise ConfigError(f"no home directory is known: set HOME, or give {setting.option}")
        return path

    def _parsed(self, setting: Setting, given: object) -> Any:
        if setting.type is Path:
            given = self._path(setting.name, str(given))
        elif setting.type == list[Path] and isinstance(given, Sequence):
            given = [self._path(setting.name, str(each)) for each in given]
        try:
            return setting.parse(given)
        except ValueError as error:
            problem = str(error)
        # Raised out here, so that no chain leads to an error that holds the text.
        raise self.wrong(setting.name, problem)

    def _path(self, key: str, text: str) -> Path:
        """An absolute path; `~` stands for the home directory."""
        if not text or "\0" in text:
            raise self.wrong(key, "not a path")
        try:
            return (self._origins[key].home / Path(text).expanduser()).absolute()
        except RuntimeError:
            raise self.wrong(key, "the home directory that ~ stands for is not known") from None
        except FileNotFoundError:
            raise self.wrong(key, "relative to a current directory that is gone") from None


def merge(
    command_line: Mapping[str, object],
    environ: Mapping[str, str],
    config_file: Path | None,
    *,
    logged_in: bool = True,
) -> Merged:
    """Ask the sources in turn, the weakest first; raises ConfigError as `load` does."""
    line = {key: value for key, value in command_line.items() if value not in (None, ())}
    _check_exclusions(line)
    given: dict[str, object] = {}
    origins: dict[str, _Origin] = {}

    def add(
        layer: Mapping[str, object], name: Callable[[str], str], home: Path, exitcode: int
    ) -> None:
        for excluded in _excluded(layer):
            given.pop(excluded, None)
        given.update(layer)
        origins.update((key, _Origin(name(key), home, exitcode)) for key in layer)

    alone = any(line.get(setting.name) for setting in SETTINGS if setting.alone)
    counting = _counting(line) if alone else {setting.name for setting in SETTINGS}
    if counting and config_file is not None:
        file = config_file
        stored = {key: value for key, value in _stored(file).items() if key in counting}
        add(stored, lambda key: f"{file}: {key}", file.parent, 1)
    if not alone:
        add(_environment(environ), lambda key: BY_NAME[key].variable, Path(), 1)
    add(line, lambda key: BY_NAME[key].option, Path(), USAGE)
    if not alone and config_file is not None and logged_in:
        added = _login(config_file.parent, given)
        given.update(added)
        origins.update(
            (key, _Origin(f"{config_file.with_name(logins.FILE)}: {key}", Path(), 1))
            for key in added
        )
    return Merged(given, origins)


def _counting(line: Mapping[str, object]) -> set[str]:
    """What counts in the settings file where otherwise only the command line does."""
    return {s.name for s in SETTINGS if any(line.get(name) for name in s.also_with)}


def _overrules(given: Mapping[str, object], other: str, key: str) -> bool:
    """Whether a value that is given for `other` leaves nothing to say for `key`."""
    value = given.get(other)
    return bool(value) and not (values.is_url(value) and key in BY_NAME[other].left_to_urls)


def _is_given(layer: Mapping[str, object], key: str) -> bool:
    return key in layer and layer[key] is not False


def _check_exclusions(line: Mapping[str, object]) -> None:
    for setting in SETTINGS:
        for other in setting.excludes:
            if _overrules(line, setting.name, other) and _is_given(line, other):
                problem = f"{BY_NAME[other].option} cannot be combined with {setting.option}"
                raise ConfigError(problem, USAGE)


def _excluded(layer: Mapping[str, object]) -> set[str]:
    """What weaker sources may say in vain, because this one says what excludes it."""
    found: set[str] = set()
    for setting in SETTINGS:
        if _is_given(layer, setting.name):
            found.update(o for o in setting.excludes if _overrules(layer, setting.name, o))
        if any(_is_given(layer, other) for other in setting.excludes):
            found.add(setting.name)
    return found


def _login(directory: Path, given: Mapping[str, object]) -> dict[str, object]:
    """What `biofs login` adds to what else is set: the server's address, if there is no other, and
    the token and the passkey, if there are none and they are for that server.
    """
    login = logins.read(directory)
    if login is None:
        return {}
    url = given.get("url", login.url)
    try:
        same = values.url(str(url)) == login.url
    except ValueError:
        same = False  # the error is reported when the setting itself is parsed
    if not same:
        return {}
    added: dict[str, object] = {"url": url}
    if "passkey" not in given and not given.get("offline"):
        found = logins.passkey(directory, login)
        added |= {} if found is None else {"passkey": found.reveal()}
    if "engine_password" not in given and "engine" in given:
        found = logins.engine_password(directory, login)
        added |= {} if found is None else {"engine_password": found.reveal()}
    if "token" not in given and "token_file" not in given:
        try:
            added["token"] = logins.token(directory, login).reveal()
        except ConfigError:
            # Offline no token is sent; whose it is may be clear without.
            if not given.get("offline"):
                raise
    return added


def _environment(environ: Mapping[str, str]) -> dict[str, object]:
    return {
        setting.name: environ[setting.variable]
        for setting in SETTINGS
        if setting.variable and environ.get(setting.variable)
    }


def _stored(path: Path) -> dict[str, object]:
    try:
        file = private_files.read(path)
    except FileNotFoundError:
        return {}
    file.check(private_files.WRITABLE)
    decoded = msgspec.structs.asdict(_decode(file))
    stored = {key: value for key, value in decoded.items() if value is not None}
    if any(BY_NAME[key].secret for key in stored):
        file.check(private_files.SECRET)
    for key in stored:
        for other in BY_NAME[key].excludes:
            if other in stored:
                raise ConfigError(f"{path}: set either {other} or {key}, not both")
    return stored


def names_a_token(path: Path) -> bool:
    """Whether a settings file holds or names a token. Raises ConfigError."""
    return bool(_stored(path).keys() & {"token", "token_file"})


def _decode(file: private_files.PrivateFile) -> msgspec.Struct:
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
    if wrong is None:
        return message
    if BY_NAME[wrong[2]].choices:
        return f"{wrong[2]}: one of {', '.join(BY_NAME[wrong[2]].choices)}"
    return f"{wrong[2]}: {wrong[1].replace(' | null', '')}"
