"""What a command gets from who starts it: secrets that do not stay, descriptors that are closed."""

import os
import sys
from typing import Final

from biofs.settings.table import SECRET_VARIABLES

_STREAMS: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def open_descriptors() -> None:
    """Have /dev/null where a supervisor left standard input, output or error closed.

    The next file or pipe that is opened would get that number, and what is written for the user
    would go there; Python has None in place of the stream. Raises OSError without a /dev/null.
    """
    for number, (name, mode) in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free: open(2). Those below it are open by now.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def is_completing() -> bool:
    """Whether a shell asks what could follow, as `biofs completion` told it to."""
    return bool(os.environ.get("_BIOFS_COMPLETE"))


def hide_secrets() -> None:
    """Blank out token and cookie where others look for them, and where children inherit them.

    /proc/PID/environ shows the memory in which a program got its environment (proc_pid_environ(5)),
    whatever becomes of the variables. So it is overwritten in place; `os.environ`, a copy that
    Python made, keeps them for who reads the settings.
    """
    given = [name for name in SECRET_VARIABLES if os.environ.get(name)]
    if not given:
        return
    import ctypes  # noqa: PLC0415 - seldom needed, and slow to load

    library = ctypes.CDLL(None)
    library.getenv.restype = ctypes.c_void_p
    library.getenv.argtypes = [ctypes.c_char_p]
    for name in given:
        value = library.getenv(name.encode())
        if value:
            ctypes.memset(value, 0, len(ctypes.string_at(value)))
