"""Collages, top lists and searches as recorded become directories: documents and links."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from biofs.api.actions import Api
from biofs.api.requests import Answer, Request
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.documents.collages import collage, top
from biofs.catalogue.documents.document import Document, LinkDocument, decode
from biofs.catalogue.documents.searches import parse, search
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from biofs.tree import names, render
from tests.support.catalogues import running

RECORDINGS = Path("tests/data/recordings")


def recorded(name: str) -> Any:
    """A recorded response."""
    return json.loads((RECORDINGS / f"{name}.json").read_bytes())["response"]["json"]["response"]


async def fetched(source: Document, response: object) -> LinkDocument:
    """What a source makes of a response."""

    async def send(request: Request) -> Answer:
        return Answer(request, 200, "application/json", b"", response)

    return decode(await source.fetch(Api(send)))


def ids(links: LinkDocument) -> list[int]:
    """What the links lead to; a name has the id at its end."""
    for link in links.links:
        assert not link.name or names.id_of(link.name) == link.ident
    return [link.ident for link in links.links]


def same_fields(document: object, answer: object) -> None:
    """A document has every field of the answer, in its order."""
    if isinstance(answer, Mapping):
        assert isinstance(document, Mapping)
        assert list(document) == list(answer)
        for key, value in answer.items():
            same_fields(document[key], value)
    elif isinstance(answer, list):
        assert isinstance(document, list)
        assert len(document) == len(answer)
        for ours, theirs in zip(document, answer, strict=True):
            same_fields(ours, theirs)
    elif not isinstance(answer, str):
        assert document == answer


def known(catalogue: Catalogue, group_id: int) -> str | None:
    """The name of a group that the index knows."""
    group = catalogue.index.group(group_id)
    return group.name if group else None


@pytest.mark.parametrize("number", [1, 3, 5])
async def test_collages(number: int, autojump_clock: object) -> None:
    answer = recorded(f"collage_id_{number}")
    async with running(create_app(embedded())) as catalogue:
        packed = await fetched(collage(catalogue, number), answer)
        assert ids(packed) == answer["torrentGroupIDList"]
        document, text = packed.documents
        same_fields(json.loads(document), answer)
        assert json.loads(document)["description"] == answer["description"]
        assert b"&eacute;" not in document
        assert b"<" not in text
        assert text
        for group in answer["torrentgroups"]:
            title = names.group_dirname(group["name"], group["id"])
            # A group of category 0 has no place in the tree.
            assert known(catalogue, group["id"]) == (title if group["categoryId"] else None)
            assert title in {link.name for link in packed.links}
        times = [t["time"] for group in answer["torrentgroups"] for t in group["torrents"]]
        assert packed.newest == render.api_time(max(times))


async def test_top_torrents(autojump_clock: object) -> None:
    answer = recorded("top10_cookie_donor")
    async with running(create_app(embedded())) as catalogue:
        packed = await fetched(top(catalogue, "torrents", 10), answer)
        same_fields(json.loads(packed.documents[0]), answer)
        rows = [row for each in answer for row in each["results"]]
        assert ids(packed) == [row["groupId"] for row in rows]
        assert len({link.name for link in packed.links}) == len(rows)
        for row in rows:
            assert known(catalogue, row["groupId"]) is not None


async def test_top_tags_and_users(autojump_clock: object) -> None:
    async with running(create_app(embedded())) as catalogue:
        answer = recorded("top10_type_tags_cookie_donor")
        packed = await fetched(top(catalogue, "tags", 10), answer)
        same_fields(json.loads(packed.documents[0]), answer)
        assert [(link.name, link.text) for link in packed.links] == [
            (f"{each['tag']} {place:03} {row['name']}", row["name"])
            for each in answer
            for place, row in enumerate(each["results"], start=1)
        ]
        answer = recorded("top10_type_users_cookie_donor")
        packed = await fetched(top(catalogue, "users", 10), answer)
        same_fields(json.loads(packed.documents[0]), answer)
        assert ids(packed) == [row["id"] for each in answer for row in each["results"]]


async def test_a_search(autojump_clock: object) -> None:
    answer = {**recorded("browse_filter_cat_8_1"), "pages": 1}
    async with running(create_app(embedded())) as catalogue:
        packed = await fetched(search(catalogue, parse("category:Images")), answer)
        assert ids(packed) == [row["groupId"] for row in answer["results"]]
        lines = packed.documents[0].splitlines()
        same_fields([json.loads(line) for line in lines], answer["results"])
        assert packed.newest == max(row["groupTime"] for row in answer["results"])
        for row in answer["results"]:
            group = catalogue.index.group(row["groupId"])
            assert group is not None
            assert group.category == 8
