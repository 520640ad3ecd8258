"""What a shell is told when somebody presses TAB: fast, from what needs no request.

Paths are left to the shell itself, which has them from the mount as from any directory.
"""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from biofs.tree import names, views

_VIEWS = tuple(view.name for view in views.with_table())


def categories(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """The categories, in upper or lower case."""
    all_names = map(names.category_dirname, names.CATEGORIES)
    return [CompletionItem(name) for name in all_names if name.lower().startswith(begun.lower())]


def places(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """What `biofs ls` shows: categories, views, and paths."""
    shown = [CompletionItem(f"{name}/") for name in _VIEWS if begun and name.startswith(begun)]
    found = [*categories(context, parameter, begun), *shown]
    return found if found and "/" not in begun else [CompletionItem(begun, type="file")]


def files(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Paths."""
    return [CompletionItem(begun, type="file")]


def directories(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Directories."""
    return [CompletionItem(begun, type="dir")]


def mountpoints(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Where your mounts are."""
    from biofs.cli import mount_lookup  # noqa: PLC0415 - only when it is asked for

    places = [mount.mountpoint for mount in mount_lookup.mine()]
    found = [CompletionItem(place) for place in places if place.startswith(begun)]
    return found or [CompletionItem(begun, type="dir")]


def actions(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """The actions of the API."""
    from biofs.api.actions import ACTIONS  # noqa: PLC0415 - only when it is asked for

    return [CompletionItem(name) for name in ACTIONS if name.startswith(begun)]
