"""What each action answers, and what asking changes, beyond what the recordings show."""

import httpx
import pytest
from starlette.applications import Starlette

from biofs.demo.accounts import DONOR_PASSKEY
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.demo.server.serve import transport
from biofs.demo.written.embedded import embedded
from tests.support.demo_client import (
    BROWSER,
    DONOR,
    Clock,
    app_of,
    client_of,
    download,
    response_of,
)


async def test_a_query_shows_a_thousand_groups_and_tells_how_many_there_are() -> None:
    app = create_app(Generated(groups=2600, files_per_torrent=1))
    async with client_of(app) as ask:
        pages = {
            page: (await ask("browse", page=page)).json() for page in (1, 20, 21, 52, 53, 10**6)
        }
    shown = {page: answer["response"] for page, answer in pages.items()}
    assert {response["pages"] for response in shown.values()} == {52}
    assert [response["currentPage"] for response in shown.values()] == list(shown)
    assert len({row["groupId"] for row in shown[1]["results"] + shown[20]["results"]}) == 100
    for page in (21, 52, 53, 10**6):
        assert shown[page]["results"] == shown[20]["results"]


async def test_a_page_past_the_end_is_empty_and_no_hit_is_alone() -> None:
    assert await response_of(DONOR, "browse", page=9) == {
        "currentPage": 9,
        "pages": 2,
        "results": [],
    }
    assert await response_of(DONOR, "browse", searchstr="nowhere") == {"results": []}
    first = await response_of(DONOR, "browse")
    assert await response_of(DONOR, "browse", page="x") == first
    assert await response_of(DONOR, "browse", page=0) == first
    assert len(first["results"]) == 50


async def test_rows_carry_what_the_server_says_about_authors_and_tags() -> None:
    rows = {
        row["groupId"]: row
        for page in (1, 2)
        for row in (await response_of(DONOR, "browse", page=page))["results"]
    }
    assert rows[1]["author"] == "Robert K. Mortimer, David Schild"
    assert rows[11]["author"] == "Ian R. Henderson et al."
    assert rows[3]["author"] == 'O\'Brien "Doc" Murphy, Björk & Sons <Ltd>'
    assert (rows[68]["author"], rows[68]["torrents"][0]["authors"]) == ("", [])
    assert rows[70]["tags"] == [""]
    assert rows[70]["groupYear"] == 0
    assert (rows[1]["bookmarked"], rows[2]["bookmarked"]) == (True, False)
    assert rows[37]["maxSize"] == max(t["size"] for t in rows[37]["torrents"])


@pytest.mark.parametrize(
    ("action", "params", "error"),
    [
        ("torrentgroup", {}, "bad id parameter"),
        ("torrentgroup", {"id": "x"}, "bad id parameter"),
        ("torrentgroup", {"id": "9" * 30}, "bad id parameter"),
        ("torrentgroup", {"id": "٣"}, "bad id parameter"),
        ("torrent", {"id": "-1"}, "bad id parameter"),
        ("torrent", {"hash": "xyz"}, "bad hash parameter"),
        ("torrentgroup", {"id": "1", "hash": "0" * 40}, "bad parameters"),
        ("collage", {}, "bad parameters"),
        ("artist", {}, "bad parameters"),
        ("artist", {"artistname": "Nobody"}, "bad parameters"),
        ("user_recents", {"userid": "3", "limit": "51"}, "bad parameters"),
        ("userhistory", {"type": "deeds"}, "bad parameters"),
        ("inbox", {"type": "outbox"}, "bad parameters"),
        ("usersearch", {"search": ""}, "no search terms"),
    ],
)
async def test_bad_parameters(action: str, params: dict[str, str], error: str) -> None:
    async with client_of(app_of()) as ask:
        answer = await ask(action, **params)
    assert (answer.status_code, answer.json()["error"]) == (200, error)


