"""A catalogue that changes is what the changed groups in memory would be."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biofs.demo.generator import Generated
from biofs.demo.memory import Memory
from biofs.demo.model import Author, Community, Group
from biofs.demo.query import ORDERS, Query
from biofs.demo.written.embedded import embedded
from tests.support.overlay import Overlay

BASE = Generated(groups=60, torrents_per_group=1, files_per_torrent=1)
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.sampled_from(["A new group", "Efflux pumps", "zzz"])),
        st.tuples(st.just("bump"), st.integers(1, 60)),
        st.tuples(st.just("remove"), st.integers(1, 60)),
    ),
    max_size=20,
)


def changed(changes: list[tuple[str, str | int]]) -> tuple[Overlay, Memory]:
    """An overlay after the changes, and a reference that went through the same."""
    overlay = Overlay(BASE)
    groups: dict[int, Group] = {g.id: g for g in BASE.page(Query(), 0, 60)}
    for change, value in changes:
        if change == "insert":
            new = overlay.insert(str(value))
            groups[new.id] = new
        elif value not in groups:
            with pytest.raises(KeyError):
                getattr(overlay, change)(value)
        elif change == "bump":
            groups[int(value)] = overlay.bump(int(value), year=1900 + int(value))
        else:
            overlay.remove(int(value))
            del groups[int(value)]
    return overlay, Memory(groups.values, Community())


@settings(max_examples=150, deadline=None)
@given(
    changes=CHANGES,
    query=st.builds(
        Query,
        categories=st.sampled_from([frozenset(), frozenset({1, 2})]),
        years=st.sampled_from([None, (1900, 1990)]),
        order_by=st.sampled_from(sorted(ORDERS)),
        descending=st.booleans(),
    ),
    offset=st.integers(0, 70),
    limit=st.integers(0, 30),
)
def test_queries_find_what_a_search_through_the_changed_groups_finds(
    changes: list[tuple[str, str | int]], query: Query, offset: int, limit: int
) -> None:
    overlay, reference = changed(changes)
    assert overlay.count(query) == reference.count(query)
    assert overlay.page(query, offset, limit) == reference.page(query, offset, limit)
    assert overlay.totals()[:2] == reference.totals()[:2]
    assert overlay.totals()[3:] == reference.totals()[3:]
    for group_id in range(62):
        assert overlay.group(group_id) == reference.group(group_id)


def test_a_change_shows_everywhere() -> None:
    overlay = Overlay(embedded())
    before = overlay.page(Query(), 0, 1)[0]
    group = overlay.bump(1, name="ADH1, second edition", authors=(Author(7777, "Zoe New"),))
    assert overlay.page(Query(), 0, 1)[0] == group == overlay.group(1)
    assert group.time == group.torrents[-1].time > before.time
    assert overlay.group_of_torrent(1) == group
    assert overlay.group_of_hash(group.torrents[0].info_hash) == group
    assert overlay.author(7777) == overlay.author_named("zoe new") == Author(7777, "Zoe New")
    assert overlay.author(2) == Author(2, "David Schild")
    assert overlay.author_named("David Schild") == Author(2, "David Schild")
    assert overlay.community is embedded().community
    assert overlay.tag_uses(3) == embedded().tag_uses(3)
    assert embedded().group(1) != group


def test_a_removed_group_is_found_by_nothing() -> None:
    overlay = Overlay(embedded())
    group = embedded().group(37)
    assert group is not None
    overlay.remove(37)
    assert overlay.group(37) is None
    assert overlay.group_of_torrent(46) is None
    assert overlay.group_of_hash(group.torrents[0].info_hash) is None
    assert overlay.count(Query()) == embedded().count(Query()) - 1


def test_new_groups_have_ids_and_torrents_of_their_own() -> None:
    overlay = Overlay(BASE)
    first, second = overlay.insert(), overlay.insert("Second", torrents=3, category=9, id=500)
    assert (second.id, second.name, second.category) == (500, "Second", 9)
    torrents = [*first.torrents, *second.torrents]
    assert len({torrent.id for torrent in torrents}) == 4
    assert len({torrent.info_hash for torrent in torrents}) == 4
    assert overlay.group_of_torrent(torrents[-1].id) == second
    assert [g.id for g in overlay.page(Query(), 0, 3)] == [500, first.id, 60]


def test_a_group_without_torrents_can_be_changed_too() -> None:
    overlay = Overlay(Generated(groups=0))
    group = overlay.insert(torrents=0)
    assert overlay.bump(group.id, year=1).torrents == ()
    assert overlay.page(Query(), 0, 9)[0].year == 1
