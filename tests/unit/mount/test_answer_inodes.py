"""A change of an answer is a change of every inode that shows it."""

from __future__ import annotations

from biofs.mount.kernel.invalidation import AnswerInodes
from biofs.mount.views.base import document_in
from biofs.tree.inodes import Kind, pack
from biofs.tree.views import BY_PATH

COLLAGES = BY_PATH["collages"].number

ENTRY = pack(Kind.VIEW_ENTRY, 3, COLLAGES)
DOCUMENT = document_in(COLLAGES, 3, 1)
OTHER = document_in(COLLAGES, 4, 1)


def test_a_documents_inode_is_taken_once() -> None:
    table = AnswerInodes()
    table.add({"collage 3"}, DOCUMENT)
    table.add({"collage 4"}, OTHER)
    assert list(table.take("collage 3")) == [DOCUMENT]
    assert list(table.take("collage 3")) == []
    assert list(table.take("collage 4")) == [OTHER]


def test_what_shows_several_answers_goes_with_each() -> None:
    table = AnswerInodes()
    table.add({"a", "b"}, DOCUMENT)
    assert list(table.take("a")) == [DOCUMENT]
    assert list(table.take("b")) == [DOCUMENT]


def test_an_entry_goes_with_its_documents() -> None:
    table = AnswerInodes()
    table.add({"collage 3"}, ENTRY)
    taken = list(table.take("collage 3"))
    assert taken[0] == ENTRY
    assert DOCUMENT in taken
    assert OTHER not in taken


def test_links_and_groups_show_no_answer() -> None:
    table = AnswerInodes()
    for kind in (Kind.GROUP_LINK, Kind.GROUP, Kind.ROOT, Kind.VIEW):
        table.add({"a"}, pack(kind, 0 if kind is Kind.ROOT else 1))
    assert list(table.take("a")) == []
    assert len(table) == 0


def test_what_no_longer_fits_is_taken_as_if_it_had_changed() -> None:
    table = AnswerInodes(most=2)
    for number in range(1, 4):
        table.add({f"key {number}"}, document_in(COLLAGES, number, 1))
    table.add({"key 3"}, document_in(COLLAGES, 9, 1))
    assert len(table) == 2
    dropped = document_in(COLLAGES, 1, 1)
    assert list(table.take("of something else")) == [dropped]
    assert list(table.take("of something else")) == []
