"""`biofs api`."""

import os
import sys

import click

from biofs.api.requests import Answer, Effect
from biofs.api.secrets import redacted, redacted_body
from biofs.cli import api_arguments, completers, options
from biofs.cli.output import quantities
from biofs.errors import USAGE, QuietError
from biofs.settings.load import load
from biofs.tree import printable


@click.command(
    "api",
    epilog=f"Example: biofs api user id=2 | jq .stats.uploaded\n\n{options.CREDENTIALS}",
)
@options.options(options.account, options.rate)
@click.option("--demo", is_flag=True, help="Ask the embedded catalogue; needs no token.")
@click.option("--raw", is_flag=True, help="Print the body as it came.")
@click.option("--show-secrets", is_flag=True, help="Print authkey and passkey, too.")
@click.option("--marks-read", is_flag=True, help="Send it even though it marks things as read.")
@click.option("--list", "only_list", is_flag=True, help="List the actions and their parameters.")
@click.argument("action", metavar="ACTION", required=False, shell_complete=completers.actions)
@click.argument("pairs", metavar="[KEY=VALUE]...", nargs=-1)
def command(
    action: str | None,
    pairs: tuple[str, ...],
    raw: bool,
    show_secrets: bool,
    marks_read: bool,
    only_list: bool,
    **given: object,
) -> None:
    """Send ACTION to the server and print its answer.

    It is sent at the pace, and printed as JSON. Texts are as the server sends them, mostly
    HTML-escaped. Nothing of it is kept, and what is kept is not looked at. Authkey and passkey are
    shown as ***.
    """
    if only_list:
        click.echo(quantities.table(api_arguments.listed()))
        return
    if action is None:
        raise QuietError("no action: `biofs api --list` has them", USAGE)
    request = api_arguments.request_of(action, pairs)
    if request.effect is Effect.MARKS_READ and not marks_read:
        raise QuietError(f"{action}: takes marks away on the server: give --marks-read", USAGE)
    settings = load(given, os.environ)
    # trio and httpx take half a second: not before all is known to be right.
    from biofs.cli import asking  # noqa: PLC0415

    answer = asking.send(settings, request)
    _print(_body(answer, show_secrets) if raw else _document(answer, show_secrets), raw=raw)


def _document(answer: Answer, show_secrets: bool) -> bytes:
    from biofs.tree import render  # noqa: PLC0415 - imports orjson

    shown = answer.response if show_secrets else redacted(answer.response)
    text = render.document(shown).decode()
    return printable.for_json(text).encode()


def _body(answer: Answer, show_secrets: bool) -> bytes:
    return answer.body if show_secrets else redacted_body(answer.body, answer.response)


def _print(body: bytes, *, raw: bool) -> None:
    if raw and sys.stdout.isatty() and printable.is_binary(body):
        raise QuietError("the body holds control characters: redirect it into a file")
    click.echo(body, nl=False)
