"""Typed answers from untidy objects."""

import json
import typing
from pathlib import Path

import pytest
from api_support import ANYTHING
from hypothesis import given, settings
from hypothesis import strategies as st

from biofs.api import models
from biofs.api.errors import BadAnswer
from biofs.api.models import (
    Artist,
    Bookmarks,
    BrowsePage,
    Collage,
    Comments,
    CommunityStats,
    GroupAnswer,
    Index,
    Notifications,
    Top10,
    Torrent,
    TorrentAnswer,
    User,
    UserNotifications,
    UserRecents,
)
from biofs.api.models.base import Model
from biofs.api.secrets import Secret

RECORDINGS = Path(__file__).parents[2] / "data" / "recordings"
HASH = "6A5413B9A0C5EF5B68BED6ABBB8112CBE3870647"


def recorded(name):
    return json.loads((RECORDINGS / f"{name}.json").read_text())["response"]["json"]["response"]


def test_a_page_of_the_catalogue():
    page = BrowsePage.from_json(recorded("browse_page_6"))
    assert (page.current_page, page.pages, len(page.rows), page.skipped) == (6, 6, 48, 0)
    row = page.rows[0]
    assert (row.id, row.year, row.time) == (48, 2015, 1580707448)
    assert row.name == "RNA polymerase II subunit RPB1, batch B 47"
    assert row.author == "David Schild et al."
    assert row.tags[:2] == ("bacteria", "biochemistry")
    assert (row.accession, row.lab, row.location) == ("NC_943403.2", "Unaffiliated", "La Jolla, CA")
    torrent = row.torrents[0]
    assert torrent.raw in row.raw["torrents"]
    assert isinstance(torrent.annotated, bool)
    assert torrent.snatched == torrent.raw["snatches"]
    assert torrent.authors[0].name == torrent.raw["authors"][0]["name"]


def test_every_group_keeps_the_object_as_it_came():
    response = recorded("browse_page_6")
    page = BrowsePage.from_json(response)
    assert page.raw is response
    assert [row.raw for row in page.rows] == response["results"]
    assert list(page.rows[0].raw) == list(response["results"][0])


def test_no_hit_at_all_is_an_empty_page():
    page = BrowsePage.from_json({"results": []})
    assert (page.current_page, page.pages, page.rows, page.skipped) == (1, 0, [], 0)


@pytest.mark.parametrize(
    "response",
    [
        None,
        [],
        {},
        "",
        5,
        "x",
        [1],
        {"pages": 1},
        {"results": "x"},
        {"results": 5},
        {"results": True},
        {"results": {"a": 1}},
    ],
)
def test_a_page_without_a_list_is_not_taken_for_an_empty_one(response):
    with pytest.raises(BadAnswer) as caught:
        BrowsePage.from_json(response)
    assert caught.value.action == "browse"


def test_nasty_rows_are_skipped_and_counted():
    rows = [
        {"groupId": 1, "torrents": [{"torrentId": 5}, {"torrentId": -1}, {"torrentId": None}, 7]},
        {"groupId": "2", "torrents": {"1": {"torrentId": "6"}}},
        {"groupId": 2**32},
        {"groupId": -1},
        {"groupId": True},
        {},
        [],
        "x",
        None,
        {"groupId": 3, "torrents": "none"},
    ]
    page = BrowsePage.from_json({"results": rows})
    assert [row.id for row in page.rows] == [1, 2, 3]
    assert [[torrent.id for torrent in row.torrents] for row in page.rows] == [[5], [6], []]
    assert page.skipped == 10


def test_types_that_wander():
    torrent = {"id": "7", "annotated": "0", "archive": "None", "fileCount": "12", "size": "-5"}
    torrent |= {"seeders": None, "platform": None, "infoHash": HASH.lower(), "fileList": False}
    group = {"id": 1, "year": "1985", "tags": [""], "authors": [], "description": None}
    answer = GroupAnswer.from_json({"group": group, "torrents": [torrent]})
    assert (answer.group.year, answer.group.tags, answer.group.authors) == (1985, (), ())
    assert answer.group.description == ""
    (seen,) = answer.torrents
    assert (seen.id, seen.annotated, seen.archive, seen.file_count) == (7, False, "", 12)
    assert (seen.size, seen.seeders, seen.platform, seen.file_list) == (0, 0, "", "")
    assert seen.info_hash == HASH


@pytest.mark.parametrize(
    "text", ["", "x" * 40, HASH[:-1], HASH + "\n", "../../etc/passwd", None, 5]
)
def test_what_is_no_info_hash_is_none(text):
    assert Torrent.from_json({"id": 1, "infoHash": text}).info_hash == ""


def test_an_info_hash_of_version_2_is_one():
    assert Torrent.from_json({"id": 1, "infoHash": "ab" * 32}).info_hash == "AB" * 32


@pytest.mark.parametrize(
    "response",
    [
        None,
        {},
        {"group": [], "torrents": []},
        {"group": {"name": "x"}, "torrents": []},
        {"group": {"id": 1}, "torrents": "x"},
        {"group": {"id": 1}, "torrents": {"id": 1}},
    ],
)
def test_a_group_needs_an_id_and_a_list(response):
    with pytest.raises(BadAnswer):
        GroupAnswer.from_json(response)


