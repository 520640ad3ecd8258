"""Every field that the API's documents describe can be read somewhere in a mount.

The documents are read for what they promise, and a mount of the embedded catalogue for where it
stands: a field that is missing there fails by its name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.counting import counted
from tests.support.mounting import Mount

DOCUMENTS = Path(__file__).parent.parent / "data" / "documents"

ANSWERS = {
    "torrents.txt": ["torrent", "torrentgroup", "browse", "tcomments", "collage", "artist"],
    "users.txt": [
        *("user", "usersearch", "community_stats", "user_recents", "userhistory"),
        *("inbox", "conversation", "bookmarks", "bookmarks artists", "get_user_notifications"),
    ],
}
"""The answers that the documents show, in their order. They show none of `top10`, `notifications`
and `clear_user_notification`."""

ADH1 = "groups/1"
TORRENT = f"{ADH1}/FASTA, Sanger, Contig [1]"
RSNA = "groups/37"
DICOM = f"{RSNA}/DICOM, X-Rays, Whole Genome [46]"
CONVERSATION = 'me/inbox/Re: "α" & <β> – subject 日本 [62]'  # noqa: RUF001

PLACES = {
    "torrent.group": (f"{ADH1}/group.json", ""),
    "torrent.torrent": (f"{TORRENT}/torrent.json", ""),
    "torrent.torrent.fileList": (f"{TORRENT}/filelist.jsonl", "[].path"),
    "torrentgroup.group": (f"{RSNA}/group.json", ""),
    "torrentgroup.torrents[]": (f"{DICOM}/torrent.json", ""),
    "torrentgroup.torrents[].fileList": (f"{DICOM}/filelist.jsonl", "[].length"),
    "torrentgroup.torrents": (f"{DICOM}/torrent.json", ""),
    # Its pages are one file: a line is a row, and there are 50 rows to a page.
    "browse.currentPage": ("categories/Spatial/index.jsonl", "[]"),
    "browse.pages": ("categories/Spatial/index.jsonl", "[]"),
    "browse.results": ("categories/Spatial/index.jsonl", ""),
    "tcomments": ("comments/1/comments.json", ""),
    "collage": ("collages/3/collage.json", ""),
    "artist": ("authors/David Schild [2]/author.json", ""),
    "user": ("users/2/user.json", ""),
    "usersearch": ("users/search/me/results.json", ""),
    "community_stats": ("users/2/stats.json", ""),
    "user_recents.snatches": ("users/3/recents.json", "snatches"),
    "user_recents.uploads": ("users/2/recents.json", "uploads"),
    "userhistory": ("users/4/posts.json", ""),
    "inbox": ("me/inbox/messages.json", ""),
    "conversation": (f"{CONVERSATION}/READING-MARKS-AS-READ.json", ""),
    "bookmarks": ("me/bookmarks/torrents.json", ""),
    "bookmarks artists": ("me/bookmarks/artists.json", ""),
    "get_user_notifications": ("me/notifications/site.json", ""),
}
"""Where a field stands, by the beginning of its name: a file, and what stands before it there.

A `.jsonl` file, and filelist.jsonl, is a list of its lines.
"""


def objects_in(text: str) -> Iterator[Any]:
    """The answers that a document shows, without what it leaves out by `# etc.`."""
    text = re.sub(r",?\s*# etc\.", "", text)
    decoder = json.JSONDecoder()
    for start in re.finditer(r'\{\s*"status": "success"', text):
        yield decoder.raw_decode(re.sub(r",(\s*[}\]])", r"\1", text[start.start() :]))[0]


def fields_of(value: object, path: str) -> Iterator[str]:
    """The names of everything in a JSON value."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from fields_of(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from fields_of(inner, f"{path}[]")


def documented() -> list[str]:
    """The names of all documented fields, each behind its action's."""
    found: dict[str, None] = {}
    for name, actions in ANSWERS.items():
        answers = list(objects_in((DOCUMENTS / name).read_text()))
        assert len(answers) == len(actions)
        for action, answer in zip(actions, answers, strict=True):
            for field in fields_of(answer["response"], action):
                if field != action:
                    found[field] = None
    return list(found)


FIELDS = documented()


def place_of(field: str) -> tuple[str, str, str]:
    """The place with the longest beginning of a field's name: a file, a prefix, and the rest."""
    beginnings = [
        each for each in PLACES if field == each or field.startswith((f"{each}.", f"{each}["))
    ]
    beginning = max(beginnings, key=len)
    return *PLACES[beginning], field.removeprefix(beginning)


def read(mount: Mount, path: str) -> Any:
    text = (mount.path / path).read_text()
    if path.endswith((".jsonl", "filelist.jsonl")):
        return [json.loads(line) for line in text.splitlines()]
    return json.loads(text)


def values_at(value: Any, path: str) -> list[Any]:
    """What stands under a name: `a.b[].c`."""
    values = [value]
    for step in re.findall(r"\[\]|[^.\[\]]+", path):
        if step == "[]":
            values = [inner for each in values for inner in each]
        else:
            values = [each[step] for each in values if step in each]
    return values


@pytest.fixture(scope="module")
def mount(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mount]:
    with (
        counted(tmp_path_factory.mktemp("fields")) as case,
        case.mount("mnt", "--account") as mount,
    ):
        yield mount


def test_the_documents_are_read_whole() -> None:
    assert len(FIELDS) > 200
    for field in (
        "torrent.group.authors[].name",
        "torrentgroup.torrents[].filePath",
        "browse.results[].torrents[].authors[].id",
        "tcomments.comments[].userinfo.userTitle",
        "collage.torrentgroups[].torrents[].torrentid",
        "artist.statistics.numSnatches",
        "user.community.artistsAdded",
        "user_recents.snatches[].artists[][].name",
        "bookmarks.bookmarks[].torrents[].hasFile",
        "get_user_notifications.Global.importance",
    ):
        assert field in FIELDS


def test_every_place_is_needed() -> None:
    used = {place_of(field)[:2] for field in FIELDS}
    assert used == set(PLACES.values())


@pytest.mark.parametrize("field", FIELDS)
def test_it_can_be_read_in_the_mount(field: str, mount: Mount) -> None:
    path, before, rest = place_of(field)
    found = values_at(read(mount, path), before + rest)
    assert found, f"{field} is not in {path}"


def test_a_file_list_says_what_the_documented_one_says(mount: Mount) -> None:
    answer = next(objects_in((DOCUMENTS / "torrents.txt").read_text()))
    told = "|||".join(
        f"{line['path']}{{{{{{{line['length']}}}}}}}"
        for line in read(mount, f"{TORRENT}/filelist.jsonl")
    )
    assert told == answer["response"]["torrent"]["fileList"]
