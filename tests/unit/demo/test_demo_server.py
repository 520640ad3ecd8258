"""The server's own rules: who may ask, how often, and what is logged."""

import pytest

from biofs.demo.accounts import (
    DISABLED_TOKEN,
    DONOR_AUTHKEY,
    DONOR_COOKIE,
    DONOR_PASSKEY,
    DONOR_TOKEN,
    MEMBER_COOKIE,
    MEMBER_TOKEN,
    Account,
    ServerOptions,
)
from tests.support.demo_client import BROWSER, DONOR, MEMBER, Clock, app_of, client_of, download

LIMITED = {
    "status": "failure",
    "error": "rate limit exceeded",
    "info": {"source": "BioTorrents.de", "version": 1},
}


async def test_a_window_lets_two_through_and_then_opens_anew() -> None:
    clock = Clock()
    async with client_of(app_of(clock), MEMBER) as ask:
        assert [(await ask("stats")).json()["status"] for _ in range(2)] == ["success"] * 2
        clock.now += 5.999
        refused = await ask("stats")
        assert (refused.status_code, refused.json()) == (200, LIMITED)
        clock.now += 0.001
        assert (await ask("stats")).json()["status"] == "success"


async def test_the_limit_counts_users_not_tokens_and_not_the_anonymous() -> None:
    app = app_of()
    async with client_of(app, MEMBER) as token, client_of(app, {"cookie": MEMBER_COOKIE}) as cookie:
        async with client_of(app, {}) as nobody:
            for _ in range(3):
                assert (await nobody("stats")).status_code == 302
        assert (await token("stats")).json()["status"] == "success"
        assert (await cookie("nope")).json()["error"] == "bad parameters"
        assert (await token("stats")).json() == LIMITED
        assert (await cookie("stats")).json() == LIMITED


async def test_donors_are_exempt_and_the_limit_can_be_off() -> None:
    for app, headers in ((app_of(), DONOR), (app_of(rate_limit=False), MEMBER)):
        async with client_of(app, headers) as ask:
            assert {(await ask("stats")).json()["status"] for _ in range(5)} == {"success"}


async def test_a_newer_server_says_400_and_group() -> None:
    app = app_of(newer_server=True)
    async with client_of(app, MEMBER) as ask:
        assert (await ask("group", id=1)).json()["response"]["group"]["id"] == 1
        assert (await ask("torrentgroup", id=1)).json()["error"] == "bad parameters"
        refused = await ask("group", id=1)
        assert (refused.status_code, refused.json()) == (400, LIMITED)


async def test_the_older_server_knows_no_group_action() -> None:
    async with client_of(app_of()) as ask:
        assert (await ask("group", id=1)).json()["error"] == "bad parameters"


@pytest.mark.parametrize(("mine", "other"), [("api.php", "ajax.php"), ("ajax.php", "api.php")])
async def test_the_other_endpoint_is_not_there(mine: str, other: str) -> None:
    app = app_of(endpoint=mine)
    async with client_of(app, endpoint=mine) as ask:
        assert (await ask("stats")).status_code == 200
    async with client_of(app, endpoint=other) as ask:
        missing = await ask("stats")
        assert missing.status_code == 404
        assert missing.headers["content-type"] == "text/html; charset=UTF-8"


@pytest.mark.parametrize(
    ("headers", "status", "error"),
    [
        ({"authorization": f"Bearer {DISABLED_TOKEN}"}, 200, "user disabled"),
        ({"authorization": f"bearer {DONOR_TOKEN}"}, 200, "authorization type must be Bearer"),
        ({"authorization": f"Bearer  {DONOR_TOKEN}"}, 200, "invalid token format"),
        ({"authorization": "Bearer x", "cookie": DONOR_COOKIE}, 200, "invalid token format"),
        ({"cookie": DONOR_COOKIE.replace("3", "2")}, 302, None),
        ({"cookie": "session=; userid=5"}, 302, None),
        ({"cookie": 'session="; userid=\x7f'}, 302, None),
    ],
)
async def test_who_is_refused(headers: dict[str, str], status: int, error: str | None) -> None:
    async with client_of(app_of(), headers) as ask:
        refused = await ask("stats")
    assert refused.status_code == status
    if error:
        assert refused.json()["error"] == error


async def test_own_accounts_may_be_given() -> None:
    app = app_of(tokens={"t": Account(7, "mouse", limited=False)})
    async with client_of(app, {"authorization": "Bearer t"}) as ask:
        assert (await ask("index")).json()["response"]["id"] == 7
        assert (await ask("inbox")).json()["response"]["messages"] == []
    assert app.state.log.entries()[0].account == "mouse"


async def test_the_log_counts_and_keeps_no_secret() -> None:
    clock = Clock()
    app = app_of(clock)
    async with client_of(app, MEMBER) as ask:
        for _ in range(3):
            await ask("browse", page=2)
        await ask("torrent", id=1)
    async with client_of(app, BROWSER) as ask:
        await ask("torrent", id=2)
    await download(app, {}, id="1", authkey=DONOR_AUTHKEY, torrent_pass=DONOR_PASSKEY)
    log = app.state.log
    assert log.count() == 6
    assert log.count("browse") == log.count(page="2") == 3
    assert log.count("torrent") == 2
    assert log.count("torrent", id="2") == 1
    assert [entry.refused for entry in log.entries("browse")] == [False, False, True]
    assert [entry.account for entry in log.entries("torrent")] == ["member", "donor"]
    assert [entry.account for entry in log.entries("download")] == ["donor"]
    assert {entry.time for entry in log.entries()} == {clock.now}
    secrets = (DONOR_TOKEN, DONOR_PASSKEY, DONOR_AUTHKEY, "demo-donor-session", MEMBER_TOKEN)
    assert not any(secret in repr(log.entries()) for secret in secrets)
    log.clear()
    assert log.count() == 0


def test_options_and_accounts_show_no_secret() -> None:
    text = repr(ServerOptions()) + repr(list(ServerOptions().tokens.values()))
    for secret in (DONOR_TOKEN, DONOR_PASSKEY, DONOR_AUTHKEY, "demo-donor-session"):
        assert secret not in text
