"""A generated catalogue is what the same groups in memory would be."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biofs.demo.generator import Generated
from biofs.demo.memory import Memory
from biofs.demo.model import CATEGORIES, Community, Entry, Group
from biofs.demo.query import ORDERS, Query, words

COUNT = 2100  # two periods of one category, and some


def everything(source: Generated) -> Sequence[Group]:
    return source.page(Query(descending=False), 0, 10**9)


GENERATED = Generated(groups=COUNT, torrents_per_group=2, files_per_torrent=3, categories=(4,))
MANY = Generated(groups=400, torrents_per_group=1, seed=5)
REFERENCES = {
    source: Memory(lambda source=source: everything(source), Community())  # type: ignore[misc]
    for source in (GENERATED, MANY)
}

QUERIES = st.builds(
    Query,
    search=st.sampled_from(
        ["", "kinase", "kinase inhibitors", "00000123", "pumps 00001999", "x"]
    ).map(words),
    author_id=st.sampled_from([None, None, 3, 99]),
    tags=st.frozensets(st.sampled_from(["coding", "fungi", "virus", "x"]), max_size=2),
    all_tags=st.booleans(),
    categories=st.frozensets(st.sampled_from([1, 4, 12, 99]), max_size=2),
    years=st.sampled_from([None, None, (1960, 1960), (1990, 2005)]),
    platform=st.sampled_from([None, None, "Nanopore"]),
    free=st.booleans(),
    order_by=st.sampled_from(sorted(ORDERS)),
    descending=st.booleans(),
)


@pytest.mark.parametrize("source", REFERENCES)
@settings(max_examples=40, deadline=None)
@given(query=QUERIES, offset=st.integers(0, COUNT), limit=st.integers(0, 60))
def test_queries_find_what_a_search_through_all_groups_finds(
    source: Generated, query: Query, offset: int, limit: int
) -> None:
    reference = REFERENCES[source]
    assert source.count(query) == reference.count(query)
    assert source.page(query, offset, limit) == reference.page(query, offset, limit)


@pytest.mark.parametrize("source", REFERENCES)
def test_sums_are_those_of_all_groups(source: Generated) -> None:
    assert source.totals() == REFERENCES[source].totals()
    assert dict(source.tag_uses(99)) == dict(REFERENCES[source].tag_uses(99))


@pytest.mark.parametrize("group_id", [1, 2, 1008, 1009, COUNT])
def test_groups_are_found_by_every_id(group_id: int) -> None:
    group = GENERATED.group(group_id)
    assert group is not None
    assert group.id == group_id
    for torrent in group.torrents:
        assert GENERATED.group_of_torrent(torrent.id) == group
        assert GENERATED.group_of_hash(torrent.info_hash) == group
    for author in group.authors:
        assert GENERATED.author(author.id) == GENERATED.author_named(author.name.upper()) == author


def test_what_is_not_there_is_not_found() -> None:
    last = GENERATED.group(COUNT)
    assert last is not None
    for source in (GENERATED, Generated(groups=0), Generated(groups=5, torrents_per_group=0)):
        assert source.group(0) is source.group(COUNT + 1) is None
        assert source.group_of_torrent(0) is source.group_of_torrent(2 * COUNT + 1) is None
        assert source.group_of_hash("0" * 40) is source.group_of_hash("F" * 40) is None
        assert source.author(0) is source.author_named("Nobody") is None
    assert MANY.group_of_hash(last.torrents[0].info_hash) is None


def test_ids_hashes_and_times_ascend_together() -> None:
    groups = everything(GENERATED)
    torrents = [torrent for group in groups for torrent in group.torrents]
    assert [group.id for group in groups] == list(range(1, COUNT + 1))
    assert [torrent.id for torrent in torrents] == list(range(1, 2 * COUNT + 1))
    assert len({torrent.info_hash for torrent in torrents}) == 2 * COUNT
    assert [group.time for group in groups] == sorted({group.time for group in groups})
    assert all(group.time == group.torrents[-1].time for group in groups)


def test_files_are_a_sequence_that_adds_up() -> None:
    group = Generated(groups=1, files_per_torrent=1001).group(1)
    assert group is not None
    torrent = group.torrents[0]
    files = list(torrent.files)
    assert (len(files), sum(entry.length for entry in files)) == (1001, torrent.size)
    assert torrent.file_count == 1001
    assert len({entry.path for entry in files}) == 1001
    assert (
        torrent.files[-1] == files[-1] == Entry("batch 0001/run_0001000.fastq.gz", files[-1].length)
    )
    assert torrent.files[1::400] == files[1::400]
    with pytest.raises(IndexError):
        torrent.files[1001]


def test_a_seed_makes_another_catalogue_and_the_same_one_again() -> None:
    first, again, other = (Generated(groups=9, seed=seed) for seed in (1, 1, 2))
    assert everything(first) != everything(other)
    assert [g.name for g in everything(first)] == [g.name for g in everything(again)]


def test_a_million_groups_can_be_listed_by_narrower_queries() -> None:
    source = Generated(groups=1_000_000)
    assert source.count(Query()) == 1_000_000
    assert {source.count(Query(categories=frozenset({c}))) for c in CATEGORIES} == {83_333, 83_334}
    category = frozenset({7})
    by_year = [source.count(Query(categories=category, years=(y, y))) for y in range(1953, 2025)]
    assert sum(by_year) == source.count(Query(categories=category))
    (last,) = source.page(Query(descending=False), 999_999, 50)
    assert last.id == 1_000_000
