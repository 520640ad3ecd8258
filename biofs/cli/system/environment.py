"""Secrets that came by the environment do not stay there."""

import os

from biofs.settings.table import SECRET_VARIABLES


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
