"""The units of a publisher start what there is."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from biofs.cli.commands import warm
from biofs.cli.snapshots import publish

UNITS = Path(__file__).parents[3] / "packaging/systemd"
COMMANDS = {"warm": warm.command, "publish": publish.command}


def commands() -> list[list[str]]:
    lines = (UNITS / "biofs-publish.service").read_text().splitlines()
    return [line.partition("=")[2].split() for line in lines if line.startswith("ExecStart=")]


def test_they_warm_and_publish_with_options_that_there_are() -> None:
    assert [command[:2] for command in commands()] == [["biofs", "warm"], ["biofs", "publish"]]
    for _, name, *arguments in commands():
        # A command remembers its help option, here as below `biofs`.
        context = COMMANDS[name].make_context(name, arguments, help_option_names=["-h", "--help"])
        assert context.params["cache_dir"] == "/var/cache/biofs"
        assert context.params["token_file"] == "/etc/biofs/token"


def test_they_come_every_night_at_another_time() -> None:
    timer = configparser.ConfigParser(interpolation=None)
    timer.read(UNITS / "biofs-publish.timer")
    assert timer["Timer"]["OnCalendar"].startswith("*-*-* ")
    assert timer["Timer"]["RandomizedDelaySec"] == "4h"
    assert timer["Install"]["WantedBy"] == "timers.target"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_understands_them(tmp_path: Path) -> None:
    for name in ("biofs-publish.service", "biofs-publish.timer"):
        # Where biofs is installed is not what is asked.
        text = (UNITS / name).read_text().replace("ExecStart=biofs ", "ExecStart=true ")
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", *sorted(tmp_path.iterdir())],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "biofs-publish" not in done.stderr
    assert done.returncode == 0, done.stderr


def test_the_operations_page_names_the_units_and_their_places() -> None:
    page = (UNITS.parents[1] / "docs/operations.md").read_text()
    for _, _, *arguments in commands():
        for place in (argument for argument in arguments if argument.startswith("/")):
            assert place in page
