"""How many requests in how many seconds; imports nothing slow, for the settings' sake."""

import math
import re
from dataclasses import dataclass
from typing import Self

_FORM = re.compile(r"([0-9]{1,6})/([0-9]{1,6}(?:\.[0-9]{1,6})?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `requests` in any `seconds`; `Rate(0, 0.0)` is unlimited.

    The server documents one request in six seconds for a user, and none for donors.
    Raises ValueError unless both are positive (or both zero) and seconds is finite.
    """

    requests: int
    seconds: float

    def __post_init__(self) -> None:
        both_zero = self.requests == 0 and self.seconds == 0
        both_good = self.requests > 0 and 0 < self.seconds < math.inf
        if not (both_zero or both_good):
            raise ValueError("a rate needs a positive number of requests and of seconds")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `1/6`, `N/SECONDS` (seconds may have decimals) or `unlimited`, else ValueError."""
        text = text.strip()
        if text.lower() == "unlimited":
            return cls(0, 0.0)
        match = _FORM.fullmatch(text)
        if match is None or int(match[1]) == 0 or float(match[2]) == 0:
            raise ValueError(
                "a rate is requests/seconds, such as 1/6 (one in six seconds), or unlimited"
            )
        return cls(int(match[1]), float(match[2]))

    @property
    def unlimited(self) -> bool:
        return self.requests == 0

    def __str__(self) -> str:
        if self.unlimited:
            return "unlimited"
        seconds = format(self.seconds, ".6f").rstrip("0").rstrip(".")
        return f"{self.requests}/{seconds}"
