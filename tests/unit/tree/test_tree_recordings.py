"""The real server's answers, as recorded: every torrent in them adds up."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from biofs.tree import filelist, names, render
from biofs.tree.layout import FileTree
from biofs.tree.printable import unescape

RECORDINGS = Path(__file__).parents[2] / "data" / "recordings"


def recorded(key: str) -> list[Any]:
    """Give every object with this key in any recording, as a test's parameter."""

    def walk(value: object) -> Iterator[Mapping[str, Any]]:
        if isinstance(value, dict):
            if key in value:
                yield value
            for inner in value.values():
                yield from walk(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from walk(inner)

    return [
        pytest.param(found, id=f"{path.stem}-{number}")
        for path in sorted(RECORDINGS.glob("*.json"))
        for number, found in enumerate(walk(json.loads(path.read_text())["response"]))
    ]


@pytest.mark.parametrize("torrent", recorded("fileList"))
def test_file_lists_add_up(torrent: dict[str, Any]) -> None:
    entries = filelist.parse(torrent["fileList"], torrent["fileCount"])
    assert len(entries) == filelist.count(torrent["fileList"]) == torrent["fileCount"]
    assert sum(entry.length for entry in entries) == torrent["size"]
    assert filelist.render(entries) == torrent["fileList"]
    top = unescape(torrent["filePath"])
    tree = FileTree.build(entries, top)
    assert tree.total_size == torrent["size"]
    assert tree.file_count == torrent["fileCount"]
    prefix = f"{top}/" if top else ""
    assert {(prefix + entry.path).encode(): entry.length for entry in entries} == {
        tree.path(node): tree.size(node) for node in range(len(tree)) if not tree.is_dir(node)
    }


@pytest.mark.parametrize("torrent", recorded("fileList"))
def test_torrent_documents_keep_every_field(torrent: dict[str, Any]) -> None:
    shown = json.loads(render.document(render.torrent_shown(torrent)))
    assert list(shown) == [key for key in torrent if key != "fileList"]
    assert shown["filePath"] == unescape(torrent["filePath"])
    assert shown["size"] == torrent["size"]


@pytest.mark.parametrize("group", recorded("categoryName"))
def test_group_documents_keep_every_field(group: dict[str, Any]) -> None:
    shown = json.loads(render.document(render.group_shown(group)))
    assert list(shown) == list(group)
    assert shown["name"] == unescape(group["name"])
    assert shown["authors"] == group["authors"]
    assert shown["description"] == group["description"]
    assert names.CATEGORIES[group["categoryId"]] == group["categoryName"]
    assert render.api_time(group["time"]) is not None


@pytest.mark.parametrize("row", recorded("groupName"))
def test_browse_rows_have_names_and_lines(row: dict[str, Any]) -> None:
    name = names.group_dirname(row["groupName"], row["groupId"])
    assert names.id_of(name) == row["groupId"]
    assert "&" not in name or "&amp;" in row["groupName"]
    line = render.index_line(row)
    assert list(json.loads(line)) == list(row)
    assert json.loads(line).get("author") == row.get("author")


def test_the_recorded_description() -> None:
    answer = json.loads((RECORDINGS / "torrentgroup_id_1.json").read_text())
    group = answer["response"]["json"]["response"]["group"]
    assert render.description_text(group["description"]).decode() == (
        "Summary. This dataset was collected for the acceptance catalogue. It has more than one"
        ' hundred characters & some "quotes", <angle brackets>, naïve accents, and a link:'
        " https://doi.org/10.1038/nature12373?a=1&b=2\n"
        "\n[list]\n  * Item one\n  * Item two — with a dash\n\n[/list]\n"
    )
