"""Telling the service manager that the mount answers."""

import socket
from pathlib import Path

import pytest

from biofs.mount.process import daemon


@pytest.mark.parametrize("abstract", [False, True])
def test_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{path}" if abstract else path)
        monkeypatch.setenv(daemon.VARIABLE, f"@{path}" if abstract else path)
        daemon.tell("READY=1")
        assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "relative", "/nobody/is/there", "@nobody-is-there"])
def test_nobody_to_tell_is_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv(daemon.VARIABLE, address)
    daemon.tell("READY=1")
    monkeypatch.delenv(daemon.VARIABLE)
    daemon.tell("READY=1")


def test_one_that_does_not_listen_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        monkeypatch.setenv(daemon.VARIABLE, path)
        while not caplog.records:  # until its queue is full
            daemon.tell("READY=1")
    assert "was not told" in caplog.text
