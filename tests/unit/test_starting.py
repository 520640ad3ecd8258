"""A forked `biofs` does what one with a Python of its own does (tests.support.starting)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.mounting import environment
from tests.support.starting import Forked, run


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["cache", "info"],
        ["api", "index", "--demo"],
        ["ls", "/nowhere"],
        ["mount", "--rate", "much", "/nowhere"],
        ["no-such-command"],
    ],
    ids=" ".join,
)
def test_it_prints_and_returns_the_same(tmp_path: Path, arguments: list[str]) -> None:
    env = environment(tmp_path, XDG_CACHE_HOME=str(tmp_path / "elsewhere"))
    own = subprocess.run(
        [sys.executable, "-m", "biofs", *arguments],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    forked = run(arguments, env)
    assert (forked.returncode, forked.stdout, forked.stderr) == (
        own.returncode,
        own.stdout,
        own.stderr,
    )


def test_it_ends_by_signals_and_says_by_which() -> None:
    with tempfile.TemporaryFile() as file:
        process = Forked(["demo", "serve", "--port", "0"], dict(os.environ), stderr=file)
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0)
        process.kill()
        assert process.wait(60) == process.poll() == process.returncode == -signal.SIGKILL
        process.send_signal(signal.SIGTERM)  # there is nobody any more, and that is no error


def test_none_knows_the_environment_of_another(tmp_path: Path) -> None:
    env = environment(tmp_path)
    with_token = run(["doctor", "--offline"], {**env, "BIOFS_TOKEN": "f" * 64})
    without = run(["doctor", "--offline"], env)
    assert "BIOFS_TOKEN" in with_token.stdout
    assert "BIOFS_TOKEN" not in without.stdout
