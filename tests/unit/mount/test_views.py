"""The list of views: its numbers stay, and whatever has to know of a view has it from the list."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

import biofs
from biofs.cli import options
from biofs.cli.ls_rows import place_of
from biofs.contents.ledger import Ledger
from biofs.contents.library import Library
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from biofs.mount import texts
from biofs.mount.contents import Contents
from biofs.mount.views import me, registry
from biofs.mount.views.base import LinkNodes, View
from biofs.mount.views.document import DocumentView
from biofs.store import facets
from biofs.tree import views
from biofs.tree.inodes import Address, Kind, unpack
from tests.support.catalogues import Patient, running

READER = Patient()
CHECKOUT = Path(biofs.__file__).parents[1]
NUMBERS = {
    "groups": 1,
    "torrents": 2,
    "hashes": 3,
    "authors": 4,
    "tags": 5,
    "years": 6,
    "formats": 7,
    "search": 8,
    "collages": 9,
    "top": 10,
    "users": 11,
    "users/search": 12,
    "comments": 13,
    "me": 14,
    ".biofs/site": 15,
    "me/inbox": 16,
    "me/sentbox": 17,
    "me/bookmarks": 18,
    "me/notifications": 19,
    "me/posts": 20,
    "here": 21,
}
"""As inodes have them since the first mount: a new view gets a new number."""

_MAIL = {
    "messages.json": 1,
    "message.json": 2,
    "README.txt": 3,
    "READING-MARKS-AS-READ.json": 4,
}
DOCUMENTS = {
    "users": {"user.json": 1, "stats.json": 2, "recents.json": 3, "posts.json": 4},
    "users/search": {"results.json": 1},
    "comments": {"comments.json": 1},
    "me": {"README.txt": 1, "user.json": 2, "index.json": 3},
    ".biofs/site": {"stats.json": 1, "announcements.json": 2},
    "me/inbox": _MAIL,
    "me/sentbox": _MAIL,
    "me/bookmarks": {"torrents.json": 1, "artists.json": 2},
    "me/notifications": {"README.txt": 1, "site.json": 2, "READING-CLEARS-THE-MARKS.json": 3},
    "me/posts": {"posts.json": 1},
}
"""The numbers of documents, likewise."""


def test_numbers_are_as_ever_and_each_is_one_views() -> None:
    assert {view.path: view.number for view in views.VIEWS} == NUMBERS
    assert len(views.BY_PATH) == len(views.VIEWS)
    numbers = [view.number for view in views.VIEWS]
    assert len(set(numbers)) == len(numbers)
    assert all(1 <= number <= 255 for number in numbers)


@pytest.mark.parametrize("view", views.VIEWS, ids=lambda view: view.path)
def test_a_view_stands_where_something_stands(view: views.ViewLine) -> None:
    assert view.parent in {"", ".biofs", *views.BY_PATH}
    if view.parent in views.BY_PATH:
        order = list(views.BY_PATH)
        assert order.index(view.parent) < order.index(view.path), "what it stands in is made first"


async def test_every_view_is_made_and_those_of_an_account_or_data_with_these(
    tmp_path: Path,
) -> None:
    async with running(create_app(embedded())) as catalogue:
        links = LinkNodes(catalogue)
        contents = Contents(catalogue, Library([tmp_path], [], Ledger(None)), None)
        made = registry.all_views(catalogue, links, account=True, contents=contents)
        assert [view.line for view in made] == list(views.VIEWS)
        without = registry.all_views(catalogue, links, account=False)
        assert [view.line for view in without] == [
            line for line in views.VIEWS if not f"{line.path}/".startswith(("me/", "here/"))
        ]
        contents.close()
        inside = {view.line.path: set(view.inside) for view in made if view.inside}
        me = {b"inbox", b"sentbox", b"bookmarks", b"notifications", b"posts"}
        assert inside == {"users": {b"search"}, "me": me}


async def test_a_facet_by_which_nobody_can_be_asked_needs_a_line_alone(
    autojump_clock: object,
) -> None:
    line = views.ViewLine(99, "licenses", "by_facet:KNOWN", "0", depth=2, facet="license")
    async with running(create_app(embedded())) as catalogue:
        await catalogue.listings.listed(1, READER)
        sent, group = catalogue.queue.sent, catalogue.index.group(1)
        assert group is not None
        found = facets.Found(1, 5, facets.FacetValues([("license", "CC0 1.0")], None))
        await catalogue.store.write(lambda store: facets.add(store, [found], ["license"]))
        view = registry.make(line, catalogue, LinkNodes(catalogue))
        assert await names_in(view, Address(Kind.VIEW, 99, 0)) == {b"CC0 1.0", b".incomplete"}
        entry = await view.lookup(Address(Kind.VIEW, 99, 0), b"CC0 1.0", READER)
        assert entry is not None
        inside = await names_in(view, unpack(entry.inode))
        assert inside == {group.name.encode(), b".incomplete"}
        assert await view.lookup(Address(Kind.VIEW, 99, 0), b"MIT", READER) is None
        assert catalogue.queue.sent == sent


async def names_in(view: View, address: Address) -> set[bytes]:
    listing = await view.opendir(address, READER)
    names, offset = set[bytes](), 0
    while entries := await listing.portion(offset, READER, wait=True):
        names.update(entry.name for entry in entries)
        offset = entries[-1].next
    return names


async def test_numbers_of_documents_are_as_ever() -> None:
    async with running(create_app(embedded())) as catalogue:
        made = registry.all_views(catalogue, LinkNodes(catalogue), account=True)
        found = {
            view.line.path: {row.name.decode(): row.number for row in view.table()}
            for view in made
            if isinstance(view, DocumentView)
        }
        assert found == DOCUMENTS
        marks = {
            row.name.decode()
            for view in made
            if isinstance(view, DocumentView)
            for row in view.rows.values()
            if row.marks
        }
        assert marks == {"READING-MARKS-AS-READ.json", "READING-CLEARS-THE-MARKS.json"}


@pytest.mark.parametrize("view", views.VIEWS, ids=lambda view: view.path)
def test_readme_txt_and_the_documents_have_every_view(view: views.ViewLine) -> None:
    readme = texts.README.decode()
    if view.parent == "me":
        assert f"{view.name}/" in me.README.decode()
    else:
        assert view.readme, view.path
        assert f"\n  {view.path}/" in readme
        for _, text in view.readme:
            assert f" {text}\n" in readme
    pages = [CHECKOUT / "README.md", *(CHECKOUT / "docs").glob("*.md")]
    assert any(f"{view.path}/" in page.read_text() for page in pages), view.path
    assert view.cost


def test_lines_of_readme_txt_fit_a_terminal() -> None:
    assert max(map(len, texts.README.decode().splitlines())) <= 100


def completed(begun: str) -> list[str]:
    context = click.Context(click.Command("ls"))
    return [item.value for item in options.complete_place(context, click.Option(["--x"]), begun)]


@pytest.mark.parametrize("view", views.VIEWS, ids=lambda view: view.path)
def test_completion_and_tables_have_the_views_that_the_list_says(view: views.ViewLine) -> None:
    assert (f"{view.path}/" in completed(view.path)) == bool(view.table)
    inside = ["torrents", "10"] if view.path == "top" else ["2"]
    found = place_of("/".join([view.path, *inside]))
    assert (found is not None) == bool(view.table)
    assert (found is not None and found.what == "facet") == bool(view.facet)


def test_facets_are_called_as_in_a_store() -> None:
    kinds = {facets.TAG, facets.YEAR, facets.FORMAT, facets.AUTHOR}
    assert set(views.FACETS.values()) == kinds


def test_who_completes_needs_no_file_system() -> None:
    program = (
        "import sys, biofs.tree.views, biofs.cli.options, biofs.cli.ls_rows\n"
        "print([name for name in ('pyfuse3', 'trio', 'httpx') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env={"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "[]\n"
