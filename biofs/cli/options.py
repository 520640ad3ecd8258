"""Options that several commands have, made of the table of settings."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from biofs.cli import completers
from biofs.settings.table import BY_NAME, SETTINGS, Group, Setting

Command = TypeVar("Command", bound=Callable[..., object])

CREDENTIALS = "The token: from `biofs login`, --token-file or BIOFS_TOKEN. More: man biofs"

OF_THE_STORE = ("url", "token_file", "cache_dir", "snapshot", "demo")
"""Options with which a command reads a store, whatever is mounted."""

_COMPLETERS = {"FILE": completers.files, "DIR": completers.directories}


def setting(name: str) -> Callable[[Command], Command]:
    """The option of one setting."""
    given = BY_NAME[name]
    return click.option(*given.flags, **_attributes(given))


def _attributes(given: Setting) -> dict[str, Any]:
    """What click is told about a setting, its flags apart."""
    default = given.shown_default
    attributes: dict[str, Any] = {
        "help": f"{given.help} [default: {default}]" if default else given.help
    }
    if given.type is bool:
        switch = any("/" in flag for flag in given.flags)
        # One that can be switched off overrules the file; None is neither.
        return attributes | ({"default": None} if switch else {"is_flag": True})
    attributes["metavar"] = given.metavar
    if given.choices:
        attributes["type"] = click.Choice(given.choices, case_sensitive=False)
    elif given.type is float:
        attributes["type"] = float
    elif given.type is Path:
        attributes["shell_complete"] = _COMPLETERS[given.metavar]
    elif given.type is not str:
        attributes["multiple"] = True
    return attributes


def _group(*groups: Group) -> Sequence[Callable[[Command], Command]]:
    return [setting(given.name) for given in SETTINGS if given.group in groups and given.flags]


account: Sequence[Callable[..., Any]] = _group("account")
"""Say whose catalogue it is, and where it is kept."""

rate: Sequence[Callable[..., Any]] = _group("pace")

fetching: Sequence[Callable[..., Any]] = _group("storage", "pace")
"""Say how it is fetched and kept."""

logging: Sequence[Callable[..., Any]] = _group("logging")

every: Sequence[Callable[..., Any]] = [setting(given.name) for given in SETTINGS if given.flags]
"""All that can be set on the command line."""


def options(*groups: Sequence[Callable[..., Any]]) -> Callable[[Command], Command]:
    """A decorator that adds groups of options, in this order."""

    def decorate(command: Command) -> Command:
        for group in reversed(groups):
            for option in reversed(group):
                command = option(command)
        return command

    return decorate
