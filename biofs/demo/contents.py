"""What is in the files of the demo's small torrents: made up, and computed wherever it is read.

A file is a line that says so and, to its size, numbered lines that look like its format at a
glance, of a pattern that no organism has. What is binary or compressed by its name is such text as
well: a valid gzip file cannot be made to any size, nor a range of it without the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

MOST_BYTES: Final = 3 * 2**19
"""The size of the largest torrent that has contents, in bytes: 1.5 MiB.

Of the embedded catalogue's 136 torrents 36 are that small, 8.3 MiB in all; hashing them takes 0.03
seconds. The forty torrents of one group, all alike, are just larger: 72 MB.
"""

_NOTICE: Final = "made up by biofs demo: not real data; "
_LONGEST_NAME: Final = 200
_NUMBERS: Final = 10**10  # records are numbered modulo this, so that all are equally long


class _Form(NamedTuple):
    """How a format looks: what the notice starts with, the lines below it, a record by number."""

    mark: bytes
    heading: bytes
    record: bytes


_BASES: Final = b"ACGT" * 15 + b"\n"
_PLAIN: Final = _Form(
    b"", b"", b"made up by biofs demo, line %010d: the quick brown fox 0123456789\n"
)
_FASTA: Final = _Form(b">", b"", 6 * _BASES + b">made_up_%010d\n")
_FASTQ: Final = _Form(b"@", b"", _BASES + b"+\n" + b"I" * 60 + b"\n@made_up_%010d\n")
_GFF: Final = _Form(
    b"# ",
    b"##gff-version 3\n",
    b"made_up\tbiofs_demo\tregion\t1\t60\t.\t+\t.\tID=made_up_%010d;Note=not real data\n",
)
_VCF: Final = _Form(
    b"##",
    b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n",
    b"made_up\t%010d\tmade_up\tN\tN\t.\t.\t.\n",
)
_BED: Final = _Form(b"# ", b"", b"made_up\t0\t60\tmade_up_%010d\t0\t+\n")
_CSV: Final = _Form(
    b"# ", b"number,name,value,unit,note\n", b"%010d,made up,0.123456789,none,not real data\n"
)
_TSV: Final = _Form(
    b"# ",
    b"number\tname\tvalue\tunit\tnote\n",
    b"%010d\tmade up\t0.123456789\tnone\tnot real data\n",
)
_FORMS: Final[Mapping[str, _Form]] = {
    **dict.fromkeys(("fasta", "fa", "fsa", "fna", "ffn", "faa"), _FASTA),
    **dict.fromkeys(("fastq", "fq"), _FASTQ),
    **dict.fromkeys(("gff", "gff3"), _GFF),
    "vcf": _VCF,
    "bed": _BED,
    "csv": _CSV,
    "tsv": _TSV,
}
"""By the end of a file's name; all others are plain text."""


def has_contents(files: Sequence[tuple[str, int]]) -> bool:
    """Whether a torrent of these (path, length in bytes) pairs is small enough, and has files."""
    return len(files) > 0 and sum(size for _, size in files) <= MOST_BYTES


def content(
    torrent: str, path: str, size: int, offset: int = 0, length: int | None = None
) -> bytes:
    """A range of a file: `length` bytes from `offset` on, fewer where it ends; all by default.

    `torrent` is the name of the torrent, `path` the file's path in it, `size` its bytes. The same
    arguments always give the same bytes. A range costs what it is long, wherever it lies.
    """
    end = size if length is None else min(size, offset + length)
    if not 0 <= offset < end:
        return b""
    form = _form(path)
    opening = _opening(form, torrent, path)
    made = opening[offset:end]
    start = offset + len(made)
    if start < end:
        made += _records(form.record, start - len(opening), end - len(opening))
        if end == size:
            # As every text file, it ends with its last line.
            made = made[:-1] + b"\n"
    return made


def _form(path: str) -> _Form:
    name = path.rpartition("/")[2].lower().removesuffix(".gz")
    return _FORMS.get(name.rpartition(".")[2], _PLAIN)


def _opening(form: _Form, torrent: str, path: str) -> bytes:
    name = f"{torrent}/{path}" if torrent else path
    # Names may hold anything, also line feeds and what moves a terminal's cursor.
    shown = "".join(c if c.isprintable() else "?" for c in name[:_LONGEST_NAME])
    return form.mark + f"{_NOTICE}{shown}\n".encode() + form.heading


def _records(record: bytes, start: int, end: int) -> bytes:
    """The bytes from `start` to `end` of all records one behind the other."""
    size = len(record % 0)
    first = start // size
    numbers = range(first, -(-end // size))
    made = b"".join([record % (number % _NUMBERS) for number in numbers])
    return made[start - first * size : end - first * size]
