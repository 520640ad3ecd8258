"""The checks of an action's parameters: ids, pages, texts, choices, hashes; all pure.

Each returns what is sent, and raises ValueError, in one line, for a value that the server would
refuse or misread: that saves a request. Ids are 0 to 2**32-1, pages start from 1, an info hash is
40 hexadecimal digits (64 for version 2) in any case. Texts are at most 1,000 characters.
"""

from biofs.api.values import LARGEST_ID, is_info_hash

BROWSE_FIELDS = frozenset(
    {
        "searchstr",
        "taglist",
        "tags_type",
        "order_by",
        "order_way",
        "freetorrent",
        "vanityhouse",
        "scene",
        "haslog",
        "releasetype",
        "media",
        "format",
        "encoding",
        "artistname",
        "filelist",
        "groupname",
        "recordlabel",
        "cataloguenumber",
        "year",
        "remastertitle",
        "remasteryear",
        "remasterrecordlabel",
        "remastercataloguenumber",
        "group_results",
    }
)
"""What `browse` takes but for `page` and `filter_cat`, as documented."""

NOTIFICATION_TYPES = (
    "Inbox",
    "News",
    "Blog",
    "StaffPM",
    "Torrents",
    "Quotes",
    "Subscriptions",
    "Collages",
    "Global",
)

_LONGEST_TEXT = 1000
_LAST_PAGE = 2**31 - 1

_CHOICES = {
    "tags_type": ("0", "1"),
    "order_way": ("asc", "desc"),
}


def id_or_hash(ident: int | None, info_hash: str | None) -> tuple[str, str]:
    if (ident is None) == (info_hash is None):
        raise ValueError("either an id or an info hash is needed")
    if ident is not None:
        return ("id", number("id", ident))
    if not is_info_hash(info_hash or ""):
        raise ValueError("an info hash has 40 (or 64) hexadecimal digits")
    return ("hash", (info_hash or "").upper())


def number(name: str, value: int) -> str:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_ID:
        raise ValueError(f"{name} is a number from 0 to {LARGEST_ID}")
    return str(value)


def page_number(value: int) -> str:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _LAST_PAGE:
        raise ValueError("a page is a number from 1")
    return str(value)


def filled(name: str, value: str | None) -> tuple[str, str]:
    text = bounded(name, value or "")
    if not text.strip():
        raise ValueError(f"{name} cannot be empty")
    return (name, text)


def bounded(name: str, value: str) -> str:
    if len(value) > _LONGEST_TEXT:
        raise ValueError(f"{name} is longer than {_LONGEST_TEXT} characters")
    return value


def choice(name: str, value: str) -> str:
    choices = _CHOICES.get(name)
    if choices and value not in choices:
        raise ValueError(f"{name} is one of {', '.join(choices)}")
    return value
