"""What NO_PROXY may hold: networks and brackets that httpx cannot parse end nothing."""

from __future__ import annotations

import os

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.api.http import check_proxies, leave_out_unparsable
from biofs.api.transport import Transport
from biofs.catalogue.catalogue import open_catalogue
from biofs.errors import QuietError
from biofs.settings.load import load


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize("bad", ["fe80::/10", "fd00::/8", "[::1]", "a b:c"])
def test_what_cannot_be_parsed_is_left_out_with_a_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, bad: str
) -> None:
    for each in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    monkeypatch.setenv(name, f"localhost, 10.0.0.0/8,::1,{bad},.example.org")
    Transport("https://biotorrents.invalid")
    assert os.environ[name] == "localhost,10.0.0.0/8,::1,.example.org"
    assert [record.getMessage() for record in caplog.records] == [
        f"{name}: ignored, because it cannot be parsed: {bad}"
    ]


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30))
def test_whatever_it_holds_httpx_takes_the_rest(text: str) -> None:
    environ = {"no_proxy": text}
    leave_out_unparsable(environ)
    with pytest.MonkeyPatch.context() as patch:
        for each in ("NO_PROXY", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"):
            patch.delenv(each, raising=False)
        patch.setenv("no_proxy", environ["no_proxy"])
        patch.setenv("http_proxy", "http://proxy.invalid:3128")
        httpx.AsyncClient(verify=False)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "all_proxy"])
@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("socks5://user:secret@proxy.invalid:1080", "SOCKS is not supported"),
        ("socks5h://proxy.invalid", "SOCKS is not supported"),
        ("ftp://secret", "it has to begin with http://"),
        ("http://[secret", "it is not a URL"),
        ("http://user:secret@proxy:port", "it is not a URL"),
        ("http://proxy:70000", "it is not a URL"),
        ("a secret", "it is not a URL"),
        ("http://", "it is not a URL"),
        ("://", "it has to begin"),
    ],
)
async def test_a_proxy_that_cannot_be_used_is_named_to_the_user(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    monkeypatch.setenv(name, value)
    settings = load({"url": "https://biotorrents.invalid", "offline": True}, {"HOME": "/nowhere"})
    with pytest.raises(QuietError) as caught:
        async with open_catalogue(settings):
            pass
    assert str(caught.value).startswith(f"{name}: the proxy in it cannot be used: {why}")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    ["proxy:3128", "http://user:p%40ss@proxy:3128/", "https://[::1]:3128", "http://[fe80::1%eth0]"],
)
def test_one_that_can_be_used_is_none_of_these(value: str) -> None:
    check_proxies({"https_proxy": value, "HTTPS_PROXY": "http://[hidden", "HTTP_PROXY": ""})


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40))
def test_what_passes_httpx_takes(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for each in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
            patch.delenv(each, raising=False)
        patch.setenv("https_proxy", text)
        try:
            check_proxies(os.environ)
        except ValueError:
            return
        httpx.AsyncClient(verify=False)
