"""The demo's server answers every recorded request as the real server did."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from biofs.demo.accounts import (
    DONOR_AUTHKEY,
    DONOR_COOKIE,
    DONOR_PASSKEY,
    DONOR_TOKEN,
    MEMBER_TOKEN,
    REVOKED_TOKEN,
)
from biofs.demo.server.app import create_app
from biofs.demo.server.serve import transport
from biofs.demo.written.embedded import embedded

RECORDINGS = Path(__file__).parent.parent / "data" / "recordings"
NAMES = sorted(path.stem for path in RECORDINGS.glob("*.json"))

AUTHORIZATIONS = {
    "donor": {"authorization": f"Bearer {DONOR_TOKEN}"},
    "cookie:donor": {"cookie": DONOR_COOKIE},
    "acceptance": {"authorization": f"Bearer {MEMBER_TOKEN}"},
    "limited": {"authorization": f"Bearer {MEMBER_TOKEN}"},
    "revoked": {"authorization": f"Bearer {REVOKED_TOKEN}"},
    "Bearer <an altered token>": {"authorization": f"Bearer {DONOR_TOKEN}x"},
    "Bearer nonsense": {"authorization": "Bearer nonsense"},
    "Basic abc": {"authorization": "Basic abc"},
    "none": {},
}

OWN_IDS = {
    "browse_page_6": ("page=6", "page=2"),  # the last page
    "browse_page_7": ("page=7", "page=3"),  # the first page past it
    "collage_id_1": ("id=1", "id=3"),  # the kratom genome
    "collage_id_3": ("id=3", "id=4"),  # a deleted collage
    "torrent_id_6": ("id=6", "id=73"),  # file names in many scripts
    "torrent_deleted_group_lives": ("id=23", "id=99"),  # no such torrent
    "torrentgroup_odd_row_id_30": ("id=30", "id=68"),  # no authors, two torrents
    "torrentgroup_odd_row_id_32": ("id=32", "id=73"),  # no year
    "torrentgroup_odd_row_id_36": ("id=36", "id=70"),  # no name
}
"""Where the embedded catalogue has what was recorded under an id of its own."""

RECORDED_HASH = "038C31760960CAAC882730FE0DEA50EC9F36AC1C"
BEFORE = {
    "get_user_notifications_after_clear": "clear_user_notification_POST_Inbox",
    "ratelimit_request_3_in_a_burst": "ratelimit_request_3_in_a_burst",
}
"""What was asked, twice, before the recorded request."""


def recording(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_bytes())
    return loaded


def adh1_hash() -> str:
    group = embedded().group(1)
    assert group is not None
    return group.torrents[0].info_hash


def own_path(name: str, path: str) -> str:
    theirs, ours = OWN_IDS.get(name, ("", ""))
    path = path.replace(theirs, ours).replace(RECORDED_HASH, adh1_hash())
    path = path.replace(RECORDED_HASH.lower(), adh1_hash().lower())
    path = path.replace("<donor-authkey>", DONOR_AUTHKEY)
    return path.replace("<donor-torrent_pass>", DONOR_PASSKEY)


async def ask(client: httpx.AsyncClient, name: str) -> httpx.Response:
    request = recording(name)["request"]
    return await client.request(
        request["method"],
        own_path(name, request["path"]),
        headers=AUTHORIZATIONS[request["auth"]],
        data=request.get("body"),
    )


async def answer(name: str) -> httpx.Response:
    """The demo's answer to a recorded request, at a clock that stands still."""
    app = create_app(embedded(), clock=lambda: 1_600_000_000.0)
    async with httpx.AsyncClient(transport=transport(app), base_url="http://demo") as client:
        for _ in range(2):
            if name in BEFORE:
                await ask(client, BEFORE[name])
        return await ask(client, name)


