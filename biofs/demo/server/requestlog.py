"""What was asked of the server, for tests and benchmarks that count requests."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

_SECRET = frozenset({"torrent_pass", "authkey", "passkey"})
_KEPT = 100_000


@dataclass(frozen=True)
class LoggedRequest:
    """A request as it arrived, secrets replaced by `***`."""

    time: float
    """By the application's clock, in seconds."""
    method: str
    path: str
    action: str
    """Empty where the request had none."""
    params: Mapping[str, str]
    account: str | None
    """The account's name; None where nobody was logged in."""
    refused: bool = False
    """Whether the rate limit refused it."""


class RequestLog:
    """The last 100,000 requests; may be read from other threads while the server runs."""

    def __init__(self) -> None:
        self._entries: deque[LoggedRequest] = deque(maxlen=_KEPT)

    def add(self, entry: LoggedRequest) -> None:
        """Append an entry, losing the oldest where there are too many."""
        self._entries.append(entry)

    def entries(self, action: str | None = None, **params: str) -> list[LoggedRequest]:
        """The requests, oldest first; of one action and with these parameters, if given."""
        return [
            entry
            for entry in self._entries.copy()
            if (action is None or entry.action == action) and params.items() <= entry.params.items()
        ]

    def count(self, action: str | None = None, **params: str) -> int:
        """How many requests there were; of one action and with these parameters, if given."""
        return len(self.entries(action, **params))

    def clear(self) -> None:
        """Forget all requests."""
        self._entries.clear()


def without_secrets(params: Mapping[str, str]) -> dict[str, str]:
    """The parameters, secrets replaced by `***`."""
    return {name: "***" if name in _SECRET else value for name, value in params.items()}
