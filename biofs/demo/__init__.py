"""An embedded catalogue that answers like the real server: for a first look, tests and benchmarks.

`app` is the server, `embedded` and `generator` are catalogues for it, `serve` puts it on a socket
or behind an httpx client of the same process. It needs the extra `biofs[demo]`.
"""

from importlib.util import find_spec

from biofs.errors import QuietError

_LIBRARIES = ("starlette", "hypercorn")


def check_installed() -> None:
    """Raise QuietError, which says what to do, if the extra is not installed. Imports nothing."""
    if any(find_spec(name) is None for name in _LIBRARIES):
        raise QuietError("the embedded catalogue is not installed: pip install 'biofs[demo]'")
