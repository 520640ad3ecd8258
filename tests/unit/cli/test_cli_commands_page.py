"""docs/commands.md says what the commands take."""

import re

import click
import pytest

from biofs.cli import program
from biofs.cli.commands import mount
from biofs.settings.fetching import SETTINGS as FETCHING
from biofs.settings.layers import Stored
from tests.support import commands_page, manual

PAGE = commands_page.PAGE.read_text("utf-8")
COMMANDS = dict(manual.all_commands(program, "biofs"))


def test_it_is_up_to_date() -> None:
    assert commands_page.page() == PAGE, "run scripts/manual"


@pytest.mark.parametrize("path", COMMANDS)
def test_every_option_is_in_it(path: str) -> None:
    section = PAGE.partition(f"\n## {path}\n")[2].partition("\n## ")[0]
    options = [param for param in COMMANDS[path].params if isinstance(param, click.Option)]
    named = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", section))
    assert section
    for option in options:
        assert named >= {*option.opts, *option.secondary_opts}, option.name


def test_every_command_is_in_it() -> None:
    for name in program.lazy:
        assert f"biofs {name}" in PAGE


def test_a_long_option_of_mount_is_a_key_of_the_settings_file() -> None:
    options = {param.name for param in mount.command.params if isinstance(param, click.Option)}
    keys = set(Stored.__struct_fields__)
    in_file_alone = {setting.name for setting in FETCHING if not setting.flags}
    assert {"engine_password", "path_map"} < in_file_alone
    others = {"token", "cookie", "passkey", "ca_file", "timeout", "insecure"}
    assert keys - options == others | in_file_alone
    assert options - keys == {"demo", "foreground", "snapshot"}
