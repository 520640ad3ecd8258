"""`biofs login` takes the token, or another secret, from a prompt, and keeps it; `biofs logout`
forgets what was kept."""

import os
import sys
from contextlib import suppress
from pathlib import Path

import click

from biofs.api.secrets import Secret
from biofs.cli import options, stores
from biofs.cli.output.report import complain
from biofs.cli.output.terminal import safe
from biofs.errors import USAGE, ConfigError, QuietError
from biofs.settings import logins
from biofs.settings.load import Settings, load, names_a_token
from biofs.settings.table import TOKEN_VARIABLE
from biofs.settings.values import default_config_file

_LONGEST = 1 << 16
_PASSKEY = ("passkey", "--passkey")


@click.command(
    "login",
    epilog="\b\nExamples:\n"
    "  biofs login\n"
    "  pass show biotorrents | biofs login\n"
    "  biofs login --passkey\n\n"
    "A token is made at the site, in your settings; the passkey stands there.",
)
@click.option("--url", metavar="URL", help="Server. [default: https://torrents.bio]")
@click.option("--cache-dir", metavar="DIR", help="Cache directory.")
@options.options(options.rate)
@click.option("--check/--no-check", default=True, help="Ask the server whether it takes the token.")
@click.option("--passkey", "for_passkey", is_flag=True, help="Keep your passkey, too; see --data.")
@click.option("--engine-password", "for_engine", is_flag=True, help="Keep that of your client.")
@click.option("--file", "in_file", is_flag=True, help="Keep it in a file, not in the keyring.")
def command(
    check: bool, for_passkey: bool, for_engine: bool, in_file: bool, **given: object
) -> None:
    """Keep your API token, so that `biofs mount DIR` is all.

    The token is asked for, or read from a pipe; never give it as an argument. It goes into the
    system's keyring if there is one, else into a file that only you can read, and only if the
    server takes it: one request checks it, and if the answer has no name in it, another asks for
    your name and class.

    With --passkey your passkey is asked for instead, after a login, and kept beside the token: with
    it .torrent files are downloaded that `biofs fetch` and `biofs mount --data` need. Likewise
    --engine-password, of the Transmission or qBittorrent that `biofs fetch` uses.
    """
    directory = _directory()
    if for_passkey and for_engine:
        raise QuietError("one at a time: --passkey or --engine-password", USAGE)
    if for_passkey or for_engine:
        _keep_another(directory, for_engine=for_engine)
        return
    secret = _asked("API token")
    settings = load({**given, "token": secret.reveal()}, os.environ, logged_in=False)
    user, name = None, ""
    if check:
        settings, user, name = _checked_where_it_is(settings, given, secret)
    where = _kept(directory, settings.url, secret, user, name, in_file=in_file)
    click.echo(f"the token is kept {where}: `biofs mount DIRECTORY` uses it from now on")
    _say_what_wins(directory)
    _say_if_not_used(given, settings.url)


def _directory() -> Path:
    file = default_config_file()
    if file is None:
        raise QuietError("no home directory is known: set HOME")
    return file.parent


def _keep_another(directory: Path, *, for_engine: bool) -> None:
    """Keep the passkey, or the client's password, beside the token."""
    what, option = ("engine password", "--engine-password") if for_engine else _PASSKEY
    keep, name = (
        (logins.keep_engine_password, logins.ENGINE_FILE)
        if for_engine
        else (logins.keep_passkey, logins.PASSKEY_FILE)
    )
    login = logins.read(directory)
    if login is None:
        raise QuietError(f"not logged in: run `biofs login` first, then `biofs login {option}`")
    secret = _asked(what)
    try:
        keep(directory, login, secret)
    except logins.NoKeyring as error:
        raise QuietError(f"the system keyring does not keep it: {error}: nothing kept") from None
    except OSError as error:
        raise QuietError(f"{directory}: {error.strerror}: nothing kept") from None
    where = "in the system keyring"
    if login.where == "file":
        where = f"in {directory / name}, for you alone to read"
    click.echo(f"the {what} is kept {where}")


def _asked(what: str) -> Secret:
    """The secret that is typed, unseen, or comes through a pipe."""
    if sys.stdin is None:
        raise QuietError(f"no terminal: pipe the {what} in", USAGE)
    if sys.stdin.isatty():
        text = click.prompt(what, hide_input=True, err=True, default="", show_default=False)
    else:
        text = sys.stdin.read(_LONGEST)
    try:
        return Secret(text.strip())
    except ValueError as error:
        problem = str(error).replace("a secret", f"a {what.removeprefix('API ')}")
    raise QuietError(f"that is no {what.removeprefix('API ')}: {problem}", USAGE)


def _checked_where_it_is(
    settings: Settings, given: dict[str, object], secret: Secret
) -> tuple[Settings, int, str]:
    """Ask who it is; where the site has moved to only if the user says so, and only once."""
    found = _checked(settings)
    if isinstance(found, str):
        question = f"{settings.url} redirects to {found}: log in there?"
        if not click.confirm(question, default=False, err=True):
            raise QuietError("nothing kept")
        given = {**given, "url": found, "token": secret.reveal()}
        settings = load(given, os.environ, logged_in=False)
        found = _checked(settings, may_move=False)
        assert not isinstance(found, str)  # noqa: S101 - it may not move again
    return settings, *found


