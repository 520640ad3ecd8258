"""The table of settings: it fits `Settings`, and what is derived from it is complete."""

import dataclasses
from pathlib import Path

import click
import pytest

from biofs.cli import mount_helper
from biofs.cli.commands import mount
from biofs.settings.layers import Stored
from biofs.settings.load import Settings, load
from biofs.settings.table import BY_NAME, SECRET_VARIABLES, SETTINGS, Setting

FIELDS = {field.name: field for field in dataclasses.fields(Settings)}


def test_it_fills_every_field_and_no_other() -> None:
    filled = {name for setting in SETTINGS for name in setting.filled}
    assert filled == FIELDS.keys()


def test_names_are_there_once() -> None:
    assert len(BY_NAME) == len(SETTINGS)
    for setting in SETTINGS:
        assert {*setting.excludes, *setting.default_with, *setting.fixed_with} <= BY_NAME.keys()


def test_a_default_of_settings_is_that_of_the_table() -> None:
    loaded = load({"offline": True}, {})
    for name, field in FIELDS.items():
        if field.default is not dataclasses.MISSING:
            assert getattr(loaded, name) == field.default


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_an_entry_is_whole(setting: Setting) -> None:
    assert setting.help.endswith(".")
    assert bool(setting.metavar) == (setting.type is not bool)
    assert bool(setting.example) == setting.in_file
    assert setting.flags or setting.in_file, "it can be given somewhere"
    assert not setting.in_fstab or setting.flags, "fstab's options become those of the command line"
    assert not setting.variable or setting.type is str, "a variable's value is a text"
    assert not setting.alone or not setting.in_file
    assert not setting.secret or not setting.flags, "others see command lines"
    assert setting.type is not Path or setting.metavar in {"FILE", "DIR"}
    assert not callable(setting.default) or (setting.type is Path and setting.default_text)


def test_all_are_derived() -> None:
    options = {param.name for param in mount.command.params if isinstance(param, click.Option)}
    assert options == {setting.name for setting in SETTINGS if setting.flags}
    assert set(Stored.__struct_fields__) == {s.name for s in SETTINGS if s.in_file}
    helper = {*mount_helper._WITH_VALUE, *mount_helper._ALONE}
    assert helper == {setting.name for setting in SETTINGS if setting.in_fstab}
    assert set(SECRET_VARIABLES) == {
        *("BIOFS_TOKEN", "BIOFS_COOKIE", "BIOFS_PASSKEY", "BIOFS_ENGINE_PASSWORD")
    }


def test_a_secret_in_the_file_does_not_show() -> None:
    assert "x" not in repr(Stored(token="x")).replace("Stored", "")
