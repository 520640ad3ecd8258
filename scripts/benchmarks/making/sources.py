"""The groups whose trees are measured, made one after another: never all of them in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from biofs.demo.generator import Generated
from biofs.demo.model import Entry, Group
from biofs.demo.written.build import moment

TREE_CATEGORY = 1
LARGE_CATEGORY = 2
LARGE_DIRECTORY_NAME = "One directory of many files"
LARGE_FILE_NAME = "One long file list"
_FIRST_LARGE_ID = 4_000_000
_FIRST_DATA_ID = 5_000_000
_TEXT_BYTES = 3_400
"""Of a description: with the other fields around it, a document of about 4 KB."""

_SENTENCES = (
    "Reads were trimmed, deduplicated and aligned against the reference of the day.",
    "Controls stand beside treated samples, three biological replicates of each.",
    "Calibration sheets and the firmware's own log lie in the directory of each run.",
    "Coordinates are given in the frame of the atlas, in millimetres.",
    "Whoever uses the data is kindly asked to cite the protocol as well.",
    "Missing values are empty, and never zero; units stand in the first line.",
    "Cells were kept at four degrees and fixed within the hour.",
)


def _text(number: int) -> str:
    """Prose of _TEXT_BYTES, another for each number."""
    words: list[str] = []
    length, at = 0, number
    while length < _TEXT_BYTES:
        at = (at * 31 + 7) % 1_000_003
        sentence = f"{_SENTENCES[at % len(_SENTENCES)]} Lot {at}."
        words.append(sentence)
        length += len(sentence) + 1
    return " ".join(words)[:_TEXT_BYTES]


def tree_groups(count: int) -> Iterator[Group]:
    """`count` groups of one torrent, in TREE_CATEGORY, two directories each.

    group.json, description.txt and torrent.json have about 4 KB; the torrent has one empty file.
    """
    source = Generated(
        count, torrents_per_group=1, files_per_torrent=1, categories=(TREE_CATEGORY,)
    )
    for number in range(1, count + 1):
        group = source.group(number)
        assert group is not None
        torrent = replace(
            group.torrents[0],
            files=(Entry(f"measurements_{number:07}.csv", 0),),
            size=0,
            file_path="",
            description=_text(3 * number),
        )
        description = f"<p>{_text(number)}</p>"
        yield replace(group, description=description, torrents=(torrent,))


def many_groups(count: int, torrents: int = 3, files: int = 20) -> Iterator[Group]:
    """`count` groups in TREE_CATEGORY with short texts."""
    source = Generated(count, torrents, files, categories=(TREE_CATEGORY,))
    for number in range(1, count + 1):
        group = source.group(number)
        assert group is not None
        yield group


def large_groups(directory_entries: int, file_entries: int) -> Iterable[Group]:
    """Two groups of one torrent each, in LARGE_CATEGORY.

    The first torrent's `files/` has `directory_entries` empty files in one directory; the second's
    filelist.jsonl has `file_entries` lines of about 110 bytes.
    """
    flat = (f"spectrum_{number:07}.mzML{{{{{{0}}}}}}" for number in range(directory_entries))
    deep = (
        f"plate {number // 1000:05} of the screening campaign/well {number % 1000:04} as measured"
        f"/frame {number:08}.tif{{{{{{{number}}}}}}}"
        for number in range(file_entries)
    )
    yield _large(1, LARGE_DIRECTORY_NAME, "|||".join(flat), directory_entries)
    yield _large(2, LARGE_FILE_NAME, "|||".join(deep), file_entries)


def giant_path(number: int) -> str:
    """The path of the giant torrent's `number`th file."""
    return f"measurements of run {number // 1000:05}/spectrum {number:07}.mzML"


def giant_group(files: int) -> Group:
    """A group in LARGE_CATEGORY whose one torrent has `files` empty files, 1,000 a directory."""
    listed = "|||".join(f"{giant_path(number)}{{{{{{0}}}}}}" for number in range(files))
    return _large(3, "One giant torrent", listed, files)


def group_of_data(number: int, top: str, files: Sequence[Entry], info_hash: str) -> Group:
    """A group in LARGE_CATEGORY whose one torrent has these files below `top`, "" for none.

    It is the `number`th of such groups, and named after its first file.
    """
    group = _of_one_torrent(_FIRST_DATA_ID + number, files[0].path)
    torrent = replace(
        group.torrents[0],
        size=sum(entry.length for entry in files),
        file_count=len(files),
        file_path=top,
        files=files,
        stated_hash=info_hash,
    )
    return replace(group, torrents=(torrent,))


def _large(number: int, name: str, listed: str, count: int) -> Group:
    group = _of_one_torrent(_FIRST_LARGE_ID + number, name)
    torrent = replace(
        group.torrents[0],
        size=0,
        file_count=count,
        file_path="",
        raw_file_list=listed,
        stated_hash=f"{group.id:040X}",
    )
    return replace(group, torrents=(torrent,))


def _of_one_torrent(ident: int, name: str) -> Group:
    source = Generated(1, torrents_per_group=1, files_per_torrent=1, categories=(LARGE_CATEGORY,))
    group = source.group(1)
    assert group is not None
    torrent = replace(group.torrents[0], id=ident, time=moment("2020-01-01 00:00:00"))
    return replace(group, id=ident, name=name, torrents=(torrent,))
