"""What the kernel keeps it does not ask for again: calls counted at the daemon, by name.

pyfuse3 3.5 can neither have the kernel keep listings (FOPEN_CACHE_DIR) and links, nor have it open
without asking (ENOSYS to open and opendir means "always", and virtual files must fail): four calls
for each directory that is walked, two for each file that is opened, one for each link are left.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mounting import Mount, mounted
from tests.support.tallying import Tally

CATEGORY = "categories/Images"
WALKED = {"opendir", "readdir", "releasedir", "readlink"}
ABOVE = {"getattr", "lookup"}
"""The root and `categories` are looked at anew each second: their times may have changed."""


def grep(mount: Mount) -> None:
    """Read every file; virtual ones fail."""
    command = ["grep", "-r", "nothing", CATEGORY]
    subprocess.run(command, cwd=mount.path, capture_output=True, check=False)


@pytest.fixture(scope="module")
def mount(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mount]:
    base = tmp_path_factory.mktemp("calls")
    env = {"BIOFS_TALLY": str(base / "tally")}
    with mounted(base, "--demo", env=env, module="tests.support.tallying") as mount:
        subprocess.run(
            ["grep", "-r", "nothing", CATEGORY], check=False, cwd=mount.path, capture_output=True
        )
        subprocess.run(["ls", "-lR", CATEGORY], check=False, cwd=mount.path, capture_output=True)
        yield mount


@pytest.fixture
def tally(mount: Mount) -> Tally:
    return Tally(mount.path.parent / "tally")


def directories(mount: Mount) -> int:
    return sum(1 for _ in os.walk(mount.path / CATEGORY))


@pytest.mark.parametrize(
    "command",
    [("find", CATEGORY), ("find", CATEGORY, "-size", "+1M"), ("ls", "-lR", CATEGORY)],
)
def test_a_warm_walk_opens_and_reads_directories_and_asks_nothing_of_their_entries(
    mount: Mount, tally: Tally, command: tuple[str, ...]
) -> None:
    count = directories(mount)
    calls = tally.fewest(lambda: mount.run(*command))
    # find opens some directories twice.
    assert count <= calls["opendir"] == calls["releasedir"] <= count + 20
    # One call brings the entries (32 KiB of them), a last one says that there are no more.
    assert calls["readdir"] <= 3 * count
    above = sum(calls[name] for name in ABOVE)
    assert set(calls) <= WALKED | ABOVE
    assert above <= 4


@pytest.mark.long
def test_a_warm_grep_opens_files_and_reads_nothing(mount: Mount, tally: Tally) -> None:
    files = sum(len(names) for _, _, names in os.walk(mount.path / CATEGORY))

    def grep() -> None:
        subprocess.run(
            ["grep", "-r", "nothing", CATEGORY], check=False, cwd=mount.path, capture_output=True
        )

    calls = tally.fewest(grep)
    assert calls["read"] <= 2, "the kernel may give single pages back"
    assert calls["open"] <= files
    assert 0 < calls["release"] < calls["open"], "virtual files do not open"
    assert set(calls) <= WALKED | ABOVE | {"open", "release", "read"}
    assert sum(calls[name] for name in ABOVE) <= 4


def test_warm_stats_reach_nobody(mount: Mount, tally: Tally) -> None:
    paths = [
        os.path.join(above, name)
        for above, _, names in os.walk(mount.path / CATEGORY)
        for name in names
    ]
    assert len(paths) > 1000
    calls = tally.fewest(lambda: [os.lstat(path) for path in paths])
    assert sum(calls.values()) <= 4
    assert set(calls) <= ABOVE


def test_names_that_are_not_there_are_asked_for_once(mount: Mount, tally: Tally) -> None:
    group = next(path for path in (mount.path / CATEGORY).iterdir() if path.is_dir())
    probes = [f"{group}/{name}" for name in (".ignore", ".rgignore", ".gitignore", ".hidden")]

    def probe() -> None:
        assert not any(map(os.path.lexists, probes))

    assert tally.of(probe)["lookup"] <= len(probes) + 3
    assert sum(tally.fewest(probe).values()) <= 3


def test_a_first_walk_looks_nothing_up(tmp_path: Path) -> None:
    env = {"BIOFS_TALLY": str(tmp_path / "tally")}
    cache = ("--cache-dir", str(tmp_path / "cache"))
    with mounted(tmp_path, "--demo", *cache, env=env, module="tests.support.tallying") as first:
        subprocess.run(
            ["grep", "-r", "nothing", CATEGORY], check=False, cwd=first.path, capture_output=True
        )
    with mounted(
        tmp_path, "--demo", *cache, env=env, name="again", module="tests.support.tallying"
    ) as again:
        tally = Tally(tmp_path / "tally")
        calls = tally.of(lambda: again.run("ls", "-lR", CATEGORY))
        # A listing brings the attributes, sizes included, of everything whose detail is known.
        assert calls["opendir"] >= directories(again)
        assert calls["lookup"] + calls["getattr"] <= 8
