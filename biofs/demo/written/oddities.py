"""Groups with everything that the real catalogue does not keep anybody from uploading."""

# ruff: noqa: RUF001 - ambiguous characters are the point
import unicodedata
from collections.abc import Iterator
from typing import Any

from biofs.demo.model import Entry, Group, Torrent
from biofs.demo.written.build import files, group, spread, torrent

# What a torrent's fileList says and what its fileCount and size say differ: the list has lost
# sizes, has impossible ones, is not there, is of another upload, or reads as of more files.
AMBIGUOUS_NAMES = 76
CORRUPT_SIZES = 79
IMPOSSIBLE_SIZES = 80
NO_FILE_LIST = 81
OTHER_UPLOAD = 82
DOES_NOT_ADD_UP = frozenset(
    {AMBIGUOUS_NAMES, CORRUPT_SIZES, IMPOSSIBLE_SIZES, NO_FILE_LIST, OTHER_UPLOAD}
)
"""Torrents whose file list does not add up to what they state."""

_TAGS = "coding fungi one.shot organic.chemistry protocol.available"
_NFC, _NFD = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))


def oddities() -> Iterator[Group]:
    """The groups, in the order of their ids."""
    yield from _odd_file_names()
    yield from _odd_file_lists()
    yield from _odd_groups()


def _odd_file_names() -> Iterator[Group]:
    yield _of_files(
        61,
        "Unicode normalisation é (NFC) vs é (NFD), ZWJ 👩\u200d🔬, RTL שלום",
        73,
        "Unicode – ünïcödé",
        f"{_NFC}.fa 1",
        f"{_NFD}.fa 2",
        "שלום.txt 3",
        "👩\u200d🔬.txt 4",
        "€ 100 – budget….csv 5",
        "“quoted”.txt 6",
        "ﬁ ligature.txt 7",
        "nbsp\u00a0here.txt 8",
        "zero\u200bwidth.txt 9",
        "\u202etxt.exe 10",
        "Straße/STRASSE.txt 11",
        "straße/strasse.txt 12",
        "データ/配列.gb 13",
        organism="Bräckerbohm’s “bug”",
        strain="Ω-3 µ+ – — …",
        authors="李明; Наталья Иванова",
    )
    yield _of_files(
        62,
        "../../etc/passwd and friends",
        74,
        "../../etc",
        "../../etc/passwd 1",
        "/etc/shadow 2",
        "a/../../b.txt 3",
        "./c.txt 4",
        "d//e.txt 5",
        ".. 6",
        ". 7",
        " 8",
        "C:\\Windows\\system32\\drivers\\etc\\hosts 9",
        "back\\slash.txt 10",
        "CON 11",
        "-rf 12",
        "$(reboot).txt 13",
        "`id`.txt 14",
    )
    yield _of_files(
        63,
        "Names that are too long, too many, or twice there",
        75,
        "long names",
        f"{'x' * 296}.txt 1",
        f"{'é' * 150}.txt 2",
        f"{'x' * 296}.dat 3",
        f"{'deep/' * 60}leaf.txt 4",
        "twin.txt 5",
        "twin.txt 6",
        "Twin.txt 7",
        "TWIN.TXT 8",
        "data 9",
        "data/inside.txt 10",
        "data/inside.txt/deeper.txt 11",
        "trailing.dot. 12",
    )
    yield group(
        64,
        12,
        "Names that break lists: {{{ and |||",
        torrent(
            AMBIGUOUS_NAMES,
            "{{{top}}}|||",
            (
                Entry("plain.txt", 1),
                Entry("a{{{5}}}.txt", 2),
                Entry("b}}}.txt", 3),
                Entry("c|||d.txt", 4),
                Entry("e{{{7}}}|||f.txt", 5),
                Entry("{{{}}}", 6),
                Entry("|||", 7),
                Entry("zero.bin", 0),
                Entry("s12s in the name.txt", 8),
            ),
        ),
        authors="Jackie Treehorn",
        tags=_TAGS,
        year=2020,
    )
    yield group(
        65,
        12,
        "Control\tcharacters\x07 and\nlines",
        torrent(
            77,
            "bell\x07",
            (
                Entry("bell\x07.txt", 1),
                Entry("new\nline.txt", 2),
                Entry("tab\there.txt", 3),
                Entry("nul\x00byte.txt", 4),
                Entry("escape\x1b[31m.txt", 5),
                Entry("delete\x7f.txt", 6),
                Entry("next\x85line.txt", 7),
                Entry("carriage\rreturn.txt", 8),
                Entry("  leading spaces.txt", 9),
                Entry("trailing space.txt ", 10),
                Entry("~", 11),
                Entry(".hidden", 12),
                Entry(".biofs/status.json", 13),
            ),
        ),
        authors="Jackie Treehorn",
        tags=_TAGS,
        year=2020,
    )


