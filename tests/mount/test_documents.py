"""The examples in the documents do what stands there, on a real mount of the embedded catalogue."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from biofs.demo.accounts import DONOR_COOKIE
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from tests.support.commands import Case
from tests.support.documents import Example, examples, fits, on_terminal
from tests.support.mounting import Mount
from tests.support.server import running

CHECKOUT = Path(__file__).parents[2]
COOKBOOK = CHECKOUT / "docs/cookbook.md"
TOUR = CHECKOUT / "docs/tour.md"
README = CHECKOUT / "README.md"
OPERATIONS = CHECKOUT / "docs/operations.md"
TREE = CHECKOUT / "docs/tree.md"
DATA = CHECKOUT / "docs/data.md"
WRITTEN_HOME = "/home/me"
ROW = re.compile(r"^\| ([^|]+) \| `((?:[^`|]|\\\|)+)` \|$", re.MULTILINE)


class Reader:
    """Somebody who types what a document says, in a mount at ~/biotorrents."""

    def __init__(self, case: Case, mount: Mount) -> None:
        self._mount = mount
        self.home = mount.path.parent
        self._env = {
            **case.environment(),
            "HOME": os.fspath(mount.path.parent),
            "XDG_CACHE_HOME": os.fspath(case.base / "home/.cache"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def types(self, command: str) -> tuple[int, list[str]]:
        """The exit code and what is printed, with the home directory of the document."""
        code, lines = on_terminal(command, self._mount.path, self._env)
        home = os.fspath(self._mount.path.parent)
        return code, [line.replace(home, WRITTEN_HOME) for line in lines]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with _reading(tmp_path_factory.mktemp("reader")) as made:
        yield made


@pytest.fixture(scope="module")
def reader_with_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """With the demo's data laid out, and mounted with --data."""
    base = tmp_path_factory.mktemp("data")
    command = [sys.executable, "-m", "biofs", "demo", "data", str(base / "biodata")]
    subprocess.run(command, check=True, capture_output=True)
    with _reading(base, "--data", str(base / "biodata")) as made:
        yield made


@contextmanager
def _reading(base: Path, *options: str) -> Iterator[Reader]:
    with running(create_app(embedded())) as server:
        case = Case(server, base)
        (base / "home/.config/biofs").mkdir(parents=True)
        settings = base / "home/.config/biofs/config.toml"
        settings.touch(mode=0o600)
        settings.write_text(f'cookie = "{DONOR_COOKIE}"\n')
        with case.mount(*options, name="biotorrents") as mount:
            for category in os.listdir(mount.path / "categories"):
                os.listdir(mount.path / "categories" / category)
            yield Reader(case, mount)


def identify(example: Example) -> str:
    """The line, which is where to look."""
    return f"line {example.line}"


@pytest.mark.parametrize("example", examples(COOKBOOK), ids=identify)
def test_a_recipe(reader: Reader, example: Example) -> None:
    code, output = reader.types(example.command)
    assert code == 0
    assert example.output
    assert fits(example, output), output


def test_there_are_twenty_recipes_of_one_line() -> None:
    assert len(examples(COOKBOOK)) == 20


@pytest.mark.parametrize("example", examples(TOUR), ids=identify)
def test_a_step_of_the_tour(reader: Reader, example: Example) -> None:
    _, output = reader.types(example.command)
    assert example.output
    # The last column of a table is filled with blanks, which a document has not.
    assert fits(example, [line.rstrip() for line in output]), output


DATA_LINE = README.read_text("utf-8").partition("demo data")[0].count("\n")
"""From here on the README has a mount with --data."""


@pytest.mark.parametrize("example", examples(README), ids=identify)
def test_an_example_of_the_readme(request: pytest.FixtureRequest, example: Example) -> None:
    name = "reader_with_data" if example.line > DATA_LINE else "reader"
    made: Reader = request.getfixturevalue(name)
    _, output = made.types(example.command)
    assert example.output
    assert fits(example, output), output


@pytest.mark.parametrize(
    "example", [*examples(TREE), *examples(OPERATIONS)], ids=lambda example: example.command
)
def test_an_example_of_a_reference_page(reader: Reader, example: Example) -> None:
    _, output = reader.types(example.command)
    assert example.output
    assert fits(example, output), output


@pytest.mark.parametrize("example", examples(DATA), ids=lambda example: example.command)
def test_an_example_of_the_page_on_data(reader_with_data: Reader, example: Example) -> None:
    _, output = reader_with_data.types(example.command)
    assert example.output
    assert fits(example, output), output


def rows_in(document: Path, heading: str) -> list[tuple[str, str]]:
    """What is wanted and what to type, from a table of a document."""
    section = document.read_text("utf-8").partition(f"## {heading}")[2].partition("\n## ")[0]
    return [(wanted, command.replace(r"\|", "|")) for wanted, command in ROW.findall(section)]


TEN_THINGS = rows_in(README, "Ten things to do")
EVERY_DAY = rows_in(COOKBOOK, "Every day")
COPYING = rows_in(COOKBOOK, "Copying the metadata")


@pytest.mark.parametrize(
    ("wanted", "command"),
    [row for row in [*TEN_THINGS, *EVERY_DAY] if "`--account`" not in row[0]],
)
def test_what_to_type(reader: Reader, wanted: str, command: str) -> None:
    if command.startswith("less "):
        command = command.replace("less", "cat", 1)  # which waits for nobody
    code, output = reader.types(command)
    if command.startswith("grep "):
        assert code in {0, 1}, output
    else:
        assert code == 0, output
        assert output or command.startswith(("find ", "cd ")), wanted


def names_copied(copy: Path) -> list[str]:
    """The paths in a directory or an archive."""
    if copy.is_dir():
        return [os.fspath(path) for path in copy.rglob("*")]
    if zipfile.is_zipfile(copy):
        return zipfile.ZipFile(copy).namelist()
    with tarfile.open(copy) as tar:
        return tar.getnames()


@pytest.mark.parametrize("command", [command for _, command in COPYING])
def test_a_copy_of_the_metadata_is_whole_and_without_errors(reader: Reader, command: str) -> None:
    code, output = reader.types(command)
    assert (code, output) == (0, [])
    found = re.search(r"~/([\w.]+)", command)
    assert found is not None
    names = {name.rstrip("/").rpartition("/")[2] for name in names_copied(reader.home / found[1])}
    assert names >= {"group.json", "description.txt", "torrent.json", "filelist.jsonl"}
    assert "files" not in names


def test_there_is_something_to_type() -> None:
    assert {command.split("--exclude")[0].split()[0] for _, command in COPYING} == {
        "mkdir",
        "rsync",
        "tar",
        "zip",
    }
    assert len(TEN_THINGS) == 10
    assert len(EVERY_DAY) > 15


def test_the_links_between_the_documents_lead_somewhere() -> None:
    for document in (*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), (document.name, target)


def test_the_shell_scripts_and_units_are_well_formed() -> None:
    for script in CHECKOUT.glob("scripts/*"):
        if script.is_file() and b"bash" in script.read_bytes()[:40]:
            subprocess.run(["bash", "-n", script], check=True)
