"""The demo's conversations."""

from collections.abc import Sequence

from biofs.demo.model import Conversation, Message
from biofs.demo.written.build import moment

_HOUR = 3600
_SENDERS = (0, 10, 11, 12)
_SUBJECTS = ("1 of your torrents has been deleted for inactivity", "Seeding", "Checksums", "Re: hi")
_BB_BODY = "Message body {} with [b]BB[/b] & <html> and é 🧬\n\nbye"
_BODY = (
    "Message body {} with <strong>BB</strong> &amp; &lt;html&gt; and &eacute; &#129516;<br />\n"
    "<br />\nbye"
)


def conversations(first_id: int, count: int) -> Sequence[Conversation]:
    """`count` conversations, newest first, one of them sticky; three more in the sentbox."""
    inbox = [_conversation(first_id, number, "inbox") for number in range(count)]
    # Sent ones take ids of their own, far from anybody's inbox.
    sentbox = [_conversation(first_id + 1000, number, "sentbox") for number in range(3)]
    return (*inbox, *sentbox)


def _conversation(first_id: int, number: int, folder: str) -> Conversation:
    conversation_id = first_id + number
    sender = _SENDERS[number % len(_SENDERS)]
    # The first is the one with everything that needs escaping in its subject, and with an answer.
    subject = f"{_SUBJECTS[number % len(_SUBJECTS)]} ({number})"
    if number == 0:
        sender, subject = 10, 'Re: "α" & <β> – subject 日本'  # noqa: RUF001
    time = moment("2020-11-20 11:00:00") - number * _HOUR
    messages = [
        Message(2 * conversation_id, sender, time, _BB_BODY.format(number), _BODY.format(number))
    ]
    if number == 0:
        second = "A second message in the conversation"
        messages.append(
            Message(2 * conversation_id + 1, sender, time + 60, second, f"<p>{second}</p>")
        )
    return Conversation(
        id=conversation_id,
        subject=subject,
        messages=messages,
        folder=folder,
        unread=folder == "inbox" and number in (0, 2, 5),
        sticky=number == 6,
    )
