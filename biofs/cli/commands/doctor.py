"""`biofs doctor`: what is right here, and what is to be done."""

import os
from collections.abc import Iterable, Iterator

import click

from biofs.cli import options, stores
from biofs.cli.output import quantities
from biofs.cli.output.report import one_line
from biofs.cli.system import checks
from biofs.cli.system.checks import Finding
from biofs.errors import QuietError
from biofs.settings.load import Settings, load
from biofs.settings.table import COOKIE_VARIABLE, TOKEN_VARIABLE

_MOST_AHEAD = 120.0
"""Seconds by which a clock may be wrong before it matters."""
_MARKS = {True: "ok", False: "DO", None: "--"}


@click.command("doctor", epilog="Example: biofs doctor --offline")
@options.options(options.account)
@click.option("--offline", is_flag=True, help="Ask the server nothing.")
def command(offline: bool, **given: object) -> int:
    """Check this machine and suggest fixes.

    In a line each: FUSE, permissions, the token, the network, the clock, what is kept on the disk,
    the engine that fetches data, mounts, and programs that index everything. Asks the server once.
    The exit code is 1 if there is something to do.
    """
    to_do = 0
    for found in _all(given, offline=offline):
        click.echo(
            quantities.table([(f"{_MARKS[found.ok]}  {found.what:<11}", one_line(found.said))])
        )
        to_do += found.ok is False
    if to_do:
        raise QuietError(f"{quantities.counted(to_do, 'thing')} to do: the lines marked DO")
    return 0


def _all(given: dict[str, object], *, offline: bool) -> Iterator[Finding]:
    yield from checks.fuse()
    try:
        settings = load({**given, "offline": offline or None}, os.environ)
        problem = ""
    except QuietError as error:
        problem = error.message
        try:
            settings = load({**given, "offline": True}, os.environ)
        except QuietError:
            yield Finding("settings", False, problem)
            return
    yield checks.fuse_conf(settings.fuse_options)
    yield checks.python()
    states = checks.states()
    if not (settings.token or settings.cookie) and checks.need_no_token(states):
        said = "none, and none is needed: your mounts show the embedded catalogue or a snapshot"
        yield Finding("token", None, said)
        yield from _not_asked(settings)
    elif problem:
        yield Finding("token", False, problem)
    else:
        yield from _account(settings, offline=settings.offline)
    yield from checks.cache(settings)
    yield from _engine(settings)
    yield from checks.mounts(states)
    yield from checks.indexers(settings.fuse_options)


def _engine(settings: Settings) -> Iterator[Finding]:
    """What there is to say of the engine that is set."""
    if settings.engine is None:
        return
    from biofs.contents.engines import choose  # noqa: PLC0415 - seldom needed
    from biofs.contents.engines.engine import EngineError  # noqa: PLC0415 - as above

    try:
        engine = choose.choose(settings)
        try:
            found = engine.check()
        finally:
            engine.close()
    except EngineError as error:
        yield Finding(settings.engine, False, str(error))
        return
    for each in found:
        yield Finding(settings.engine, each.good, each.text)


def _account(settings: Settings, *, offline: bool) -> Iterable[Finding]:
    if not (settings.token or settings.cookie):
        yield Finding("token", None, "there is none: `biofs login` asks for it")
    elif offline:
        yield Finding("token", None, f"there is one{_whence()}; not checked")
    yield from _not_asked(settings) if offline else _asked(settings)


def _not_asked(settings: Settings) -> Iterable[Finding]:
    yield Finding("server", None, f"{settings.url}: not asked")
    yield Finding("clock", None, "compared with nothing")


def _asked(settings: Settings) -> Iterator[Finding]:
    """One request tells of the network, the certificate, the token and the clock."""
    # trio and httpx take half a second: not before all else was looked at.
    from biofs.api.errors import (  # noqa: PLC0415
        AccessDenied,
        ApiError,
        Intercepted,
        Moved,
        NetworkError,
        OtherApi,
        TokensRefused,
    )
    from biofs.cli import asking  # noqa: PLC0415
    from biofs.store.database.files import store_path  # noqa: PLC0415

    with stores.leaving_nothing(store_path(settings)) as keep:
        try:
            found = asking.ask(settings)
        except QuietError as error:  # certificates or a proxy that cannot be used
            yield Finding("server", False, error.message)
            yield from _unchecked()
            return
        if isinstance(found, asking.Identity):
            keep()
    if isinstance(found, NetworkError):
        hint = "" if isinstance(found, Intercepted) else ": is the network there?"
        yield Finding("server", False, f"{settings.url}: {found.message}{hint}")
        yield from _unchecked()
        return
    if isinstance(found, OtherApi):
        yield Finding("server", False, f"{settings.url}: {found.message}")
    elif isinstance(found, TokensRefused):
        yield Finding("server", True, f"{settings.url} answers")
        yield Finding("token", False, found.message)
    elif isinstance(found, AccessDenied):
        yield Finding("server", True, f"{settings.url} answers")
        yield Finding("token", False, f"{found.message}{_whence()}: `biofs login` takes another")
    elif isinstance(found, Moved):
        yield Finding("server", False, f"{settings.url}: {found.message}: {_move(found.url)}")
    elif isinstance(found, ApiError):
        yield Finding("server", False, f"{settings.url}: {found.message}: is it the right URL?")
    else:
        yield Finding("server", True, f"{settings.url} answers")
        name = f", {found.name}" if found.name else ""
        yield Finding("token", True, f"works{_whence()}: user {found.user}{name}")
        yield _clock(found.clock)
        return
    yield Finding("clock", None, "compared with nothing")


def _unchecked() -> Iterable[Finding]:
    yield Finding("token", None, f"there is one{_whence()}; not checked")
    yield Finding("clock", None, "compared with nothing")


def _move(url: str) -> str:
    return f"`biofs login --url {url}`, or wherever the URL is set"


def _clock(ahead: float | None) -> Finding:
    if ahead is None:
        return Finding("clock", None, "the server does not tell the time")
    if abs(ahead) <= _MOST_AHEAD:
        return Finding("clock", True, "agrees with the server's")
    way = "ahead of" if ahead > 0 else "behind"
    wrong = quantities.age(abs(ahead))
    return Finding("clock", False, f"{wrong} {way} the server's: `timedatectl set-ntp true`")


def _whence() -> str:
    for variable in (TOKEN_VARIABLE, COOKIE_VARIABLE):
        if os.environ.get(variable):
            return f", from {variable}"
    return ""
