"""Programs we start get no secrets, and not for ever."""

import sys

import pytest

from biofs.cli.system import processes


def python(script: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", script)


def test_what_it_wrote_and_its_exit_code() -> None:
    script = "import sys; sys.stdout.write('out'); sys.stderr.buffer.write(b'\\xff'); sys.exit(3)"
    assert processes.run(python(script), 60) == processes.Ended(3, b"out", "\\xff")


def test_secrets_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOFS_TOKEN", "t-8f3a")
    monkeypatch.setenv("BIOFS_COOKIE", "c-8f3a")
    monkeypatch.setenv("BIOFS_URL", "kept")
    ended = processes.run(python("import os; print(dict(os.environ))"), 60)
    assert ended is not None
    assert b"kept" in ended.output
    assert b"8f3a" not in ended.output
    assert b"'LC_ALL': 'C'" in ended.output


def test_one_that_does_not_end_is_given_up() -> None:
    assert processes.run(("/bin/sleep", "3600"), 0.0) is None