def _odd_file_lists() -> Iterator[Group]:
    yield group(
        66,
        1,
        "One file, several ways",
        torrent(78, "", "single.fasta 10", "Sanger, FASTA, CC BY, Contig"),
        torrent(83, "a directory", "single.fasta 10", "Sanger, GenBank, CC BY, Contig"),
        torrent(84, "", "empty.fasta 0", "PacBio, FASTA, CC BY, Contig"),
        torrent(85, "", "one.txt 1\ntwo.txt 2", "PacBio, FASTA, CC BY, Scaffold"),
        torrent(86, "single.fasta", "single.fasta 10", "Sanger, FASTA, CC BY-SA, Contig"),
        authors="David Schild",
        tags=_TAGS,
        year=2020,
    )
    yield group(
        67,
        11,
        "Dr. Smith's lab notes",
        torrent(
            CORRUPT_SIZES,
            "Dr. Smith",
            (
                Entry("Dr. Smith lab notes", 2048),
                Entry("ver 1.0 final copy", 4096),
                Entry("notes/p. 17 and p. 18 of the book", 512),
                Entry("ordinary.txt", 100),
            ),
            "Literature, Text, CC BY, Value",
        ),
        torrent(
            IMPOSSIBLE_SIZES,
            "sizes",
            "ordinary.txt 100",
            raw_file_list="minus.txt{{{-5}}}|||huge.txt{{{99999999999999999999999999}}}|||"
            "point.txt{{{1.5}}}|||exponent.txt{{{1e9}}}|||none.txt{{{}}}|||"
            "digits.txt{{{&#1635;}}}|||nothing|||ordinary.txt{{{100}}}",
            size=9_005_000_000_000,
            file_count=8,
        ),
        authors='O\'Brien "Doc" Murphy',
        tags=_TAGS,
        year=2018,
    )
    yield group(
        68,
        12,
        "No file list, and somebody else's",
        torrent(NO_FILE_LIST, "nothing", (), file_count=0, size=4096),
        torrent(OTHER_UPLOAD, "other", "a.txt 1\nb.txt 2", file_count=3, size=2**53 + 1),
        authors="",
        tags=_TAGS,
        year=2020,
    )
    yield group(
        69,
        8,
        "Every slice its own torrent",
        *(_slice(number) for number in range(40)),
        authors="Radiological Society of North America",
        tags="grayscale imaging",
        organism="Mus musculus",
        year=2016,
        about="One torrent a slice, forty in all.",
    )


def _slice(number: int) -> Torrent:
    listing = f"slice_{number:02}/tile_[00-15].png 90K-140K"
    return torrent(100 + number, f"slice {number:02}", listing, "Microscopy, PNG, CC BY, Micro")


def _odd_groups() -> Iterator[Group]:
    yield _named(70, "", 87, tags="", year=0)
    yield _named(71, "Same name in two groups", 88)
    yield _named(72, "Same name in two groups", 89)
    yield _named(73, "..", 90, year=0)
    yield _named(74, "1234567890 [1]", 91, year=99999)
    yield _named(75, "&amp; already escaped &lt;b&gt; &nosuch; &#0; &#x1F600; 100% %2F %s {0}", 92)
    yield _named(76, "שלום עולם \u202egnp.exe", 93, authors="A" * 250)
    yield _named(77, "🧬" * 80, 94, authors="".join(map(chr, range(0x4E00, 0x4E40))))
    yield _named(78, "   spaces   and a trailing dot.", 95, tags="ünïcödé 日本 a/b ..")
    yield _named(
        79, "Ends in a backslash \\", 96, authors="; ".join(f"Author {n}" for n in range(30))
    )


def _named(group_id: int, name: str, torrent_id: int, **fields: Any) -> Group:
    listing = files(f"readme_{torrent_id}.txt {spread(name, 0, 5000)}")
    everything: dict[str, Any] = {"authors": "David Schild", "tags": _TAGS, "year": 2020} | fields
    return group(group_id, 1, name, torrent(torrent_id, "", listing), **everything)


def _of_files(
    group_id: int, name: str, torrent_id: int, directory: str, *lines: str, **fields: Any
) -> Group:
    entries = [Entry(path, int(size)) for path, _, size in (line.rpartition(" ") for line in lines)]
    kind = "Nanopore, FASTA, CC BY, Contig"
    everything: dict[str, Any] = {
        "authors": "Jackie Treehorn",
        "tags": _TAGS,
        "year": 2019,
    } | fields
    return group(group_id, 1, name, torrent(torrent_id, directory, entries, kind), **everything)