async def test_a_torrent_is_the_same_by_id_and_by_hash_in_any_case() -> None:
    by_id = await response_of(DONOR, "torrent", id=47)
    info_hash = by_id["torrent"]["infoHash"]
    assert await response_of(DONOR, "torrent", hash=info_hash.lower()) == by_id
    group = await response_of(DONOR, "torrentgroup", hash=info_hash)
    assert [t["id"] for t in group["torrents"]] == [46, 47]
    assert group["torrents"][1] == by_id["torrent"]


async def test_comments_come_ten_a_page_and_the_last_page_unasked() -> None:
    pages = [await response_of(DONOR, "tcomments", id=1, page=page) for page in (1, 2, 3, 4)]
    assert [len(page["comments"]) for page in pages] == [10, 10, 10, 7]
    assert await response_of(DONOR, "tcomments", id=1) == pages[-1]
    ids = [comment["postId"] for page in pages for comment in page["comments"]]
    assert ids == sorted(ids)


async def test_a_collage_lists_groups_that_are_gone_but_does_not_show_them() -> None:
    big = await response_of(DONOR, "collage", id=5)
    shown = [group["id"] for group in big["torrentgroups"]]
    assert set(big["torrentGroupIDList"]) - set(shown) == {80, 82, 84}
    assert big["torrentgroups"][0]["tagList"] == "coding genomics one_shot virus"


async def test_an_author_is_found_by_name_too() -> None:
    by_id = await response_of(DONOR, "artist", id=94)
    assert await response_of(DONOR, "artist", artistname="jackie treehorn") == by_id
    assert by_id["statistics"]["numGroups"] == len(by_id["torrentgroup"]) == 8


async def test_only_ones_own_browser_sees_ones_passkey() -> None:
    async def passkey(headers: dict[str, str], user_id: int) -> str:
        found: str = (await response_of(headers, "user", id=user_id))["personal"]["passkey"]
        return found

    assert await passkey(BROWSER, 3) == DONOR_PASSKEY
    assert await passkey(BROWSER, 2) == await passkey(DONOR, 3) == ""


async def test_usersearch_pages() -> None:
    first, second = [await response_of(DONOR, "usersearch", search="E", page=n) for n in (1, 2)]
    assert (first["pages"], len(first["results"])) == (2, 30)
    names = [row["username"] for row in first["results"] + second["results"]]
    assert names == sorted(names, key=str.casefold)
    assert {"eva", "hedomedo", "me", "Medicus"} <= set(names)


async def test_recents_are_limited() -> None:
    assert [g["ID"] for g in (await response_of(DONOR, "user_recents", userid=3))["snatches"]] == [
        41,
        23,
        1,
    ]
    two = await response_of(DONOR, "user_recents", userid=3, limit=2)
    assert [group["ID"] for group in two["snatches"]] == [41, 23]


@pytest.mark.parametrize(("asked", "limit"), [("", 10), ("100", 100), ("250", 250), ("11", 10)])
async def test_top_lists_are_in_order_and_of_the_length_asked_for(asked: str, limit: int) -> None:
    lists = {one["tag"]: one for one in await response_of(BROWSER, "top10", limit=asked)}
    assert list(lists) == ["day", "week", "overall", "snatched", "data", "seeded"]
    assert {one["limit"] for one in lists.values()} == {limit}
    for tag in ("snatched", "data"):
        values = [row[tag] for row in lists[tag]["results"]]
        assert values == sorted(values, reverse=True)
        assert len(values) == min(limit, 136)
    every = await response_of(BROWSER, "top10", limit=250)
    best = max(row["seeders"] for one in every for row in one["results"])
    assert lists["seeded"]["results"][0]["seeders"] == best


async def test_top_torrents_of_the_day_are_of_the_day() -> None:
    clock = Clock()
    newest = embedded().group(69)
    assert newest is not None
    clock.now = newest.time + 3600.0
    async with client_of(app_of(clock), BROWSER) as ask:
        day = (await ask("top10")).json()["response"][0]
    assert [row["torrentId"] for row in day["results"]] == [139]