def _checked(settings: Settings, *, may_move: bool = True) -> tuple[int, str] | str:
    """Ask who it is, and say so; or the site's URL that a user at a terminal can be offered.

    A token that does not work leaves nothing behind.
    """
    # trio and httpx take half a second: not before all is known to be right.
    from biofs.api.errors import AccessDenied, ApiError, Moved, NetworkError  # noqa: PLC0415
    from biofs.cli import asking  # noqa: PLC0415
    from biofs.store.database.files import store_path  # noqa: PLC0415

    def again(found: asking.Identity) -> None:
        seconds = settings.rate.seconds
        wait = "" if settings.rate.unlimited else f", {seconds:g} seconds from now"
        click.echo(f"it works; asking who user {found.user} is{wait}", err=True)

    with stores.leaving_nothing(store_path(settings)) as keep:
        found = asking.ask(settings, name=True, again=again)
        if isinstance(found, asking.Identity):
            keep()
    if isinstance(found, AccessDenied):
        raise QuietError(f"{settings.url} does not take this token: {found.message}: nothing kept")
    if isinstance(found, NetworkError):
        raise QuietError(
            f"{settings.url}: {found.message}: nothing kept: "
            f"try again, or --no-check keeps it unchecked"
        )
    if isinstance(found, Moved):
        if may_move and found.same_site and sys.stdin.isatty():
            return found.url
        raise QuietError(
            f"{settings.url}: {found.message}: nothing kept: `biofs login --url {found.url}`"
        )
    if isinstance(found, ApiError):
        raise QuietError(f"{settings.url}: {found.message}: nothing kept")
    name = safe(found.name)
    rank = f", {safe(found.rank)}" if found.rank else ""
    click.echo(f"you are {name or 'user'} (user {found.user}{rank}) at {settings.url}")
    click.echo(_pace(settings, donor=found.donor))
    return found.user, name


def _pace(settings: Settings, *, donor: bool) -> str:
    if settings.rate.unlimited:
        return "pace: unlimited, as set"
    said = f"pace: {settings.rate} requests/seconds"
    if donor:
        return f'{said}; donors may go without limit: rate = "unlimited" in the settings file'
    return f"{said}, the server's limit for all but donors"


def _kept(
    directory: Path, url: str, secret: Secret, user: int | None, name: str, *, in_file: bool
) -> str:
    reason = ""
    _forget_the_last(directory, url)
    try:
        if not in_file:
            try:
                login = logins.Login(url=url, where="keyring", user=user, name=name)
                logins.keep(directory, login, secret)
            except logins.NoKeyring as error:
                reason = f" (the system keyring: {error})"
            else:
                return "in the system keyring"
        login = logins.Login(url=url, where="file", user=user, name=name)
        logins.keep(directory, login, secret)
    except OSError as error:
        raise QuietError(f"{directory}: {error.strerror}: nothing kept") from None
    return f"in {directory / logins.TOKEN_FILE}, for you alone to read{reason}"


def _forget_the_last(directory: Path, url: str) -> None:
    """A keyring has an entry for each server: the last login's must not stay behind."""
    with suppress(ConfigError, logins.NoKeyring, OSError):
        last = logins.read(directory)
        if last is not None and last.url != url:
            logins.forget(directory, last)


def _say_if_not_used(given: dict[str, object], url: str) -> None:
    """A URL that is set elsewhere is stronger than that of a login."""
    with suppress(QuietError):
        used = load({**given, "url": None, "offline": True}, os.environ).url
        if used != url:
            complain(f"the URL that is set is {used}: set it to {url}, or the token is not used")


def _say_what_wins(directory: Path) -> None:
    """Whatever else names a token is stronger than a login."""
    if os.environ.get(TOKEN_VARIABLE):
        complain(f"{TOKEN_VARIABLE} is set and wins over it: unset it")
    elif names_a_token(directory / "config.toml"):
        complain(f"{directory / 'config.toml'} names a token, which wins: take it out there")


@click.command("logout", epilog="Example: biofs logout")
def logout() -> None:
    """Delete the token that `biofs login` saved.

    The server takes it as before: revoke it at the site if others may have it. What was fetched
    stays; `biofs cache clear` removes it.
    """
    file = default_config_file()
    login = None if file is None else logins.read(file.parent)
    if file is None or login is None:
        raise QuietError("not logged in: nothing to do")
    try:
        logins.forget(file.parent, login)
    except logins.NoKeyring as error:
        raise QuietError(f"the system keyring keeps the token: {error}") from None
    except OSError as error:
        raise QuietError(f"{file.parent}: {error.strerror}") from None
    click.echo(f"the token for {login.url} is forgotten; mounts that run still have it")
