"""Options that several commands have, and what they mean."""

from collections.abc import Callable
from typing import TypeVar, get_args

import click

from biofs.cli import completers
from biofs.settings.load import LogLevel

Command = TypeVar("Command", bound=Callable[..., object])

CREDENTIALS = "The token: from `biofs login`, --token-file or BIOFS_TOKEN. More: man biofs"

account = (
    click.option("--url", metavar="URL", help="The server, if not https://torrents.bio."),
    click.option(
        "--token-file",
        metavar="FILE",
        help="Holds the API token; only you can read it.",
        shell_complete=completers.files,
    ),
    click.option(
        "--cache-dir",
        metavar="DIR",
        help="Where what was fetched is kept.",
        shell_complete=completers.directories,
    ),
)
"""Say whose catalogue it is, and where it is kept."""

OF_THE_STORE = ("url", "token_file", "cache_dir", "snapshot", "demo")
"""Options with which a command reads a store, whatever is mounted."""

rate = (
    click.option(
        "--rate",
        metavar="N/SECONDS",
        help="The pace: 1/6 unless told; unlimited for donors.",
    ),
)

fetching = (
    click.option("--cache-size", metavar="SIZE", help="How large it may grow; 1G unless told."),
    *rate,
    click.option(
        "--ttl",
        type=float,
        metavar="SECONDS",
        help="How long what was fetched counts as fresh.",
    ),
)
"""Say how it is fetched and kept."""

logging = (
    click.option(
        "--log-file",
        metavar="FILE",
        help="Where to log, in place of the usual file.",
        shell_complete=completers.files,
    ),
    click.option(
        "--log-level",
        type=click.Choice(get_args(LogLevel), case_sensitive=False),
        metavar="LEVEL",
        help="How much to log: debug, info, warning, error.",
    ),
)


def options(
    *groups: tuple[Callable[[Command], Command], ...],
) -> Callable[[Command], Command]:
    """A decorator that adds groups of options, in this order."""

    def decorate(command: Command) -> Command:
        for group in reversed(groups):
            for option in reversed(group):
                command = option(command)
        return command

    return decorate
