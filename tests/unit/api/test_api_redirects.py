"""Redirects: which URL they make, and that none is taken for an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.api import errors
from biofs.api.actions import Api
from biofs.api.envelope import Reply, interpret
from biofs.api.server import normalise_base_url

WANT = Api.stats.request()


def redirected(base, location, request=WANT, status=301):
    with pytest.raises(errors.ApiError) as caught:
        interpret(request, Reply(base, status, "text/html", b"<html>", location))
    return caught.value


@pytest.mark.parametrize(
    ("base", "location", "url"),
    [
        ("http://a.bio", "https://a.bio/api.php?action=stats", "https://a.bio"),
        ("http://a.bio", "https://a.bio/", "https://a.bio"),
        ("http://a.bio/x", "https://a.bio", "https://a.bio/x"),
        ("http://a.bio:80", "https://a.bio:443/ajax.php", "https://a.bio"),
        ("http://a.bio:8080", "https://a.bio:8443/api.php", "https://a.bio:8443"),
        ("https://a.bio", "https://www.a.bio/api.php?action=stats", "https://www.a.bio"),
        ("https://www.a.bio", "//A.bio/api.php", "https://a.bio"),
        ("https://a.bio", "/gazelle/api.php?action=stats", "https://a.bio/gazelle"),
        ("https://a.bio/old/b", "../new/api.php", "https://a.bio/old/new"),
        ("https://a.bio/old", "/api.php", "https://a.bio"),
        ("http://[::1]:80", "https://[::1]/api.php", "https://[::1]"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_where_the_site_has_moved_to_is_said(base, location, url, status):
    error = redirected(base, location, status=status)
    assert isinstance(error, errors.Moved)
    assert (error.url, error.same_site) == (url, True)
    assert str(error) == f"stats: the server redirects to {url}: use that URL"
    assert normalise_base_url(error.url) == error.url


@pytest.mark.parametrize(
    ("base", "location", "words"),
    [
        ("https://a.bio", "/index.php", "to another page"),
        ("https://a.bio", "/", "to another page"),
        ("https://a.bio", "/api.php?again=1", "to another page"),
        ("https://a.bio", "https://a.bio:443/api.php", "to another page"),
        ("https://a.bio", "/x%20y/api.php", "to another page"),
        ("https://a.bio", "/\x1b[31m/api.php", "to another page"),
        ("https://a.bio", "http://a.bio/api.php", "to http://a.bio, which is not encrypted"),
        ("https://a.bio", "http://b.bio/api.php", "to http://b.bio, which is not encrypted"),
        ("https://a.bio", "https://www.a.bio/x.php", "to https://www.a.bio, a page that is not"),
        ("https://a.bio", "https://b.bio/", "to https://b.bio, a page that is not the API"),
        ("https://a.bio", "https://a.bio:0x50/api.php", "nowhere"),
        ("https://a.bio", "ftp://a.bio/api.php", "nowhere"),
    ],
)
def test_what_is_no_url_of_the_server_is_not_offered(base, location, words):
    error = redirected(base, location)
    assert type(error) is errors.BadAnswer
    assert words in str(error)


def test_another_site_is_not_offered_as_the_same():
    for location in ("https://b.bio/api.php", "https://a.bio.evil/api.php"):
        error = redirected("https://a.bio", location)
        assert isinstance(error, errors.Moved)
        assert not error.same_site
        assert str(error).endswith("use that URL if you know that site")


def test_a_network_that_asks_to_log_in_is_named():
    error = redirected("http://a.bio", "http://10.0.0.1/login?to=a.bio", status=302)
    assert type(error) is errors.Intercepted
    assert "captive portal" in str(error)


def test_a_download_moves_with_its_own_page():
    request = Api.download.request(5)
    error = redirected("http://a.bio", "https://a.bio/torrents.php?action=download", request)
    assert isinstance(error, errors.Moved)
    assert error.url == "https://a.bio"


@given(
    st.sampled_from(["http://a.bio", "https://a.bio/x", "http://[::1]:8080"]),
    st.text(max_size=40)
    | st.builds(
        "{}://{}{}{}".format,
        st.sampled_from(["http", "https", "ftp", "HTTPS", ""]),
        st.text(max_size=10) | st.sampled_from(["a.bio", "www.a.bio", "[::1]", "a.bio:99999"]),
        st.text(max_size=10) | st.sampled_from(["", "/", ":443"]),
        st.sampled_from(["/api.php", "/login.php", "", "?x"]),
    ),
)
def test_any_location_is_an_error_in_one_harmless_line(base, location):
    error = redirected(base, location)
    assert str(error).isprintable()
    assert str(error).isascii()
    if isinstance(error, errors.Moved):
        assert normalise_base_url(error.url) == error.url != base
