"""Every `.json` in a mount is one JSON document, every `.jsonl` has one on each line."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson

from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from tests.support.counting import counted
from tests.support.faulty import Gapped
from tests.support.mounting import Mount, mounted
from tests.support.server import running

READ_FIRST = (
    *("users/2", "users/search/e", "comments/1", "collages/3", "search/kratom", "top/tags/10"),
    *("tags/fungi", "years/1985", "formats/FASTA", "authors/David Schild", "me/inbox"),
    *("me/sentbox", "me/bookmarks/torrents", "me/bookmarks/artists", "me/posts"),
)
"""What a view lists only when it is known."""

TO_BE_MET = {
    *("index.jsonl", "group.json", "torrent.json", "filelist.jsonl", "comments.json"),
    *("user.json", "stats.json", "recents.json", "posts.json", "collage.json", "top.json"),
    *("author.json", "messages.json", "message.json", "results.jsonl", "results.json"),
    *("status.json", "announcements.json", "index.json", "site.json"),
    *("torrents.json", "artists.json"),
}
"""Names of documents of which at least one has to be met, so that the walk is known to go far."""


def documents(mount: Mount) -> Iterator[Path]:
    """All files of a mount but those below `files/`, whose names are anybody's."""
    for directory, names, files in os.walk(mount.path):
        if "torrent.json" in files:
            names.remove("files")
        for name in files:
            path = Path(directory, name)
            if not path.is_symlink():
                yield path


def test_json_is_json_and_jsonl_is_json_line_by_line(tmp_path: Path) -> None:
    met: Counter[str] = Counter()
    with counted(tmp_path) as case, case.mount("mnt", "--account") as mount:
        for path in READ_FIRST:
            os.listdir(mount.path / path)
        (mount.path / "comments/1/comments.json").read_bytes()
        for path in documents(mount):
            if path.suffix == ".json":
                assert isinstance(orjson.loads(path.read_bytes()), dict | list), path
            elif path.suffix == ".jsonl":
                text = path.read_bytes()
                assert not text or text.endswith(b"\n"), path
                for line in text.removesuffix(b"\n").split(b"\n") if text else ():
                    assert isinstance(orjson.loads(line), dict), path
            met[path.name] += 1
    assert set(met) >= TO_BE_MET, TO_BE_MET - set(met)
    assert met["group.json"] > 70


def test_lists_are_lists_though_the_server_sends_objects(tmp_path: Path) -> None:
    shown = []
    for number, wrap in enumerate((lambda app: app, Gapped)):
        with (
            running(wrap(create_app(embedded()))) as server,
            mounted(
                tmp_path,
                *("--url", server.url, "--rate", "unlimited"),
                env={"BIOFS_TOKEN": DONOR_TOKEN},
                name=f"mnt{number}",
            ) as mount,
        ):
            category = mount.path / "categories/Sequences"
            group = category / "Alcohol dehydrogenase ADH1 [1]"
            torrents = sorted(path.name for path in group.iterdir() if path.is_dir())
            assert torrents
            document = orjson.loads((group / "group.json").read_bytes())
            assert [type(document[name]) for name in ("authors", "tags")] == [list, list]
            assert all(author["name"] for author in document["authors"])
            lines = (category / "index.jsonl").read_bytes()
            for line in lines.splitlines():
                row = orjson.loads(line)
                assert isinstance(row["tags"], list)
                assert all(isinstance(each["authors"], list) for each in row["torrents"])
            torrent = (group / torrents[0] / "torrent.json").read_bytes()
            shown.append((document, lines, torrents, torrent))
    assert shown[0] == shown[1]
