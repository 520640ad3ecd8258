"""One coroutine for every action."""

from contextlib import suppress

import pytest

from biofs.api.action import BROWSE_FIELDS
from biofs.api.actions import ACTIONS, Api
from biofs.api.errors import BadAnswer
from biofs.api.requests import Answer, Effect
from biofs.api.secrets import Secret


def answering(response, body=b""):
    sent = []

    async def send(request):
        sent.append(request)
        return Answer(request, 200, "application/json", body, response)

    return Api(send), sent


ARGUMENTS = {
    "torrentgroup": {"id": 1},
    "torrent": {"id": 1},
    "artist": {"id": 1},
    "usersearch": {"search": "x"},
    "clear_user_notification": {"type": "News"},
}


def test_the_table_names_every_action_and_its_parameters():
    api, _ = answering({})
    assert set(ACTIONS) == {name for name in vars(Api) if not name.startswith("_")}
    for name, action in ACTIONS.items():
        assert action.name == name
        assert action is getattr(Api, name)
        assert callable(getattr(api, name))
        assert action.help.endswith(".")
    assert list(ACTIONS["inbox"].parameters) == ["page", "type", "search", "searchtype", "sort"]
    assert list(ACTIONS["browse"].parameters)[:2] == ["page", "category"]
    assert set(ACTIONS["browse"].parameters) == {"page", "category"} | BROWSE_FIELDS
    assert ACTIONS["userhistory"].required == ("userid",)


@pytest.mark.parametrize("name", sorted(ACTIONS))
async def test_the_table_agrees_with_the_requests(name):
    action = ACTIONS[name]
    given = ARGUMENTS.get(name) or dict.fromkeys(action.required, 1)
    request = action.request(**given)
    assert request.effect is action.effect
    assert request.needs_cookie is action.needs_cookie
    api, sent = answering({})
    with suppress(BadAnswer):
        await getattr(api, name)(**given)
    assert sent == [request]


def test_what_needs_a_cookie_or_does_something():
    def of(effect):
        return {name for name, action in ACTIONS.items() if action.effect is effect}

    needs_cookie = {name for name, action in ACTIONS.items() if action.needs_cookie}
    assert needs_cookie == {"top10", "notifications", "userhistory"}
    assert of(Effect.MARKS_READ) == {"conversation", "notifications"}
    assert of(Effect.CHANGES_ACCOUNT) == {"clear_user_notification"}


async def test_the_answer_must_be_about_what_was_asked():
    api, _ = answering({"group": {"id": 2}, "torrents": [], "torrent": {"id": 2}, "id": 2})
    assert (await api.torrentgroup(id=2)).group.id == 2
    assert (await api.torrentgroup(hash="A" * 40)).group.id == 2
    for ask in (api.torrentgroup, api.torrent, api.collage, api.artist):
        with pytest.raises(BadAnswer, match="another"):
            await ask(id=1)


async def test_arguments_are_checked_before_anything_is_sent():
    api, sent = answering({})
    with pytest.raises(ValueError, match="page"):
        await api.browse(0)
    with pytest.raises(ValueError, match="no parameter 'colour'"):
        await api.browse(colour="red")
    assert sent == []


async def test_a_download_is_its_bytes():
    api, sent = answering(None, b"d1:ae")
    assert await api.download(1, Secret("a"), Secret("b")) == b"d1:ae"
    assert sent[0].kind == "download"


async def test_what_is_documented_nowhere_is_kept_as_it_came():
    for response in ([], {"announcements": []}, None):
        api, _ = answering(response)
        assert (await api.announcements()).raw == response


async def test_clearing_has_no_answer():
    api, sent = answering(None)
    assert await api.clear_user_notification("News") is None
    assert sent[0].method == "POST"
