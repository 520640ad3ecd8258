"""The server's address, as people write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.api.server import is_loopback, normalise_base_url


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://torrents.bio", "https://torrents.bio"),
        (" https://torrents.bio/ ", "https://torrents.bio"),
        ("HTTPS://Torrents.Bio//", "https://torrents.bio"),
        ("https://torrents.bio/api.php", "https://torrents.bio"),
        ("https://torrents.bio/ajax.php/", "https://torrents.bio"),
        ("http://127.0.0.1:8080/site/api.php", "http://127.0.0.1:8080/site"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("https://bücher.example/a b".replace(" ", "é"), "https://xn--bcher-kva.example/a%C3%A9b"),
        ("http://localhost:0", "http://localhost:0"),
    ],
)
def test_is_tidied_up(url, normal):
    assert normalise_base_url(url) == normal
    assert normalise_base_url(normal) == normal


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "malformed"),
        ("torrents.bio", "malformed"),
        ("ftp://torrents.bio", "https://"),
        ("https://", "malformed"),
        ("https://u:hunter2@torrents.bio", "password"),
        ("https://@torrents.bio", "password"),
        ("https://torrents.bio?a=hunter2", "parameters"),
        ("https://torrents.bio#x", "anchor"),
        ("https://torrents.bio:port", "malformed"),
        ("https://torrents.bio:99999", "malformed"),
        ("https://[::1", "malformed"),
        ("https://[hunter2]", "malformed"),
        ("https://tor rents.bio", "blanks"),
        ("https://torrents.bio\\x", "blanks"),
        ("https://torrents.bio/\r\nHost: x", "blanks"),
        ("https://-x.bio", "malformed"),
        ("https://a..b", "malformed"),
        ("https://" + "a" * 300, "malformed"),
        ("file:///etc/passwd", "malformed"),
    ],
)
def test_what_is_no_address_gets_one_line(url, words):
    with pytest.raises(ValueError, match=words) as caught:
        normalise_base_url(url)
    assert "hunter2" not in str(caught.value)
    assert str(caught.value).isprintable()


@given(st.text() | st.text().map("https://".__add__) | st.text().map("https://x.y/".__add__))
def test_any_text_is_tidied_or_refused(url):
    try:
        normal = normalise_base_url(url)
    except ValueError:
        return
    assert normal.isascii()
    assert normal.startswith(("http://", "https://"))
    assert normalise_base_url(normal) == normal


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://127.1.2.3", True),
        ("http://[::1]", True),
        ("http://localhost", True),
        ("http://demo.localhost:80", True),
        ("https://torrents.bio", False),
        ("https://10.0.0.1", False),
        ("https://localhost.example", False),
    ],
)
def test_this_machine(url, here):
    assert is_loopback(url) is here
