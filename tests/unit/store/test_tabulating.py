"""Tables out of the store: the same as the documents say, in portions, and nothing asked."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.warming import Warming
from biofs.control import protocol
from biofs.control.protocol import Said
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from biofs.store import rows
from biofs.store.rows import PORTION, Entry, FacetCount, Page, Wanted
from biofs.tree.views import FACETS
from tests.support.catalogues import Patient, running


async def fetched(catalogue: Catalogue, *categories: int, details: bool = False) -> None:
    await Warming(catalogue, categories, details=details, most_bytes=1 << 30).run()


def pages(connection: sqlite3.Connection, wanted: Wanted) -> Iterator[Page]:
    following: int | None = wanted.after
    while following is not None:
        page = rows.page(connection, msgspec.structs.replace(wanted, after=following))
        yield page
        following = page.following


async def entries(catalogue: Catalogue, **wanted: Any) -> list[Entry]:
    def read(connection: sqlite3.Connection) -> list[Entry]:
        return [each for page in pages(connection, Wanted(**wanted)) for each in page.entries]

    return await catalogue.store.scan(read)


def table_of(what: Any) -> Wanted:
    """The table of a facet view or of the categories."""
    facet = FACETS.get(what)
    return Wanted(what="facets", facet=facet) if facet else Wanted(what=what)


async def heaps(catalogue: Catalogue, what: Any) -> dict[str, FacetCount]:
    def read(connection: sqlite3.Connection) -> dict[str, FacetCount]:
        found = [each for page in pages(connection, table_of(what)) for each in page.facets]
        return {heap.name: heap for heap in found}

    return await catalogue.store.scan(read)


async def test_a_category_group_by_group() -> None:
    async with running(create_app(embedded())) as catalogue:
        await fetched(catalogue, 1)
        found = await entries(catalogue, what="category", ident=1)
        assert [row.id for row in found] == sorted(catalogue.index.group_ids(1))
        lines = [json.loads(line) for line in catalogue.index.lines(1)]
        for row, line in zip(found, lines, strict=True):
            assert row.year == (line["groupYear"] or None)
            assert row.size == sum(torrent["size"] for torrent in line["torrents"])
            assert row.seeders == line["totalSeeders"]
            assert row.torrents == len(line["torrents"])
        assert found[0] == Entry(
            id=1,
            name="Alcohol dehydrogenase ADH1 [1]",
            category="Sequences",
            time=1575942488,
            year=1985,
            size=5754,
            seeders=5,
            leechers=0,
            snatches=3,
            files=4,
            torrents=1,
            formats=("FASTA",),
            tags=("coding", "fungi", "one.shot", "organic.chemistry", "protocol.available"),
        )
        assert await entries(catalogue, what="category", ident=2) == []


async def test_portions_are_whole_and_fit_an_answer() -> None:
    count = 2 * PORTION + 7
    async with running(create_app(Generated(count, 1, 2, categories=(1,)))) as catalogue:
        await fetched(catalogue, 1)
        found = await entries(catalogue, what="category", ident=1)
        assert [row.id for row in found] == sorted(catalogue.index.group_ids(1))
        assert await entries(catalogue, what="groups") == found
        some = tuple(row.id for row in found[5:9])
        assert await entries(catalogue, what="ids", ids=some) == found[5:9]
    worst = Entry(
        id=2**32,
        name="\U0001f9ec" * 63,
        category="Scalars-Vectors",
        time=2**33,
        **dict.fromkeys(
            ("year", "size", "seeders", "leechers", "snatches", "files", "torrents"), 2**63
        ),
        formats=("\U0001f9ec" * rows.MOST_CHARACTERS,),
        tags=("\x1f" * rows.MOST_CHARACTERS,),
    )
    answer = msgspec.to_builtins(Page(entries=[worst] * PORTION))
    assert len(protocol.line(Said(answer=answer))) <= protocol.LONGEST_ANSWER


async def test_a_group_known_from_its_detail_alone_says_the_same() -> None:
    async with running(create_app(embedded())) as catalogue:
        fetch = catalogue.groups.start(3, Patient())
        while not fetch.done:
            await fetch.changed.wait()
        [alone] = await entries(catalogue, what="ids", ids=(3,))
        torrents = await entries(catalogue, what="group", ident=3)
        await fetched(catalogue, 1)
        [listed] = await entries(catalogue, what="ids", ids=(3,))
        assert "& friends" in alone.name
        assert alone == listed
        assert await entries(catalogue, what="group", ident=3) == torrents
        assert sum(torrent.size or 0 for torrent in torrents) == listed.size


async def test_what_is_only_mentioned_has_no_numbers() -> None:
    async with running(create_app(embedded())) as catalogue:
        await fetched(catalogue, 1)
        await catalogue.store.write(
            lambda connection: connection.execute("UPDATE groups SET line = NULL WHERE id = 1")
        )
        [row] = await entries(catalogue, what="ids", ids=(1,))
        assert (row.name, row.size, row.year) == ("Alcohol dehydrogenase ADH1 [1]", None, None)
        [torrent] = await entries(catalogue, what="group", ident=1)
        assert (torrent.name, torrent.size) == ("FASTA, Sanger, Contig [1]", None)


async def test_a_store_of_a_stranger_is_shown_as_far_as_it_makes_sense() -> None:
    """A snapshot's rows can hold anything."""
    wrong = ["'text'", "x'ff00'", "9223372036854775807", "-5", "1.5e300", "'[{]'", "'{\"a\":1}'"]
    async with running(create_app(embedded())) as catalogue:
        await fetched(catalogue, 1, details=True)
        for value in wrong:
            for column in (
                "groups.name",
                "groups.mtime",
                "groups.line",
                "details.answer",
                "torrents.name",
                "torrents.mtime",
                "facets.text",
                "authors.name",
            ):
                table, name = column.split(".")

                def change(connection: sqlite3.Connection, t=table, n=name, v=value) -> None:
                    connection.execute(f"UPDATE OR IGNORE {t} SET {n} = {v}")

                await catalogue.store.write(change)
                for what in ("category", "group"):
                    for row in await entries(catalogue, what=what, ident=1):
                        assert msgspec.convert(msgspec.to_builtins(row), Entry) == row
                for what in ("tags", "years", "formats", "authors", "categories"):
                    await heaps(catalogue, what)


