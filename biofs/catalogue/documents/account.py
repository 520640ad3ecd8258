"""Documents about the account, for its own user alone. No document holds an authkey or a passkey.

Asking for a conversation marks it read, and asking for the notifications clears their marks: those
two (`conversation`, `notifications`) are for who says so, never for a listing or a refresh.
"""

from __future__ import annotations

from typing import Final

from biofs.api.actions import Api
from biofs.api.models import Inbox, Notifications
from biofs.api.secrets import SECRET_FIELDS, redacted
from biofs.catalogue.documents.document import HTML, Document, Joined, from_first, written
from biofs.catalogue.freshness import Freshness

# A conversation's BBcode comes as it was typed (recording inbox_type_viewconv_id_62).
_CONVERSATION_KEEPS: Final = HTML | {"bbBody"}

# Authors' names are not escaped.
_ARTISTS_KEEP: Final = HTML | {"artistName"}


def index(freshness: Freshness) -> Document:
    """Who is asking, without the keys."""

    async def fetch(api: Api) -> bytes:
        answer = redacted((await api.index()).raw, "")
        assert isinstance(answer, dict)  # noqa: S101 - as the answer was
        kept = {key: value for key, value in answer.items() if key.lower() not in SECRET_FIELDS}
        return await written("index", kept)

    return Document("me/index", freshness.account, fetch)


def messages(freshness: Freshness, folder: str) -> Document:
    """The conversations of `folder` (inbox, sentbox); none is marked read by this."""

    async def fetch(api: Api) -> bytes:
        async def ask(number: int) -> Inbox:
            return await api.inbox(number, type=folder)

        whole = await from_first(Joined("inbox", "messages", "convId"), ask)
        return await written("inbox", whole)

    return Document(f"me/{folder}", freshness.account, fetch, "date")


def conversation(freshness: Freshness, ident: int) -> Document:
    """A conversation, oldest message first. Asking marks it read."""

    async def fetch(api: Api) -> bytes:
        return await written("inbox", (await api.conversation(ident)).raw, _CONVERSATION_KEEPS)

    return Document(f"me/conversation/{ident}", freshness.account, fetch, "sentDate")


def bookmarks(freshness: Freshness, kind: str) -> Document:
    """Bookmarked groups (`kind` torrents, as the API has it) or authors (artists)."""

    async def fetch(api: Api) -> bytes:
        return await written("bookmarks", (await api.bookmarks(kind)).raw, _ARTISTS_KEEP)

    return Document(f"me/bookmarks/{kind}", freshness.account, fetch)


def notifications(freshness: Freshness) -> Document:
    """Uploads that matched a filter of the user's. Asking clears their marks. Needs a cookie."""

    async def fetch(api: Api) -> bytes:
        async def ask(number: int) -> Notifications:
            return await api.notifications(number)

        whole = await from_first(Joined("notifications", "results", "torrentId"), ask)
        return await written("notifications", whole)

    request = Api.notifications.request()
    return Document("me/notifications", freshness.account, fetch, "notificationTime", request)


def site_notifications(freshness: Freshness) -> Document:
    """What is new for the user, by kind; `{}` for nothing. Clears no mark."""

    async def fetch(api: Api) -> bytes:
        raw = (await api.get_user_notifications()).raw
        return await written("get_user_notifications", raw)

    return Document("me/site-notifications", freshness.account, fetch)
