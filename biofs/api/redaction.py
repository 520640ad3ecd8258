"""Taking secrets out of answers before anybody sees them."""

import re
from collections.abc import Iterator, Mapping

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