def shape(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every place in a JSON value with the type found there; an object's is its keys in order."""
    if isinstance(value, dict):
        yield path, tuple(value)
        for key, member in value.items():
            yield from shape(member, f"{path}.{key}")
    elif isinstance(value, list):
        yield path, list
        for member in value:
            yield from shape(member, f"{path}[]")
    else:
        yield path, type(value)


def without_own_values(text: str) -> object:
    """A JSON answer without what differs between any two servers: info hashes and times."""
    text = re.sub(r'"infoHash":\s*"[0-9A-F]{40}"', '"infoHash":"…"', text)
    return json.loads(re.sub(r'"time":\s*"[-0-9: ]{19}"', '"time":"…"', text))


def decoded(data: bytes) -> Any:
    """A bencoded value."""
    value, rest = _decode(data)
    assert rest == b""
    return value


def _decode(data: bytes) -> tuple[Any, bytes]:
    if data[:1] == b"i":
        number, _, rest = data[1:].partition(b"e")
        return int(number), rest
    if data[:1] in {b"d", b"l"}:
        items, rest = [], data[1:]
        while not rest.startswith(b"e"):
            item, rest = _decode(rest)
            items.append(item)
        if data[:1] == b"d":
            return dict(zip(items[::2], items[1::2], strict=True)), rest[1:]
        return items, rest[1:]
    length, _, rest = data.partition(b":")
    return rest[: int(length)], rest[int(length) :]


def test_there_are_recordings_and_every_exception_names_one() -> None:
    assert len(NAMES) == 80
    assert {*OWN_IDS, *BEFORE, *BEFORE.values()} <= set(NAMES)
    assert {recording(name)["request"]["auth"] for name in NAMES} == set(AUTHORIZATIONS)


@pytest.mark.parametrize("name", NAMES)
async def test_status_and_headers(name: str) -> None:
    expected = recording(name)["response"]
    found = await answer(name)
    assert found.status_code == expected["status"]
    assert found.headers["content-type"] == expected["content_type"]
    assert found.headers.get("location") == expected.get("location")


@pytest.mark.parametrize("name", [n for n in NAMES if "json" in recording(n)["response"]])
async def test_keys_and_types(name: str) -> None:
    expected = recording(name)["response"]["json"]
    found = (await answer(name)).json()
    assert {path for path, _ in shape(found)} == {path for path, _ in shape(expected)}
    assert set(shape(found)) <= set(shape(expected))


@pytest.mark.parametrize(
    "name",
    [n for n in NAMES if recording(n)["response"].get("json", {}).get("status") == "failure"],
)
async def test_failures_are_the_same_word_for_word(name: str) -> None:
    assert (await answer(name)).json() == recording(name)["response"]["json"]


@pytest.mark.parametrize(
    "name",
    [
        "auth_cookie",
        "get_user_notifications_after_clear",
        "torrent_hash_lower",
        "torrent_hash_upper",
        "torrent_id_1",
        "torrentgroup_hash_upper",
        "torrentgroup_id_1",
        "tcomments_id_1_page_5",
        "tcomments_id_2",
        "user_recents_userid_99999",
        "userhistory_type_posts_userid_4_donor",
        "usersearch_search_nobody_here",
    ],
)
async def test_successes_that_hold_nothing_of_their_own_are_the_same(name: str) -> None:
    expected = json.dumps(recording(name)["response"]["json"])
    assert without_own_values((await answer(name)).text) == without_own_values(expected)


@pytest.mark.parametrize(
    "name",
    [
        n
        for n in NAMES
        if "body" in recording(n)["response"]
        and "body_encoding" not in recording(n)["response"]
        and recording(n)["response"]["status"] != 200
    ],
)
async def test_pages_of_the_site_stand_where_the_server_had_them(name: str) -> None:
    before, dots, _ = recording(name)["response"]["body"].partition(" ... ")
    assert dots
    page = (await answer(name)).text
    assert page.startswith(before.strip())
    assert "<!doctype html>" in page


@pytest.mark.parametrize("name", [n for n in NAMES if recording(n)["response"].get("body") == ""])
async def test_empty_bodies_are_empty(name: str) -> None:
    assert (await answer(name)).content == b""


async def test_the_torrent_file_is_made_like_the_recorded_one() -> None:
    expected = decoded(base64.b64decode(recording("download_passkey")["response"]["body"]))
    found = decoded((await answer("download_passkey")).content)
    assert list(found) == list(expected)
    assert (
        found[b"announce"].decode() == f"https://track.biotorrents.de:443/{DONOR_PASSKEY}/announce"
    )
    for key in (b"comment", b"creation date"):
        assert found[key] == expected[key]
    assert list(found[b"info"]) == list(expected[b"info"])
    for key in (b"files", b"name", b"piece length", b"private"):
        assert found[b"info"][key] == expected[b"info"][key]
    assert len(found[b"info"][b"pieces"]) == len(expected[b"info"][b"pieces"])


async def test_no_recorded_body_is_left_out() -> None:
    kinds = {"json", "page", "empty", "torrent"}
    seen = set()
    for name in NAMES:
        response = recording(name)["response"]
        if "json" in response:
            seen.add("json")
        elif "body_encoding" in response:
            seen.add("torrent")
        else:
            assert response["body"] == "" or " ... (an HTML page of the site)" in response["body"]
            seen.add("page" if response["body"] else "empty")
    assert seen == kinds
