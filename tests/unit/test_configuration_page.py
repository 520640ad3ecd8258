"""docs/configuration.md says what the table of settings says, and its settings file works."""

from pathlib import Path

import pytest

from biofs.settings.load import load
from biofs.settings.table import BY_NAME, OTHER_VARIABLES, SETTINGS
from tests.support import configuration_page

TOKEN = "0123456789abcdef"


def test_it_is_up_to_date() -> None:
    written = configuration_page.PAGE.read_text("utf-8")
    assert written == configuration_page.page(), "run scripts/manual"


def test_every_setting_is_in_it() -> None:
    page = configuration_page.page()
    for setting in SETTINGS:
        assert setting.help in page
        for flag in setting.flags:
            assert f"`{flag.split('/')[0]}" in page
        if setting.in_file:
            assert f"\n{setting.name} = " in page or f"\n# {setting.name} = " in page
    for variable in (*(s.variable for s in SETTINGS if s.variable), *OTHER_VARIABLES):
        assert f"| `{variable}` |" in page


@pytest.mark.parametrize("instead", [(), ("token",)])
def test_its_settings_file_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instead: tuple[str, ...]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    text = configuration_page.example(instead)
    if not instead:
        assert text in configuration_page.PAGE.read_text("utf-8")
    file = tmp_path / "config.toml"
    for path, content in (
        (file, text),
        (tmp_path / "token", TOKEN),
        (tmp_path / "ca.pem", ""),
    ):
        path.write_text(content)
        path.chmod(0o600)
    loaded = load({}, {}, file)
    assert loaded.token is not None
    assert loaded.token.reveal() == TOKEN
    assert loaded.fuse_options == ("noatime",)
    assert loaded.ca_file == tmp_path / "ca.pem"
    commented = [line.split()[1] for line in text.splitlines() if line.startswith("#")]
    assert commented == (["token_file"] if instead else ["token"])
    assert BY_NAME["token_file"].excludes == ("token",)
