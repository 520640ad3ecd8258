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
    Conversation,
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
    assert torrent.seeders == torrent.raw["seeders"]
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
    torrent = {"id": "7", "fileCount": "12", "size": "-5"}
    torrent |= {"seeders": None, "platform": None, "infoHash": HASH.lower(), "fileList": False}
    group = {"id": 1, "year": "1985", "tags": [""], "authors": [], "description": None}
    answer = GroupAnswer.from_json({"group": group, "torrents": [torrent]})
    assert (answer.group.year, answer.group.tags, answer.group.authors) == (1985, (), ())
    assert answer.group.description == ""
    (seen,) = answer.torrents
    assert (seen.id, seen.file_count) == (7, 12)
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


def test_authors_have_ids_and_names():
    author = GroupAnswer.from_json(recorded("torrentgroup_id_1")).group.authors[0]
    assert (author.id, author.name) == (2, "David Schild")


@pytest.mark.parametrize(
    ("model", "recording"),
    [
        (UserRecents, "user_recents_userid_3"),
        (CommunityStats, "community_stats_userid_3_donor"),
        (UserNotifications, "get_user_notifications_donor"),
        (models.Stats, "stats_donor"),
    ],
)
def test_what_is_only_shown_is_kept_as_it_came(model, recording):
    response = recorded(recording)
    assert model.from_json(response).raw is response


@pytest.mark.parametrize(
    ("model", "field"),
    [
        (Comments, "comments"),
        (models.UserSearch, "results"),
        (models.UserHistory, "threads"),
        (models.Inbox, "messages"),
        (Notifications, "results"),
    ],
)
def test_a_page_has_a_list_of_rows(model, field):
    page = model.from_json({"pages": "3", field: [{"a": 1}, "x"]})
    assert (page.pages, page.rows) == (3, [{"a": 1}, "x"])
    assert len(model.from_json({field: []}).rows) == 0
    for response in (None, [1], "x", {field: "x"}, {field: {"a": 1}}, {field: 5}):
        with pytest.raises(BadAnswer):
            model.from_json(response)


def test_what_a_user_did_last_is_two_lists():
    with pytest.raises(BadAnswer):
        UserRecents.from_json({"snatches": [], "uploads": "x"})
    with pytest.raises(BadAnswer):
        UserRecents.from_json({"snatches": 5, "uploads": []})


def test_a_user_s_class():
    user = User.from_json(recorded("user_id_2_donor"))
    assert (user.username, user.personal.class_, user.personal.donor) == ("eva", "Member", False)


def test_names_that_differ_from_the_rule():
    collage = Collage.from_json(recorded("collage_id_3"))
    assert [group.category_id for group in collage.torrent_groups] == [
        group["categoryId"] for group in collage.raw["torrentgroups"]
    ]
    assert collage.torrent_group_ids == (5, 6)
    assert [group.torrents[0].id for group in collage.torrent_groups] == [6, 7]
    artist = Artist.from_json(recorded("artist_id_2"))
    assert artist.torrent_groups[0].category_id == 12
    assert Conversation.from_json(recorded("inbox_type_viewconv_id_62")).id == 62


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


def test_keys_are_not_shown():
    index = Index.from_json(recorded("index_cookie_donor"))
    assert index.raw["passkey"] == "<donor-torrent_pass>"
    assert index.raw["authkey"] == "<donor-authkey>"
    assert "donor" not in repr(index)
    assert Index.from_json(recorded("index_donor")).username == ""


def test_nothing_new_is_an_empty_list():
    assert UserNotifications.from_json([]).raw == {}
    notifications = UserNotifications.from_json(recorded("get_user_notifications_donor"))
    assert notifications.raw["News"]["id"] == 16


def test_bookmarks_are_of_one_kind():
    groups = Bookmarks.from_json(recorded("bookmarks_donor")).raw["bookmarks"]
    assert [group["id"] for group in groups] == [1, 3, 2, 4, 14]
    artists = Bookmarks.from_json(recorded("bookmarks_type_artists_donor")).raw["artists"]
    assert [artist["artistId"] for artist in artists] == [2, 8, 10, 11]
    for response in ({}, {"bookmarks": "x"}, {"artists": 5}):
        with pytest.raises(BadAnswer):
            Bookmarks.from_json(response)


EVERY_MODEL = [
    model
    for model in vars(models).values()
    if isinstance(model, type) and issubclass(model, Model)
    if model not in (models.TopList, models.Page)
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
