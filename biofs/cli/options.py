"""Options that several commands have, made of the table of settings, and what TAB offers.

Paths are left to the shell itself, which has them from the mount as from any directory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from biofs.settings.table import BY_NAME, SETTINGS, Group, Setting
from biofs.tree import names, views

_VIEWS = tuple(view.name for view in views.with_table())


def complete_category(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """The complete_category, in upper or lower case."""
    all_names = map(names.category_dirname, names.CATEGORIES)
    return [CompletionItem(name) for name in all_names if name.lower().startswith(begun.lower())]


def complete_place(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """What `biofs ls` shows: complete_category, views, and paths."""
    shown = [CompletionItem(f"{name}/") for name in _VIEWS if begun and name.startswith(begun)]
    found = [*complete_category(context, parameter, begun), *shown]
    return found if found and "/" not in begun else [CompletionItem(begun, type="file")]


def complete_file(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Paths."""
    return [CompletionItem(begun, type="file")]


def complete_directory(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Directories."""
    return [CompletionItem(begun, type="dir")]


def complete_mountpoint(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Where your mounts are."""
    from biofs.cli import mount_lookup  # noqa: PLC0415 - only when it is asked for

    there = [mount.mountpoint for mount in mount_lookup.mine()]
    found = [CompletionItem(place) for place in there if place.startswith(begun)]
    return found or [CompletionItem(begun, type="dir")]


def complete_action(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """The actions of the API."""
    from biofs.api.actions import ACTIONS  # noqa: PLC0415 - only when it is asked for

    return [CompletionItem(name) for name in ACTIONS if name.startswith(begun)]


Command = TypeVar("Command", bound=Callable[..., object])

CREDENTIALS = "The token: from `biofs login`, --token-file or BIOFS_TOKEN. More: man biofs"

OF_THE_STORE = ("url", "token_file", "cache_dir", "snapshot", "demo")
"""Options with which a command reads a store, whatever is mounted."""

_COMPLETERS = {"FILE": complete_file, "DIR": complete_directory, "FILE|URL": complete_file}


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
    elif given.metavar in _COMPLETERS and given.type in (Path, str):
        attributes["shell_complete"] = _COMPLETERS[given.metavar]
    elif given.type is not str:
        attributes["multiple"] = True
        if given.type == list[Path]:
            attributes["shell_complete"] = complete_directory
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