def test_a_torrent_that_makes_no_sense_does_not_hide_the_others():
    answer = GroupAnswer.from_json({"group": {"id": 1}, "torrents": [{"id": 1}, {"id": "x"}]})
    assert ([torrent.id for torrent in answer.torrents], answer.skipped) == ([1], 1)
    with pytest.raises(BadAnswer):
        TorrentAnswer.from_json({"group": {"id": 1}, "torrent": {"id": "x"}})


def test_authors_are_not_escaped_and_can_be_wrapped():
    assert GroupAnswer.from_json(recorded("torrentgroup_id_1")).group.authors[0].id == 2
    recents = UserRecents.from_json(recorded("user_recents_userid_3"))
    names = [author.name for author in recents.snatches[1].artists]
    assert names == ["David Schild", "Robert K. Mortimer"]
    assert recents.uploads == []


def test_numbers_of_all_kinds():
    stats = CommunityStats.from_json(recorded("community_stats_userid_3_donor"))
    assert (stats.leeching, stats.seeding, stats.usnatched, stats.seedingperc) == (0, 39, 0, 100)
    user = User.from_json(recorded("user_id_2_donor"))
    assert (user.stats.ratio, user.stats.uploaded) == (4.92151, 324397552711)
    assert user.personal.class_ == "Member"
    assert user.personal.passkey is None


def test_names_that_differ_from_the_rule():
    collage = Collage.from_json(recorded("collage_id_3"))
    assert (collage.creator_id, collage.category_id, collage.deleted) == (2, 1, True)
    assert collage.torrent_group_ids == (5, 6)
    assert [group.torrents[0].id for group in collage.torrent_groups] == [6, 7]
    artist = Artist.from_json(recorded("artist_id_2"))
    assert artist.statistics.num_groups == 39
    assert artist.torrent_groups[0].category_id == 12
    assert artist.tags[0].count == 20
    notifications = Notifications.from_json(recorded("notifications_cookie_donor"))
    assert (notifications.current_page, notifications.num_new) == (1, 20)
    assert notifications.results[0].category_id == 6
    comment = Comments.from_json(recorded("tcomments_id_1")).comments[0]
    assert (comment.id, comment.userinfo.id) == (31, 9)


@pytest.mark.parametrize(
    ("kind", "recording", "model"),
    [
        ("torrents", "top10_cookie_donor", models.TopTorrent),
        ("tags", "top10_type_tags_cookie_donor", models.TopTag),
        ("users", "top10_type_users_cookie_donor", models.TopUser),
    ],
)
def test_top_lists_have_rows_of_their_type(kind, recording, model):
    top = Top10.from_json(recorded(recording), kind)
    rows = [row for part in top.lists for row in part.results]
    assert rows
    assert {type(row) for row in rows} == {model}
    assert sum(part.skipped for part in top.lists) == 0


def test_keys_are_secrets():
    index = Index.from_json(recorded("index_cookie_donor"))
    assert index.passkey == Secret("<donor-torrent_pass>")
    assert index.authkey == Secret("<donor-authkey>")
    assert "donor" not in repr(index)
    assert Index.from_json(recorded("index_donor")).passkey is None
    assert Index.from_json({"id": 1, "passkey": "a\nb"}).passkey is None


def test_nothing_new_is_an_empty_list():
    assert UserNotifications.from_json([]).kinds == {}
    notifications = UserNotifications.from_json(recorded("get_user_notifications_donor"))
    assert notifications.kinds["News"].id == 16
    assert UserNotifications.from_json({"News": 5}).skipped == 1


def test_bookmarks_are_of_one_kind():
    groups = Bookmarks.from_json(recorded("bookmarks_donor")).bookmarks
    assert [group.id for group in groups] == [1, 3, 2, 4, 14]
    artists = Bookmarks.from_json(recorded("bookmarks_type_artists_donor")).artists
    assert [artist.id for artist in artists] == [2, 8, 10, 11]
    with pytest.raises(BadAnswer):
        Bookmarks.from_json({})


EVERY_MODEL = [
    model
    for name in models.__all__
    if issubclass(model := getattr(models, name), Model) and model is not models.TopList
]


@pytest.mark.parametrize("model", EVERY_MODEL, ids=lambda model: model.__name__)
@settings(max_examples=20, deadline=None)
@given(st.data())
def test_any_object_is_a_model_or_a_bad_answer(model, data):
    known = [name for name in model.__struct_encode_fields__ if name != "raw"]
    known += ["results", "messages", "currentPage", "threads", "torrents", "torrentgroups"]
    fields = st.dictionaries(st.sampled_from(known), ANYTHING | st.just([{"id": 1}]))
    value = data.draw(ANYTHING | fields)
    try:
        made = model.from_json(value)
    except BadAnswer:
        return
    hints = typing.get_type_hints(model)
    for field in ("id", "size", "file_count", "year", "pages", "skipped"):
        if field in hints:
            assert abs(getattr(made, field)) < 2**63
    assert len(repr(made)) < 60
