"""Which extras of the package are installed: `biofs[demo]` is the embedded catalogue."""

from importlib.util import find_spec
from typing import Final

from biofs.errors import QuietError

_DEMO: Final = ("starlette", "hypercorn")


def check_demo() -> None:
    """Raise QuietError, which says what to install, without `biofs[demo]`. Imports nothing."""
    if any(find_spec(name) is None for name in _DEMO):
        raise QuietError("the embedded catalogue is not installed: pip install 'biofs[demo]'")
