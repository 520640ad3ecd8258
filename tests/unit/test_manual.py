"""The manual page says what the commands say, and is well-formed."""

import subprocess
from pathlib import Path

import click
import pytest

from biofs.cli import program
from tests.support import manual

PAGES = sorted(manual.PAGE.parent.iterdir())


def test_it_is_up_to_date() -> None:
    assert manual.PAGE.read_text("utf-8") == manual.page(), "run scripts/manual"
    assert manual.HELPER_PAGE.read_text("utf-8") == manual.helper_page(), "run scripts/manual"


def test_every_command_and_option_is_in_it() -> None:
    page = manual.page()
    for name in program.list_commands(click.Context(program)):
        assert f".SS biofs {name}" in page
    assert "\\-\\-token\\-file FILE" in page


def test_text_is_no_markup() -> None:
    assert manual.roff(".so /etc/passwd\n'x \\n(.k ~-^`") == (
        "\\&.so /etc/passwd\n\\(aqx \\en(.k \\(ti\\-\\(ha\\(ga"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.parametrize("width", [60, 80, 160])
def test_groff_has_nothing_to_say_against_it(page: Path, width: int) -> None:
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-Wbreak", "-P-cbou", f"-rLL={width}n", str(page)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert "SYNOPSIS" in done.stdout
