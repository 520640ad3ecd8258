"""The groups of a generated catalogue: made of a position in its period and a number."""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from biofs.demo.model import Author, Entry, Group, Torrent

AUTHORS: Sequence[Author] = tuple(
    Author(number, name)
    for number, name in enumerate(
        (
            "Anne-Marie d'Artagnan",
            "Barbara McClintock",
            "Björk & Sons <Ltd>",
            "Emmanuelle Charpentier",
            "Felix Blei",
            "Jennifer A. Doudna",
            "Kim Ji-woo 김지우",
            "Kary Mullis",
            "Robert K. Mortimer",
            "Søren Kierkegård",
            "The 1000 Genomes Project Consortium",
            "李明",
        ),
        1,
    )
)
"""Sorted by name."""

_SUBJECTS = (
    "Actin filaments",
    "Beta-lactamase variants",
    "Cortical thickness maps",
    "DNA polymerase α",  # noqa: RUF001
    "Efflux pumps",
    "Field trial orthophotos",
    "Gut microbiome profiles",
    "Histone H3 cluster",
    "Ion channel recordings",
    "Kinase inhibitors",
)
_STAGES = ("annotated", "curated", "raw reads", "reference set", "time series")
_ORGANISMS = ("Homo sapiens", "Mus musculus", "Escherichia coli", "Arabidopsis thaliana", "")
_TAGS = (
    "bacteria",
    "coding",
    "data.science",
    "epidemiology",
    "fungi",
    "genomics",
    "humans",
    "imaging",
    "long.read",
    "plants",
    "proteomics",
    "virus",
)
_PLATFORMS = ("Illumina MiSeq", "Microscopy", "Nanopore", "Other", "PacBio")
_FORMATS = ("CSV", "FASTA", "FASTQ", "HDF5", "Text")
_LICENSES = ("CC BY", "CC BY-NC", "MIT", "Public Domain", "Unspecified")
_FIRST_YEAR, _YEARS = 1953, 72
_NUMBER_WIDTH = 8
_HASH_PREFIX = 24
_STEP = 1021  # bytes from one file's length to the next one's
_PER_DIRECTORY = 1000


@dataclass(frozen=True)
class Kind:
    """What all groups of a generated catalogue have in common."""

    torrents_per_group: int
    files_per_torrent: int
    categories: tuple[int, ...]
    seed: int

    def group_of_torrent(self, torrent_id: int) -> int:
        """The id of the group a torrent would be of; 0 or less where there is none such."""
        return (torrent_id - 1) // self.torrents_per_group + 1 if self.torrents_per_group else 0

    def group_of_hash(self, info_hash: str) -> int:
        """The id of the group a torrent with this hash would be of; 0 where there is none such."""
        torrent_id = int(info_hash[_HASH_PREFIX:], 16)
        return self.group_of_torrent(torrent_id) if info_hash == self._hash(torrent_id) else 0

    def group(self, position: int, index: int, time: int, *, bare: bool = False) -> Group:
        """Group `index` (from 0), uploaded at `time`, of those at this position of the period.

        A bare one lacks its torrents.
        """
        digest = hashlib.blake2b(f"{self.seed} {position}".encode(), digest_size=32).digest()
        dice = struct.unpack("<8I", digest)
        subject = _SUBJECTS[dice[0] % len(_SUBJECTS)]
        stage = _STAGES[dice[1] % len(_STAGES)]
        author, tag = dice[2] % len(AUTHORS), dice[3] % len(_TAGS)
        return Group(
            id=index + 1,
            name=f"{subject}, {stage} {index + 1:0{_NUMBER_WIDTH}}",
            category=self.categories[position % len(self.categories)],
            time=time,
            torrents=() if bare else tuple(self._torrents(dice[6:], index, time)),
            authors=AUTHORS[author : author + 3],
            tags=_TAGS[tag : tag + 4],
            year=_FIRST_YEAR + dice[4] % _YEARS,
            organism=_ORGANISMS[dice[5] % len(_ORGANISMS)],
            accession=f"GEN{dice[5] % 10**6:06}",
            description=f"<strong>Summary.</strong> {subject}, {stage}: made up.<br />",
        )

    def _torrents(self, dice: Sequence[int], index: int, time: int) -> Iterator[Torrent]:
        for number in range(self.torrents_per_group):
            roll = dice[0] // (number + 1)
            torrent_id = index * self.torrents_per_group + number + 1
            files = Files(self.files_per_torrent, dice[1] % 10**8 + number)
            yield Torrent(
                id=torrent_id,
                files=files,
                size=files.size,
                file_count=len(files),
                time=time - 60 * (self.torrents_per_group - 1 - number),
                file_path=f"set {index + 1} part {number + 1}",
                platform=_PLATFORMS[roll % len(_PLATFORMS)],
                format=_FORMATS[roll // 5 % len(_FORMATS)],
                license=_LICENSES[roll // 25 % len(_LICENSES)],
                scope="Other",
                annotated=roll % 2 == 0,
                archive="None",
                seeders=roll % 13,
                leechers=roll % 3,
                snatched=roll % 101,
                free=roll % 7 == 0,
                stated_hash=self._hash(torrent_id),
            )

    def _hash(self, torrent_id: int) -> str:
        # It holds the torrent's id, so that no table need lead back from it.
        digest = hashlib.blake2b(f"{self.seed} {torrent_id}".encode(), digest_size=12)
        return f"{digest.hexdigest()}{torrent_id:016x}".upper()


@dataclass(frozen=True)
class Files(Sequence[Entry]):
    """The files of a generated torrent, each made when looked at; lengths in bytes."""

    file_count: int
    first_length: int

    @property
    def size(self) -> int:
        """The sum of the lengths, in bytes."""
        return self.file_count * self.first_length + _STEP * (
            self.file_count * (self.file_count - 1) // 2
        )

    def __len__(self) -> int:
        return self.file_count

    @overload
    def __getitem__(self, at: int) -> Entry: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Entry]: ...

    def __getitem__(self, at: int | slice) -> Entry | Sequence[Entry]:
        if isinstance(at, slice):
            return [self[number] for number in range(*at.indices(self.file_count))]
        number = range(self.file_count)[at]
        path = f"batch {number // _PER_DIRECTORY:04}/run_{number:07}.fastq.gz"
        return Entry(path, self.first_length + _STEP * number)


def number_word(word: str) -> bool:
    """Whether a word of a search is the number that ends one group's name."""
    return _NUMBER_WIDTH <= len(word) <= 18 and word.isascii() and word.isdecimal()
