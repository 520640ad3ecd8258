"""`--fetch-on-read` with the programs of those who read such files: samtools, zcat, tail.

Held to what they print, and to which pieces the seeder sent.
"""

from __future__ import annotations

import gzip
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.swarm import BLOCK, GENEROUS, pieces_of
from tests.support.torrents import Content, make
from tests.swarm.reading_support import PIECE, Reading, reading

READS = 20_000
LENGTH = 10_000_000


def _samtools(*arguments: str | Path, group: int | None = None) -> bytes:
    done = subprocess.run(
        ["samtools", *map(str, arguments)],
        capture_output=True,
        check=False,
        timeout=GENEROUS,
        process_group=group,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def alignments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a sorted BAM file of reads that do not compress well, and its index."""
    directory = tmp_path_factory.mktemp("reads")
    chance = random.Random(1)
    lines = ["@HD\tVN:1.6\tSO:coordinate", f"@SQ\tSN:chr1\tLN:{LENGTH}"]
    for number, at in enumerate(sorted(chance.sample(range(1, LENGTH - 200), READS))):
        bases = "".join(chance.choices("ACGT", k=100))
        quality = "".join(chance.choices("".join(map(chr, range(33, 74))), k=100))
        lines.append(f"r{number}\t0\tchr1\t{at}\t60\t100M\t*\t0\t0\t{bases}\t{quality}")
    (directory / "all.sam").write_text("\n".join(lines) + "\n")
    _samtools("view", "-b", "-o", directory / "all.bam", directory / "all.sam")
    _samtools("index", directory / "all.bam")
    return directory


@pytest.fixture
def made(alignments: Path) -> Iterator[Reading]:
    chance = random.Random(2)
    text = b"".join(b"%d\t%d\n" % (each, chance.getrandbits(64)) for each in range(100_000))
    files: list[Content] = [
        ((b"all.bam",), (alignments / "all.bam").read_bytes()),
        ((b"all.bam.bai",), (alignments / "all.bam.bai").read_bytes()),
        ((b"table.tsv.gz",), gzip.compress(text, mtime=0)),
    ]

    def torrent(announce: str) -> tuple[bytes, list[Content]]:
        made = make(b"many", files, piece_length=PIECE, private=True, announce=announce.encode())
        return made, files

    with reading(torrent) as found:
        yield found


def test_samtools_fetches_what_a_region_needs(made: Reading, alignments: Path) -> None:
    region = "chr1:7000000-7010000"
    expected = _samtools("view", alignments / "all.bam", region)
    assert expected.count(b"\n") > 5
    with made.mounted() as mount:
        assert _samtools("view", made.path(mount, 0), region, group=0) == expected
        bam = pieces_of(made.files, 0, PIECE)
        came = [piece for piece in made.seeder.pieces() if piece in bam]
        assert len(bam) > 60
        assert len(came) < len(bam) / 3, "not all of it"
        whole = _samtools("view", made.path(mount, 0), group=0)
        assert whole == _samtools("view", alignments / "all.bam")
        assert all(count <= PIECE // BLOCK for count in made.seeder.pieces().values())


def test_the_beginning_and_the_end_of_a_file_fetch_no_more_than_that(made: Reading) -> None:
    table = pieces_of(made.files, 2, PIECE)
    lines = gzip.decompress(made.files[2][1]).splitlines(keepends=True)
    with made.mounted() as mount:
        path = made.path(mount, 2)
        shell = f"zcat '{path}' 2>&1 | head -n 3"
        done = subprocess.run(
            ["bash", "-c", shell], capture_output=True, check=True, timeout=60, process_group=0
        )
        assert done.stdout == b"".join(lines[:3])
        assert len(set(made.seeder.pieces())) < len(table) / 2
        done = subprocess.run(
            ["tail", "-c", "100", path], capture_output=True, check=True, process_group=0
        )
        assert done.stdout == made.files[2][1][-100:]
        assert len(set(made.seeder.pieces())) < len(table)
