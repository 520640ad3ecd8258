"""`biofs notifications`: the one command that changes something of the account."""

import os

import click

from biofs.api.action import NOTIFICATION_TYPES
from biofs.api.actions import Api
from biofs.cli import options
from biofs.cli.output.report import confirm
from biofs.settings.load import load

_ALSO = {"Inbox": " This marks every conversation read."}


@click.group("notifications")
def command() -> None:
    """Clear your notifications."""


@command.command(
    "clear",
    epilog=f"Example: biofs notifications clear News\n\n{options.CREDENTIALS}",
)
@options.options(options.account, options.rate)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.argument("kind", metavar="TYPE", type=click.Choice(NOTIFICATION_TYPES, case_sensitive=False))
def clear(kind: str, yes: bool, **given: object) -> None:
    """Clear the notifications of TYPE on the server, for good.

    TYPE is Inbox, News, Blog, StaffPM, Torrents, Quotes, Subscriptions, Collages, or Global.
    """
    settings = load(given, os.environ)
    if not yes:
        confirm(
            f"Clear your {kind} notifications at {settings.url}, for good?{_ALSO.get(kind, '')}"
        )
    # trio and httpx take half a second: not before all is known to be right.
    from biofs.cli import asking  # noqa: PLC0415

    asking.send(settings, Api.clear_user_notification.request(kind))
    click.echo(f"{kind}: cleared, as far as the server tells: it does not say what there was")
