"""inbox, its sentbox, and the conversations in them."""

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from biofs.demo.actions.answers import crash, date, failure, pages, success
from biofs.demo.actions.call import Call
from biofs.demo.actions.community import user_or_system
from biofs.demo.escape import htmlentities
from biofs.demo.model import Conversation

_PAGE = 25


def inbox(call: Call) -> Response:
    """A page of the inbox or the sentbox, or with `type=viewconv` a conversation."""
    match call.text("type"):
        case "viewconv":
            return _conversation(call)
        case "" | "inbox":
            return _list(call, "inbox")
        case "sentbox":
            return _list(call, "sentbox")
        case _:
            return failure("bad parameters")


def is_unread(call: Call, conversation: Conversation) -> bool:
    """Whether the account has not opened the conversation yet."""
    return conversation.unread and conversation.id not in call.state.read_conversations


def unread_messages(call: Call) -> int:
    """How many conversations are unread."""
    return sum(is_unread(call, each) for each in call.belongings.conversations)


def _list(call: Call, folder: str) -> Response:
    found = [each for each in call.belongings.conversations if each.folder == folder]
    if term := call.text("search").casefold():
        text = _SEARCHED.get(call.text("searchtype"), _subject)
        found = [each for each in found if term in text(call, each).casefold()]
    unread_first = call.text("sort") == "unread"
    found.sort(
        key=lambda each: (
            not (unread_first and is_unread(call, each)),
            not each.sticky,
            -each.messages[-1].time,
        )
    )
    page = call.page()
    shown = found[(page - 1) * _PAGE : page * _PAGE]
    response = {
        "currentPage": page,
        "pages": pages(len(found), _PAGE),
        "messages": [_row(call, each) for each in shown],
    }
    return success(response, info=False)


def _subject(_call: Call, conversation: Conversation) -> str:
    return conversation.subject


def _bodies(_call: Call, conversation: Conversation) -> str:
    return "\n".join(message.bb_body for message in conversation.messages)


def _sender(call: Call, conversation: Conversation) -> str:
    return user_or_system(call, conversation.messages[0].sender_id).name


_SEARCHED: dict[str, Callable[[Call, Conversation], str]] = {
    "subject": _subject,
    "message": _bodies,
    "user": _sender,
}


def _row(call: Call, conversation: Conversation) -> dict[str, Any]:
    sender = user_or_system(call, conversation.messages[0].sender_id)
    return {
        "convId": conversation.id,
        "subject": htmlentities(conversation.subject),
        "unread": is_unread(call, conversation),
        "sticky": conversation.sticky,
        "forwardedId": 0,
        "forwardedName": "",
        "senderId": sender.id,
        "username": sender.name,
        "avatar": htmlentities(sender.avatar),
        "donor": sender.user_class == "Donor",
        "warned": False,
        "enabled": sender.enabled,
        "date": date(conversation.messages[-1].time),
    }


def _conversation(call: Call) -> Response:
    """A conversation, read from now on; somebody else's or none crashes the server."""
    wanted = call.number("id")
    found = next((each for each in call.belongings.conversations if each.id == wanted), None)
    if found is None:
        return crash('{"status":"failure"}')
    call.state.read_conversations.add(found.id)
    messages = [
        {
            "messageId": message.id,
            "senderId": message.sender_id,
            "senderName": user_or_system(call, message.sender_id).name or "System",
            "sentDate": date(message.time),
            "avatar": htmlentities(user_or_system(call, message.sender_id).avatar),
            "bbBody": message.bb_body,
            "body": message.body,
        }
        for message in found.messages
    ]
    return success(
        {
            "convId": found.id,
            "subject": htmlentities(found.subject),
            "sticky": found.sticky,
            "messages": messages,
        },
        info=False,
    )
