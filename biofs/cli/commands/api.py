"""`biofs api`: send one request, made of `key=value` on the command line, and print the answer."""

import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import get_args, get_origin

import click

from biofs.api.actions import ACTIONS
from biofs.api.requests import Answer, Effect, Request
from biofs.api.secrets import redacted, redacted_body
from biofs.cli import options
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
@click.argument("action", metavar="ACTION", required=False, shell_complete=options.complete_action)
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
        click.echo(quantities.table(listed()))
        return
    if action is None:
        raise QuietError("no action: `biofs api --list` has them", USAGE)
    request = request_of(action, pairs)
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


_ELSEWHERE = {
    "clear_user_notification": "changes the account: `biofs notifications clear TYPE` does that",
    "download": "holds your passkey: `biofs torrent ID` fetches it",
}
_CATEGORY = re.compile(r"filter_cat\[([0-9]{1,10})\]", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)


def request_of(action: str, pairs: Iterable[str]) -> Request:
    """The request for an action. Raises QuietError in a line that says what is wrong with it.

    The API's own spelling is understood, too: `inbox type=viewconv`, `userhistory type=posts`,
    `filter_cat[1]=1`.
    """
    if action in _ELSEWHERE:
        raise QuietError(f"{action}: {_ELSEWHERE[action]}", USAGE)
    given = _given(pairs)
    if action == "inbox" and given.get("type") == "viewconv":
        action = "conversation"
        del given["type"]
    if action == "userhistory" and given.get("type") == "posts":
        del given["type"]
    asked = ACTIONS.get(action)
    if asked is None:
        raise QuietError(f"{action}: no such action: `biofs api --list` has them", USAGE)
    known = asked.parameters
    for name in given:
        if name not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise QuietError(f"{action}: no parameter {name}: {takes}", USAGE)
    try:
        return asked.request(
            **{name: _value(known[name], name, text) for name, text in given.items()}
        )
    except ValueError as error:
        raise QuietError(f"{action}: {error}", USAGE) from None
    except TypeError:
        needed = " and ".join(asked.required)
        raise QuietError(f"{action}: needs {needed}=…", USAGE) from None


def _given(pairs: Iterable[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise QuietError(f"{pair}: a parameter looks like key=value", USAGE)
        category = _CATEGORY.fullmatch(name)
        if category:
            # Several are asked for together, as the site's own form does it.
            name = "category"
            value = ",".join(filter(None, [given.pop(name, ""), category[1]]))
        if name in given:
            raise QuietError(f"{name}: given twice", USAGE)
        given[name] = value
    return given


def _value(kind: object, name: str, text: str) -> str | int | bool | list[int]:
    """The value that a parameter of this type takes."""
    kinds = get_args(kind) or (kind,)
    if bool in kinds:
        return text not in ("", "0")
    if any(get_origin(each) is Sequence for each in kinds):
        return [_number(name, each) for each in text.split(",")]
    return _number(name, text) if int in kinds else text


def _number(name: str, text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{name} is a number")
    return int(text)


def listed() -> list[tuple[str, str]]:
    """Every action: what it is, its parameters, and what else to know of it."""
    rows = []
    for name, action in ACTIONS.items():
        said = [action.help]
        if name in _ELSEWHERE:
            said.append(f"Not here: it {_ELSEWHERE[name]}.")
        elif action.parameters:
            said.append(f"Takes {', '.join(action.parameters)}.")
        if action.needs_cookie:
            said.append("Needs a cookie.")
        if action.effect is Effect.MARKS_READ:
            said.append("Takes marks away, so it needs --marks-read.")
        rows.append((name, " ".join(said)))
    return rows
