"""One warm-up of a store at a time: two would ask for the same things."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from biofs.errors import QuietError

SUFFIX = ".warming"


@contextmanager
def warming(store: Path) -> Iterator[None]:
    """Be the one that warms this store. Raises QuietError if another process does.

    The lock is a file beside the store, which stays: to remove it would let in two at once.
    """
    path = store.with_suffix(SUFFIX)
    try:
        store.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise QuietError(f"{path}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise QuietError(
                "a warm-up of this account is under way already: let it end, or stop it"
            ) from None
        yield
    finally:
        os.close(descriptor)
