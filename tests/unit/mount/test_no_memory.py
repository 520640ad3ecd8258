"""What becomes of a MemoryError: an errno, or the end of the process."""

from __future__ import annotations

import errno
import subprocess
import sys

import pyfuse3
import pytest

from biofs.mount.errnos import guarded
from biofs.mount.process import memory


class Handlers:
    @guarded
    async def lookup(self) -> None:
        raise MemoryError


async def test_a_handler_without_memory_answers_enomem() -> None:
    with pytest.raises(pyfuse3.FUSEError) as caught:
        await Handlers().lookup()
    assert caught.value.errno == errno.ENOMEM


def test_it_is_found_wherever_it_stands() -> None:
    group = BaseExceptionGroup("", [ValueError(), ExceptionGroup("", [MemoryError()])])
    assert memory.is_exhausted(group)
    error = ValueError()
    error.__context__ = MemoryError()
    assert memory.is_exhausted(error)
    error.__context__ = error
    assert not memory.is_exhausted(error)
    assert not memory.is_exhausted(None)


@pytest.mark.parametrize(
    "raised",
    [
        "class Odd:\n    def __del__(self): raise {}\nOdd()",
        "import threading\ndef f(): raise {}\nt = threading.Thread(target=f)\nt.start()\nt.join()",
    ],
    ids=["callback", "thread"],
)
def test_one_that_is_raised_to_nobody_ends_the_process(raised: str) -> None:
    for error, ends in (("MemoryError", True), ("ValueError", False)):
        begin = "from biofs.mount.process.memory import end_when_exhausted\nend_when_exhausted()\n"
        done = subprocess.run(
            [sys.executable, "-c", f"{begin}{raised.format(error)}\nprint('goes on')"],
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.returncode == (memory.EXIT_CODE if ends else 0)
        assert done.stdout == ("" if ends else "goes on\n")
        assert ("biofs: there is no more memory" in done.stderr) is ends
