"""What is handed out: the source archive and the wheel."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

import biofs

CHECKOUT = Path(__file__).parents[2]
BUILD = "import hatchling.build as b, sys; b.build_sdist(sys.argv[1]); b.build_wheel(sys.argv[1])"


def build(to: Path) -> tuple[Path, Path]:
    """Make both; the source archive and the wheel."""
    to.mkdir()
    subprocess.run([sys.executable, "-c", BUILD, str(to)], cwd=CHECKOUT, check=True, timeout=120)
    [archive], [wheel] = to.glob("*.tar.gz"), to.glob("*.whl")
    return archive, wheel


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return build(tmp_path_factory.mktemp("dist") / "first")


def kept() -> set[str]:
    """The files that git keeps; from an unpacked archive there is nothing to compare with."""
    if not (CHECKOUT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        check=True,
        text=True,
    )
    names = {name for name in listed.stdout.split("\0") if (CHECKOUT / name).is_file()}
    return {name for name in names if not name.startswith(".ci/")}


def test_the_source_archive_has_all_that_is_kept_and_nothing_else(
    built: tuple[Path, Path],
) -> None:
    top = f"biofs-{biofs.__version__}/"
    with tarfile.open(built[0]) as archive:
        names = {member.name.removeprefix(top) for member in archive.getmembers()}
    assert names - {"PKG-INFO"} == kept()


def test_the_wheel_has_the_package_its_types_its_licence_and_its_commands(
    built: tuple[Path, Path],
) -> None:
    info = f"biofs-{biofs.__version__}.dist-info/"
    with zipfile.ZipFile(built[1]) as wheel:
        names = set(wheel.namelist())
        about = HeaderParser().parsestr(wheel.read(f"{info}METADATA").decode())
        commands = wheel.read(f"{info}entry_points.txt").decode()
        licence = wheel.read(f"{info}licenses/LICENSE")
    pages = {name for name in names if ".data/data/share/man/" in name}
    assert {name.rpartition("/")[2] for name in pages} == {"biofs.1", "mount.fuse.biofs.8"}
    package = {name for name in names - pages if not name.startswith(info)}
    assert package == {name for name in kept() if name.startswith("biofs/")}
    assert "biofs/py.typed" in package
    assert licence == (CHECKOUT / "LICENSE").read_bytes()
    assert commands.split() == [
        "[console_scripts]",
        *("biofs", "=", "biofs.cli:main"),
        *("mount.fuse.biofs", "=", "biofs.cli.mount_helper:main"),
    ]
    assert about["Version"] == biofs.__version__
    assert about["License-Expression"] == "MIT"
    assert about["Requires-Python"] == ">=3.11"
    assert any(line.startswith("Catalogue, https://") for line in about.get_all("Project-URL"))
    assert "Typing :: Typed" in about.get_all("Classifier")
    assert about.get_payload() == (CHECKOUT / "README.md").read_text("utf-8")


def test_building_again_makes_the_same_bytes(built: tuple[Path, Path], tmp_path: Path) -> None:
    again = build(tmp_path / "second")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in built]
