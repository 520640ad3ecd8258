"""Where `biofs login` keeps token, passkey and the password of a BitTorrent client: the system's
keyring, or files only their owner can read.

`login.json`, beside the settings file, says for which server it is and where; it holds no secret.
"""

from __future__ import annotations

import stat
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from biofs.api.secrets import Secret
from biofs.errors import ConfigError
from biofs.settings import private_files

FILE: Final = "login.json"
TOKEN_FILE: Final = "login.token"  # noqa: S105 - the file's name
PASSKEY_FILE: Final = "login.passkey"
ENGINE_FILE: Final = "login.engine"
SERVICE: Final = "biofs"
_REAL: Final = 1
"""A keyring backend of a lower priority is not a keyring, or keeps its secrets in clear text."""


class Login(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who logged in where. `url` is the server's, in its normal form."""

    url: str
    where: Literal["keyring", "file"]
    user: int | None = None
    name: str = ""
    passkey: bool = False
    """Whether a passkey is kept too, where the token is."""
    engine: bool = False
    """Likewise the password of the BitTorrent client."""


class _Kind(NamedTuple):
    """A secret of a login: what people call it, its file, and what follows the server's address in
    the name of its entry in a keyring."""

    what: str
    file: str
    suffix: str

    def entry(self, login: Login) -> str:
        return f"{login.url}{self.suffix}"


_TOKEN: Final = _Kind("token", TOKEN_FILE, "")
_PASSKEY: Final = _Kind("passkey", PASSKEY_FILE, " passkey")
_ENGINE: Final = _Kind("engine password", ENGINE_FILE, " engine")


class NoKeyring(Exception):  # noqa: N818 - says what is found
    """There is no keyring, or it does not work; the message is one line."""


def read(directory: Path) -> Login | None:
    """What login there is. Raises ConfigError for an invalid file."""
    path = directory / FILE
    try:
        file = private_files.read(path)
    except FileNotFoundError:
        return None
    file.check(private_files.WRITABLE)
    try:
        return msgspec.json.decode(file.content, type=Login)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise ConfigError(f"{path} is not valid; run `biofs login` again") from None


def token(directory: Path, login: Login) -> Secret:
    """The token of a login. Raises ConfigError if it is not available."""
    return _secret(directory, login, _TOKEN)


def passkey(directory: Path, login: Login) -> Secret | None:
    """The passkey of a login, None if none was given. Raises ConfigError as `token`."""
    return _secret(directory, login, _PASSKEY) if login.passkey else None


def engine_password(directory: Path, login: Login) -> Secret | None:
    """The password of the BitTorrent client, None if none was given. Raises as `token`."""
    return _secret(directory, login, _ENGINE) if login.engine else None


def _secret(directory: Path, login: Login, kind: _Kind) -> Secret:
    what = kind.what
    if login.where == "keyring":
        try:
            text = _from_keyring(kind.entry(login))
        except NoKeyring as error:
            raise ConfigError(f"the system keyring does not give the {what}: {error}") from None
        if text is None:
            raise ConfigError(f"the {what} is not in the keyring any more: run `biofs login` again")
    else:
        path = directory / kind.file
        try:
            file = private_files.read(path)
        except FileNotFoundError:
            raise ConfigError(f"{path}: no such file: run `biofs login` again") from None
        file.check(private_files.SECRET)
        text = file.content.decode("utf-8", "replace").strip()
    try:
        return Secret(text)
    except ValueError as error:
        problem = str(error)
    raise ConfigError(f"the {what} that `biofs login` kept is not valid: {problem}")


def keep(directory: Path, login: Login, secret: Secret) -> None:
    """Keep the token where the login says. Raises NoKeyring, and OSError for a file."""
    _keep(directory, login, secret, _TOKEN)
    private_files.write(directory / FILE, msgspec.json.encode(login) + b"\n")


def keep_passkey(directory: Path, login: Login, secret: Secret) -> None:
    """Keep a passkey beside the token of a login. Raises as `keep`."""
    _keep(directory, login, secret, _PASSKEY)
    changed = msgspec.structs.replace(login, passkey=True)
    private_files.write(directory / FILE, msgspec.json.encode(changed) + b"\n")


def keep_engine_password(directory: Path, login: Login, secret: Secret) -> None:
    """Keep the password of the BitTorrent client beside the token. Raises as `keep`."""
    _keep(directory, login, secret, _ENGINE)
    changed = msgspec.structs.replace(login, engine=True)
    private_files.write(directory / FILE, msgspec.json.encode(changed) + b"\n")


def _keep(directory: Path, login: Login, secret: Secret, kind: _Kind) -> None:
    directory.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    if login.where == "keyring":
        _into_keyring(kind.entry(login), secret)
        with suppress(FileNotFoundError):
            (directory / kind.file).unlink()
    else:
        private_files.write(directory / kind.file, f"{secret.reveal()}\n".encode())


def forget(directory: Path, login: Login) -> None:
    """Forget the login and its secrets. Raises NoKeyring if the keyring keeps one, and OSError."""
    if login.where == "keyring":
        _out_of_keyring(_TOKEN.entry(login))
        if login.passkey:
            _out_of_keyring(_PASSKEY.entry(login))
        if login.engine:
            _out_of_keyring(_ENGINE.entry(login))
    for name in (ENGINE_FILE, PASSKEY_FILE, TOKEN_FILE, FILE):
        with suppress(FileNotFoundError):
            (directory / name).unlink()


def _keyring() -> object:
    """The keyring's backend. Importing it takes a tenth of a second: only when it is needed."""
    try:
        import keyring  # noqa: PLC0415

        backend = keyring.get_keyring()
        priority = float(backend.priority)
    except Exception as error:
        raise NoKeyring(f"it fails ({type(error).__name__})") from None
    if priority < _REAL:
        raise NoKeyring("there is none")
    return backend


def _call(name: str, *arguments: str) -> object:
    backend = _keyring()
    try:
        return getattr(backend, name)(*arguments)
    except Exception as error:  # whatever a backend raises: it is another program's
        raise NoKeyring(f"it is locked, or fails ({type(error).__name__})") from None


def _from_keyring(entry: str) -> str | None:
    text = _call("get_password", SERVICE, entry)
    return text if isinstance(text, str) else None


def _into_keyring(entry: str, secret: Secret) -> None:
    _call("set_password", SERVICE, entry, secret.reveal())
    if _from_keyring(entry) != secret.reveal():
        raise NoKeyring("it does not keep what it is given")


def _out_of_keyring(entry: str) -> None:
    if _from_keyring(entry) is not None:
        _call("delete_password", SERVICE, entry)
