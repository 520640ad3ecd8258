"""Options that several commands have, and what they mean."""

from collections.abc import Callable
from typing import TypeVar, get_args

import click

from biofs.config import LogLevel

Command = TypeVar("Command", bound=Callable[..., object])

CREDENTIALS = (
    "The token comes from --token-file, BIOFS_TOKEN, or the settings file, never from the "
    "command line. The address and a browser's cookie can also be set with BIOFS_URL and "
    "BIOFS_COOKIE, everything in config.toml under $XDG_CONFIG_HOME/biofs."
)

account = (
    click.option("--url", metavar="URL", help="The server; https://torrents.bio unless told."),
    click.option("--token-file", metavar="FILE", help="Holds the API token; only you can read it."),
    click.option("--cache-dir", metavar="DIR", help="Where what was fetched is kept."),
)
"""Say whose catalogue it is, and where it is kept."""

OF_THE_STORE = ("url", "token_file", "cache_dir", "snapshot", "demo")
"""Options with which a command reads a store, whatever is mounted."""

rate = (
    click.option(
        "--rate",
        metavar="N/SECONDS|unlimited",
        help="Requests in how many seconds; 1/6 unless told. Donors may ask for unlimited.",
    ),
)

fetching = (
    click.option("--cache-size", metavar="SIZE", help="How large it may grow; 1G unless told."),
    *rate,
    click.option(
        "--ttl",
        type=float,
        metavar="SECONDS",
        help="How long what was fetched counts as fresh; by its kind unless told.",
    ),
)
"""Say how it is fetched and kept."""

logging = (
    click.option("--log-file", metavar="FILE", help="Where to log, in place of the usual file."),
    click.option(
        "--log-level",
        type=click.Choice(get_args(LogLevel), case_sensitive=False),
        help="How much to log; info unless told.",
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
