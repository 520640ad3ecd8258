"""The README says what the command takes, and its example of a settings file works."""

import re
import textwrap
from pathlib import Path

import click
import pytest

from biofs.cli import program
from biofs.cli.commands import (
    api,
    cache,
    demo,
    doctor,
    explain,
    export,
    login,
    ls,
    mount,
    notifications,
    refresh,
    status,
    torrent,
    umount,
    warm,
)
from biofs.settings import load
from biofs.settings.layers import Stored

README = (Path(__file__).parents[3] / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    "command",
    [
        *(mount.command, umount.command, demo.serve),
        *(api.command, torrent.command, notifications.clear),
        *(status.command, explain.command, refresh.command),
        *(warm.command, export.command, cache.clear),
        *(ls.command, login.command, doctor.command),
    ],
    ids=lambda command: command.name,
)
def test_every_option_is_in_it(command: click.Command) -> None:
    options = [param for param in command.params if isinstance(param, click.Option)]
    named = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", README))
    assert options
    for option in options:
        assert named & {*option.opts, *option.secondary_opts}, option.name


def test_every_command_variable_and_mount_option_is_in_it() -> None:
    for name in program.lazy:
        assert f"biofs {name}" in README
    for name in (load.TOKEN_VARIABLE, load.COOKIE_VARIABLE, load.URL_VARIABLE):
        assert f"`{name}`" in README
    for name in load.FUSE_OPTIONS:
        assert f"`{name}`" in README


def test_its_settings_file_works(tmp_path: Path) -> None:
    [example] = re.findall(r"(?:^    \w+ = .*\n)+", README, re.MULTILINE)
    file = tmp_path / "config.toml"
    file.write_text(textwrap.dedent(example))
    file.chmod(0o600)
    (tmp_path / "token").write_text("test-token-8f3a")
    (tmp_path / "token").chmod(0o600)
    loaded = load.load({}, {}, file)
    assert loaded.token is not None
    assert loaded.fuse_options == ("noatime",)


def test_a_long_option_of_mount_is_a_key_of_the_settings_file() -> None:
    options = {param.name for param in mount.command.params if isinstance(param, click.Option)}
    keys = set(Stored.__struct_fields__)
    assert keys - options == {"token", "cookie", "ca_file", "timeout", "insecure"}
    assert options - keys == {"demo", "foreground", "snapshot"}
