"""Texts that must not be seen: token, cookie, passkey.

`Secret` holds one; `redacted` and `redacted_body` take them out of answers before anybody sees
them.
"""

import hmac
import re
from collections.abc import Iterator, Mapping
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


SECRET_FIELDS = frozenset({"authkey", "passkey", "torrent_pass"})
"""Fields of answers that open the account (recordings index_cookie_donor, user_id_3_donor)."""

MASK = "***"

_LONG_ENOUGH = 8  # characters; a shorter text may stand anywhere and mean something else
_FIELD = re.compile(
    rb'("(?:authkey|passkey|torrent_pass)"\s*:\s*)"(?:[^"\\]|\\.)+"', re.IGNORECASE | re.DOTALL
)


def redacted(value: object, mask: str = MASK) -> object:
    """A decoded JSON value with `mask` in place of each secret, in its field and elsewhere."""
    return _redacted(value, mask, frozenset(_secrets(value)))


def redacted_body(body: bytes, value: object) -> bytes:
    """A body with `***` in place of each secret in it; `value` is what it decodes to.

    All other bytes stay as they are.
    """
    body = _FIELD.sub(rb'\1"%b"' % MASK.encode(), body)
    for secret in _secrets(value):
        body = body.replace(secret.encode(), MASK.encode())
    return body


def _is_secret(key: object) -> bool:
    return isinstance(key, str) and key.lower() in SECRET_FIELDS


def _secrets(value: object) -> Iterator[str]:
    """The secrets in a value that are long enough to be looked for elsewhere."""
    left = [value]
    while left:
        value = left.pop()
        if isinstance(value, Mapping):
            for key, inner in value.items():
                if not _is_secret(key):
                    left.append(inner)
                elif isinstance(inner, str) and len(inner) >= _LONG_ENOUGH:
                    yield inner
        elif isinstance(value, list):
            left.extend(value)


def _redacted(value: object, mask: str, secrets: frozenset[str]) -> object:
    # Decoding has bounded the nesting (biofs.api.decoding).
    if isinstance(value, Mapping):
        return {
            key: mask if _is_secret(key) and inner else _redacted(inner, mask, secrets)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_redacted(inner, mask, secrets) for inner in value]
    if isinstance(value, str) and secrets:
        for secret in secrets:
            value = value.replace(secret, mask)
    return value
