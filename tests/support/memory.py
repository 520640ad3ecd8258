"""What a mount takes in memory for catalogues that are large in one way: what scripts/memory runs.

`python -m tests.support.memory [FILES [GROUPS]]` from the checkout.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.server.app import create_app
from biofs.demo.source import Source
from tests.support.giants import MIB, long_name, many_files, many_groups, peak
from tests.support.mounting import Mount, mounted
from tests.support.server import running

CATEGORY = "categories/Sequences"


def measured(source: Source) -> Iterator[tuple[str, int]]:
    """What was done, and the most bytes that the mount ever held until then (VmHWM)."""
    with (
        tempfile.TemporaryDirectory() as base,
        running(create_app(source)) as server,
        mounted(
            Path(base),
            *("--url", server.url, "--rate", "unlimited", "--wait", "600"),
            env={"BIOFS_TOKEN": DONOR_TOKEN},
            module="biofs",  # of a fork's memory, some belongs to others as well
        ) as mount,
    ):
        yield "mounted", peak(mount)
        names = [name for name in os.listdir(mount.path / CATEGORY) if name.endswith("]")]
        yield f"listed, {len(names):,} groups", peak(mount)
        yield from _group(mount, mount.path / CATEGORY / names[0])


def _group(mount: Mount, group: Path) -> Iterator[tuple[str, int]]:
    (group / "group.json").read_bytes()
    yield "a group's detail read", peak(mount)
    [torrent] = group.glob("*]")
    files = sum(len(names) for _, _, names in os.walk(torrent / "files"))
    yield f"files/ walked, {files:,} files", peak(mount)
    size = len((torrent / "filelist.jsonl").read_bytes())
    yield f"filelist.jsonl read, {size / MIB:.1f} MiB", peak(mount)


def main() -> int:
    """The program."""
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    groups = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    for title, source in (
        (f"a torrent of {files:,} files", many_files(files)),
        ("names of a megabyte", long_name(MIB)),
        (f"{groups:,} groups in a category", many_groups(groups)),
    ):
        print(title)
        for done, held in measured(source):
            print(f"{held / MIB:>8.0f} MiB  {done}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
