"""Names that differ between installations: of the endpoint, and of one action."""


class Choice:
    """Two names for one thing, of which the server knows one; starts with the first."""

    def __init__(self, first: str, second: str) -> None:
        self.current = first
        self._other = second
        self._unproven_switch = False

    def worked(self, used: str) -> None:
        """The server knows `used`."""
        if used == self.current:
            self._unproven_switch = False

    def failed(self, used: str) -> bool:
        """The server seems not to know `used`: whether to try again, under the current name.

        Of two requests under way only the first to fail switches. If the other name fails as well,
        the first is in force again, so nothing switches to and fro for one request.
        """
        if used != self.current:
            return True
        self.current, self._other = self._other, self.current
        self._unproven_switch = not self._unproven_switch
        return self._unproven_switch


class Dialects:
    """What this server calls its endpoint (older: ajax.php) and torrentgroup (later: group)."""

    def __init__(self) -> None:
        self.endpoint = Choice("api.php", "ajax.php")
        self.group = Choice("torrentgroup", "group")
