"""One coroutine for every action."""

import inspect

import pytest

from biofs.api import builders
from biofs.api.actions import ACTIONS, Api
from biofs.api.errors import BadAnswer
from biofs.api.requests import COOKIE_ONLY, Answer
from biofs.api.secrets import Secret


def answering(response, body=b""):
    sent = []

    async def send(request):
        sent.append(request)
        return Answer(request, 200, "application/json", body, response)

    return Api(send), sent


def coroutines():
    return {name for name, _ in inspect.getmembers(Api, inspect.iscoroutinefunction)} - {
        "_response"
    }


def test_the_table_names_every_coroutine_and_its_parameters():
    assert set(ACTIONS) == coroutines()
    for name, action in ACTIONS.items():
        parameters = inspect.signature(getattr(Api, name)).parameters
        named = [p for p in parameters.values() if p.name != "self" and p.kind != p.VAR_KEYWORD]
        assert list(action.parameters[: len(named)]) == [p.name for p in named]


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_the_table_agrees_with_the_requests(name):
    arguments = {
        "torrentgroup": {"id": 1},
        "torrent": {"id": 1},
        "artist": {"id": 1},
        "usersearch": {"search": "x"},
        "clear_user_notification": {"type": "News"},
    }
    build = getattr(builders, f"{name}_request")
    required = [
        p.name for p in inspect.signature(build).parameters.values() if p.default is p.empty
    ]
    given = arguments.get(name) or {p: 1 for p in required if p != "fields"}
    request = build(**given)
    assert ACTIONS[name].effect is request.effect
    assert ACTIONS[name].needs_cookie is (request.action in COOKIE_ONLY)


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