async def test_reading_a_conversation_marks_it_read_and_clearing_the_inbox_all() -> None:
    app = app_of()
    async with client_of(app) as ask:

        async def unread() -> list[int]:
            rows = (await ask("inbox")).json()["response"]["messages"]
            return [row["convId"] for row in rows if row["unread"]]

        async def told() -> str | None:
            kinds = (await ask("get_user_notifications")).json()["response"]
            return kinds["Inbox"]["message"] if "Inbox" in kinds else None

        assert await unread() == [62, 64, 67]
        assert await told() == "You have 3 new messages"
        await ask("inbox", type="viewconv", id=64)
        await ask("inbox", type="viewconv", id=1)
        await ask("inbox", type="viewconv", id=67)
        assert await unread() == [62]
        assert await told() == "You have a new message"
        await ask("clear_user_notification", type="Inbox")
        assert await unread() == [62]
        await _clear(app, "Inbox")
        assert await unread() == []
        assert await told() is None


async def test_clearing_a_kind_of_notification_takes_it_away() -> None:
    app = app_of()
    async with client_of(app) as ask:

        async def kinds() -> list[str]:
            return list((await ask("get_user_notifications")).json()["response"])

        assert await kinds() == ["Global", "News", "Blog", "Inbox"]
        await _clear(app, "News")
        await _clear(app, "Nonsense")
        assert await kinds() == ["Global", "Blog", "Inbox"]
        assert (await ask("index")).json()["response"]["notifications"]["newAnnouncement"] is False


async def _clear(app: Starlette, kind: str) -> None:
    async with httpx.AsyncClient(
        transport=transport(app), base_url="http://demo", headers=DONOR
    ) as client:
        action = {"action": "clear_user_notification"}
        answer = await client.post("/api.php", params=action, data={"type": kind})
    assert (answer.status_code, answer.content) == (200, b"")


async def test_notifications_are_new_once() -> None:
    async with client_of(app_of(), BROWSER) as ask:
        first, second = [(await ask("notifications")).json()["response"] for _ in range(2)]
    assert first["numNew"] == sum(row["unread"] for row in first["results"]) == 20
    assert second["numNew"] == sum(row["unread"] for row in second["results"]) == 0


async def test_the_inbox_is_searched_sorted_and_has_a_sentbox() -> None:
    async def ids(**params: object) -> list[int]:
        found = await response_of(DONOR, "inbox", **params)
        return [row["convId"] for row in found["messages"]]

    assert (await ids())[:3] == [68, 62, 63]
    assert (await ids(sort="unread"))[:4] == [62, 64, 67, 68]
    assert await ids(search="日本") == [62]
    assert await ids(search="second message", searchtype="message") == [62]
    assert set(await ids(search="SANGER", searchtype="user")) == set(range(65, 92, 4))
    assert await ids(type="sentbox") == [1062, 1063, 1064]
    assert len(await ids(page=2)) == 5
    assert await ids(page=3) == []


async def test_announcements() -> None:
    found = await response_of(DONOR, "announcements")
    assert [news["title"] for news in found["announcements"]] == [
        "A quick update",
        "Downtime &amp; an upgrade",
    ]
    assert found["blogPosts"][0]["author"] == "ohm"


async def test_a_browser_downloads_without_a_passkey() -> None:
    found = await download(app_of(), BROWSER, id="78")
    assert found.status_code == 200
    assert f"/{DONOR_PASSKEY}/announce".encode() in found.content
    assert found.headers["content-disposition"] == 'attachment; filename="78.torrent"'


async def test_downloads_that_fail() -> None:
    assert (await download(app_of(), BROWSER, id="99")).status_code == 500
    assert (await download(app_of(), BROWSER, action="peerlist")).status_code == 404
    assert (await download(app_of(), DONOR, id="1", torrent_pass=DONOR_PASSKEY)).status_code == 302
