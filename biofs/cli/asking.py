"""Sending one request at the account's pace, for commands that show its answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import trio

from biofs.api.actions import Api
from biofs.api.errors import ApiError, CookieNeeded
from biofs.api.models import Index, User
from biofs.api.requests import Answer, Request
from biofs.catalogue.catalogue import open_catalogue
from biofs.catalogue.fetches import Fetch, Priority
from biofs.errors import QuietError
from biofs.settings.load import Settings
from biofs.settings.table import COOKIE_VARIABLE


def send(settings: Settings, request: Request) -> Answer:
    """The answer to a request, sent when the pace allows: other processes of the account count.

    Nothing of it is kept. Raises QuietError if there is no answer.
    """
    try:
        outcome = trio.run(_outcome, settings, request)
    except BaseExceptionGroup as group:
        if group.subgroup(KeyboardInterrupt) is None:
            raise
        raise KeyboardInterrupt from None
    if isinstance(outcome, CookieNeeded):
        raise QuietError(f"{outcome}: set {COOKIE_VARIABLE}")
    if isinstance(outcome, ApiError):
        raise QuietError(str(outcome))
    return outcome


async def _outcome(settings: Settings, request: Request) -> Answer | ApiError:
    async with open_catalogue(settings) as catalogue:
        fetch = Fetch(request, Priority.INTERACTIVE, 0)
        try:
            return await catalogue.queue.sender(fetch)(request)
        except ApiError as error:
            return error


# Asking the server who a token belongs to: one request, two where the first tells no name.


_DONOR = "Donor"


class Identity(NamedTuple):
    """Who it is. `name` and `rank` are "" if the server does not tell; `clock` is by how many
    seconds this machine's clock is ahead of the server's, None if that is not known.
    """

    user: int
    name: str = ""
    rank: str = ""
    donor: bool = False
    clock: float | None = None


def ask(
    settings: Settings, *, name: bool = False, again: Callable[[Identity], None] = lambda _: None
) -> Identity | ApiError:
    """Who the settings' token or cookie belongs to, asked at the pace; or what went wrong.

    With `name`, a second request asks for name and class where the first one does not tell them
    (to a token it tells the id alone: recording index_donor); before that `again` is called. If
    that one fails, the id has to do.
    """
    try:
        return trio.run(_main, settings, name, again)
    except BaseExceptionGroup as group:
        if group.subgroup(KeyboardInterrupt) is None:
            raise
        raise KeyboardInterrupt from None


async def _main(
    settings: Settings, name: bool, again: Callable[[Identity], None]
) -> Identity | ApiError:
    async with open_catalogue(settings) as catalogue:
        request = Api.index.request()
        send = catalogue.queue.sender(Fetch(request, Priority.INTERACTIVE, 0))
        try:
            answer = await send(request)
            index = Index.from_json(answer.response)
        except ApiError as error:
            return error
        ahead = None if answer.date is None else time.time() - answer.date
        rank = index.userstats.class_
        found = Identity(index.id, index.username, rank, rank == _DONOR, ahead)
        if found.name or not name:
            return found
        again(found)
        try:
            user = User.from_json((await send(Api.user.request(index.id))).response)
        except ApiError:
            return found
        rank = user.personal.class_
        return found._replace(
            name=user.username, rank=rank, donor=user.personal.donor or rank == _DONOR
        )