async def test_heaps_count_what_they_hold() -> None:
    async with running(create_app(embedded())) as catalogue:
        await fetched(catalogue, 1, 8)
        every = await entries(catalogue, what="groups")
        tags = await heaps(catalogue, "tags")
        assert tags["fungi"].groups == sum("fungi" in row.tags for row in every)
        years = await heaps(catalogue, "years")
        assert years["2018"].groups == sum(row.year == 2018 for row in every)
        kinds = await heaps(catalogue, "categories")
        assert len(kinds) == 12
        assert (kinds["Images"].groups, kinds["Images"].listed) == (7, True)
        assert (kinds["Models"].groups, kinds["Models"].listed) == (0, False)
        authors = await heaps(catalogue, "authors")
        assert "David Schild [2]" in authors
        for what, found in (("tags", tags), ("authors", authors)):
            for name in found:
                text = await catalogue.store.scan(
                    lambda connection, what=what, name=name: rows.text_named(connection, what, name)
                )
                assert text is not None, name
                kind = rows.kind_of(what)
                members = await entries(catalogue, what="facet", facet=kind, text=text)
                assert len(members) == found[name].groups, name


@pytest.mark.parametrize("line", [b"", b"[]", b"{", b'{"groupId": "x"}', b"\xff"])
def test_a_line_that_makes_no_sense_names_no_group(line: bytes) -> None:
    assert rows.id_in_line(line) is None


def test_a_line_of_results() -> None:
    line = b'{"groupId":7,"groupYear":2001,"groupTime":5,"torrents":[{"size":"12","seeders":null}]}'
    assert rows.id_in_line(line) == 7
    entry = rows.entry_of_line(line, "Name [7]")
    assert (entry.id, entry.year, entry.size, entry.seeders, entry.time) == (7, 2001, 12, 0, 5)
    assert entry.category == ""
