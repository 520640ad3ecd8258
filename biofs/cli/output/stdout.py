"""Standard output that may be full, or a device that fails: whose fault an error is, is known."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Stdout:
    """What became of it. `refused` is the error with which something written was refused."""

    refused: OSError | None = None


class _Raw(io.FileIO):
    """Standard output's descriptor, which notes what it refuses."""

    def __init__(self, descriptor: int, fate: Stdout) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._fate = fate

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        """See io.RawIOBase."""
        try:
            return super().write(data)
        except OSError as error:
            self._fate.refused = error
            raise


@contextmanager
def watched() -> Iterator[Stdout]:
    """Have `sys.stdout` note what is refused, if it is a file; afterwards it is what it was.

    An OSError alone does not say what was written to. What could not be written is let go, so
    that Python does not try again at its end (it would print that this failed).
    """
    fate, before = Stdout(), sys.stdout
    with suppress(OSError):  # it is no file: of a test, say
        if isinstance(before, io.TextIOWrapper):
            sys.stdout = _again(before, fate)
    try:
        yield fate
    finally:
        sys.stdout = before


def _again(stream: io.TextIOWrapper, fate: Stdout) -> io.TextIOWrapper:
    """The same stream once more. Raises OSError if it is no file."""
    raw: io.RawIOBase = _Raw(stream.fileno(), fate)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
