"""A text that must not be seen: token, cookie, passkey."""

import hmac
from typing import NoReturn

_MASK = "***"
_LONGEST = 8192


class Secret:
    """Wraps a text so that no log, repr, traceback or pickle can show it; `reveal` gives it back.

    Raises ValueError (without the text) for what cannot be sent in an HTTP header: nothing at all,
    anything but printable ASCII, blanks at either end, more than 8,192 characters.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        problem = _problem(text)
        if problem:
            raise ValueError(f"a secret {problem}")
        self.__text = text

    def reveal(self) -> str:
        """The text itself; for the one place that sends it."""
        return self.__text

    def __repr__(self) -> str:
        return f"Secret({_MASK})"

    def __str__(self) -> str:
        return _MASK

    def __format__(self, spec: str) -> str:
        return _MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__text, other.__text)

    def __hash__(self) -> int:
        return hash((Secret, self.__text))

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")


def _problem(text: str) -> str | None:
    if not text:
        return "cannot be empty"
    if len(text) > _LONGEST:
        return f"cannot be longer than {_LONGEST} characters"
    if not (text.isascii() and text.isprintable()):
        return "can only hold printable ASCII characters"
    if text != text.strip():
        return "cannot start or end with a blank"
    return None
