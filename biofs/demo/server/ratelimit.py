"""The server's rate limit: a fixed window, counted per user."""


class RateLimit:
    """Lets `burst` requests of a user through in each window, which opens with the first of them.

    All of a user's tokens, cookies and machines count together. A refused
    request does not prolong the window.
    """

    def __init__(self, window: float, burst: int) -> None:
        self._window = window
        self._burst = burst
        self._counts: dict[int, tuple[float, int]] = {}

    def allows(self, user_id: int, now: float) -> bool:
        """Count a request at `now` (seconds); False where it is one too many."""
        opened, count = self._counts.get(user_id, (now, 0))
        if now - opened >= self._window:
            opened, count = now, 0
        self._counts[user_id] = (opened, count + 1)
        return count < self._burst
