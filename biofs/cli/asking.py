"""Sending one request at the account's pace, for commands that show its answer."""

from __future__ import annotations

import trio

from biofs.api.errors import ApiError, CookieNeeded
from biofs.api.requests import Answer, Request
from biofs.catalogue.wants import Priority, Want
from biofs.config import COOKIE_VARIABLE, Settings
from biofs.errors import QuietError
from biofs.mount import assembly


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
    async with assembly.open_catalogue(settings) as catalogue:
        want = Want(request, Priority.INTERACTIVE, 0)
        try:
            return await catalogue.queue.sender(want)(request)
        except ApiError as error:
            return error
