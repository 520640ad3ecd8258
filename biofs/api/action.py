"""How an action of the API is described: checks of its parameters, request, decoding, effect.

The checks of an action's parameters: ids, pages, texts, choices, hashes; all pure.
Each returns what is sent, and raises ValueError, in one line, for a value that the server would
refuse or misread: that saves a request. Ids are 0 to 2**32-1, pages start from 1, an info hash is
40 hexadecimal digits (64 for version 2) in any case. Texts are at most 1,000 characters.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, overload

from biofs.api.errors import BadAnswer
from biofs.api.models.base import Model
from biofs.api.requests import Answer, Effect, Request
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


# What an action of the API is: how it is asked for, how its answer is read, and what it does.
#
# An `Action` is a class attribute of `Api`. On the class it is the action itself, with `request`,
# `decode`, `needs_cookie` and `effect`; on an instance it is a coroutine function that sends the
# request and decodes the answer, with the parameters of the function that builds the request.


P = ParamSpec("P")
T = TypeVar("T")
ModelT = TypeVar("ModelT", bound=Model)

Send = Callable[[Request], Awaitable[Answer]]


class Sender(Protocol):
    """Whose instances an action is called on."""

    @property
    def send(self) -> Send: ...


class Action(Generic[P, T]):
    """One action of the API.

    `build` makes the request of checked arguments, or raises ValueError in one line; the first line
    of its docstring is the help. `decode` reads an answer, or raises BadAnswer. `more` names the
    parameters that `build` takes as keywords without declaring them.
    """

    name = ""

    def __init__(
        self,
        build: Callable[P, Request],
        decode: Callable[[Answer], T],
        *,
        needs_cookie: bool = False,
        effect: Effect = Effect.NONE,
        more: Collection[str] = (),
    ) -> None:
        self._build = build
        self._more = more
        self.decode = decode
        self.needs_cookie = needs_cookie
        self.effect = effect

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Action[P, T]: ...

    @overload
    def __get__(self, instance: Sender, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...

    def __get__(
        self, instance: Sender | None, owner: type
    ) -> Action[P, T] | Callable[P, Coroutine[Any, Any, T]]:
        if instance is None:
            return self
        send = instance.send

        async def call(*args: P.args, **kwargs: P.kwargs) -> T:
            return self.decode(await send(self.request(*args, **kwargs)))

        return call

    def request(self, *args: P.args, **kwargs: P.kwargs) -> Request:
        """The request for these arguments; raises ValueError, in one line, for invalid ones."""
        request = self._build(*args, **kwargs)
        return dataclasses.replace(request, needs_cookie=self.needs_cookie, effect=self.effect)

    @property
    def help(self) -> str:
        """What it is, in a line."""
        return inspect.getdoc(self._build).partition("\n")[0]  # type: ignore[union-attr]

    @property
    def parameters(self) -> Mapping[str, object]:
        """The names of its parameters, in order, with the types of their values."""
        declared = inspect.signature(self._build).parameters.values()
        named = {each.name: each.annotation for each in declared if each.kind != each.VAR_KEYWORD}
        return named | dict.fromkeys(sorted(self._more), str)

    @property
    def required(self) -> tuple[str, ...]:
        """The parameters without a default."""
        declared = inspect.signature(self._build).parameters.values()
        return tuple(
            each.name
            for each in declared
            if each.default is each.empty and each.kind != each.VAR_KEYWORD
        )


def read_as(model: type[ModelT]) -> Callable[[Answer], ModelT]:
    """Decode a response as this model."""
    return lambda answer: model.from_json(answer.response)


def about(model: type[ModelT], ident: Callable[[ModelT], int]) -> Callable[[Answer], ModelT]:
    """Decode a response as this model; BadAnswer if its id is not the one asked for."""

    def decode(answer: Answer) -> ModelT:
        response = model.from_json(answer.response)
        if answer.request.param("id") not in (None, str(ident(response))):
            raise BadAnswer(answer.request.action, "the answer is about another one than asked for")
        return response

    return decode
