"""What an HTTP answer is taken for."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.api import errors
from biofs.api.actions import Api
from biofs.api.envelope import (
    ActionUnknown,
    EndpointMissing,
    Reply,
    interpret,
    parse_retry_after,
)
from biofs.api.requests import Request

BASE = "https://torrents.bio"
JSON = "application/json; charset=utf-8"
HTML = b"<!doctype html><title>Error</title>"
WANT = Request("stats")


def read(body=b"", *, request=WANT, status=200, content_type=JSON, **more):
    if isinstance(body, dict):
        body = json.dumps(body).encode()
    return interpret(request, Reply(BASE, status, content_type, body, **more))


def failure(words, **more):
    return read({"status": "failure", "error": words}, **more)


def test_a_success_is_opened():
    answer = read({"status": "success", "response": {"a": 1}, "info": {"version": 1}})
    assert (answer.response, answer.status) == ({"a": 1}, 200)
    assert read({"status": "success"}).response is None


@pytest.mark.parametrize("content_type", ["text/plain", "", "text/html", "nonsense"])
def test_the_content_type_of_json_does_not_matter(content_type):
    assert read({"status": "success", "response": 1}, content_type=content_type).response == 1


@pytest.mark.parametrize(
    ("words", "request_", "kind"),
    [
        ("bad id parameter", Api.torrent.request(id=5), errors.NotFound),
        ("Bad id parameter ", Api.torrent.request(id=5), errors.NotFound),
        ("bad id parameter", Request("torrent"), errors.BadRequest),
        ("bad id parameter", Request("torrent", (("id", "x"),)), errors.BadRequest),
        ("bad hash parameter", Api.torrent.request(hash="A" * 40), errors.NotFound),
        ("bad hash parameter", Request("torrent", (("hash", "xyz"),)), errors.BadRequest),
        ("no such user", Api.user.request(5), errors.NotFound),
        ("bad parameters", Api.collage.request(5), errors.NotFound),
        ("bad parameters", Api.artist.request(id=5), errors.NotFound),
        ("bad parameters", Api.artist.request(artistname="A B"), errors.NotFound),
        ("bad parameters", Request("collage", (("id", "x"),)), errors.BadRequest),
        ("bad parameters", Api.torrentgroup.request(id=5), ActionUnknown),
        ("bad parameters", Request("torrentgroup"), errors.BadRequest),
        ("bad parameters", Api.torrent.request(id=5), errors.BadRequest),
        ("bad parameters", Api.browse.request(), errors.BadRequest),
        ("no search terms", Api.usersearch.request("x"), errors.BadRequest),
        ("invalid token", WANT, errors.TokenRefused),
        ("Invalid token ", WANT, errors.TokenRefused),
        ("invalid token format", WANT, errors.TokenRefused),
        ("token revoked", WANT, errors.TokenRefused),
        ("user disabled", WANT, errors.TokenRefused),
        ("authorization type must be Bearer", WANT, errors.TokenRefused),
        ("rate limit exceeded", WANT, errors.RateLimited),
        ("Rate Limit Exceeded, slow down", WANT, errors.RateLimited),
        ("rate_limit", WANT, errors.RateLimited),
        ("Too many requests!", WANT, errors.RateLimited),
        ("the cat is on the keyboard", WANT, errors.BadAnswer),
        ("", WANT, errors.ServerFault),
        (None, WANT, errors.ServerFault),
        (["bad id parameter"], WANT, errors.ServerFault),
    ],
)
@pytest.mark.parametrize("status", ["failure", "error"])
def test_the_servers_words(words, request_, kind, status):
    with pytest.raises(errors.ApiError) as caught:
        read({"status": status, "error": words}, request=request_)
    assert type(caught.value) is kind
    assert caught.value.action == request_.action


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_rate_limits_are_recognised_under_any_status(status):
    with pytest.raises(errors.RateLimited):
        failure("rate limit exceeded", status=status)


@pytest.mark.parametrize("status", [200, 400, 401, 403])
def test_newer_servers_refuse_a_token_in_other_words(status):
    said = {"errors": "invalid token", "jsonapi": {"version": "1.1"}, "meta": {"count": 1}}
    with pytest.raises(errors.TokenRefused, match="the token is invalid"):
        read(said, status=status, content_type="application/vnd.api+json; charset=utf-8")
    for other in ("not found", ["invalid token"], None, {}):
        with pytest.raises(errors.ApiError) as caught:
            read({"errors": other}, status=200)
        assert isinstance(caught.value, errors.BadAnswer)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_known_words_count_under_a_refusing_status(status):
    with pytest.raises(errors.NotFound):
        failure("bad id parameter", status=status, request=Api.torrent.request(id=1))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, errors.ServerFault),
        (502, errors.ServerFault),
        (503, errors.ServerFault),
        (404, EndpointMissing),
        (429, errors.RateLimited),
        (400, errors.BadAnswer),
        (418, errors.BadAnswer),
        (204, errors.BadAnswer),
        (999, errors.BadAnswer),
    ],
)
@pytest.mark.parametrize("body", [b"", HTML, b"{}", b'{"status":"success","response":[]}'])
def test_statuses(status, kind, body):
    with pytest.raises(errors.ApiError) as caught:
        read(body, status=status)
    assert type(caught.value) is kind


@pytest.mark.parametrize("status", [401, 403])
def test_who_refuses_access_is_told_apart(status):
    for body in (b"", b" ", b"{}", b'{"status":"failure","error":"go away"}'):
        with pytest.raises(errors.TokenRefused):
            read(body, status=status)
    for body in (HTML, b"error code: 1020"):
        with pytest.raises(errors.Barred, match="before the API refuses access"):
            read(body, status=status)
    with pytest.raises(errors.TokenRefused, match="revoked"):
        failure("token revoked", status=status)


TURNED_AWAY = (
    b"<!doctype html><title>Just a moment...</title><script>window._cf_chl_opt={}</script>"
)


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind", "words"),
    [
        (403, TURNED_AWAY, {"cf-mitigated": "challenge"}, errors.Barred, "Cloudflare"),
        (503, b"", {"cf-mitigated": "challenge"}, errors.Barred, "Cloudflare"),
        (503, TURNED_AWAY, {}, errors.Barred, "Cloudflare"),
        (403, b"error code: 1020", {"server": "cloudflare"}, errors.Barred, "Cloudflare before"),
        (522, HTML, {}, errors.Intercepted, "Cloudflare does not get through"),
        (200, HTML + b"Making sure you're not a bot!", {}, errors.Barred, "robots"),
        (511, HTML, {}, errors.Barred, "captive portal"),
        (200, HTML + b"<h1>Free WiFi</h1>", {}, errors.Intercepted, "captive portal"),
        (401, HTML, {"www-authenticate": 'Basic realm="x"'}, errors.Barred, "password of its own"),
        (407, HTML, {}, errors.Barred, "proxy"),
        (200, HTML + b"down for Maintenance", {}, errors.Intercepted, "maintenance"),
        (503, HTML + b"down for maintenance", {}, errors.Intercepted, "maintenance"),
        (200, HTML + b"<input type='password'>", {}, errors.BadAnswer, "to log in"),
        (200, HTML + b" " * 10**6 + b"maintenance", {}, errors.BadAnswer, "web page"),
    ],
)
def test_what_answers_in_the_servers_place_is_named(status, body, headers, kind, words):
    with pytest.raises(errors.ApiError, match=words) as caught:
        read(body, status=status, content_type="text/html", headers=headers)
    assert type(caught.value) is kind
    assert not isinstance(caught.value, errors.AccessDenied)


def test_texts_of_answers_are_not_looked_through_for_pages():
    said = {"status": "success", "response": "maintenance of a captive portal, not a bot"}
    assert read(said).response == said["response"]
    assert read(WARNING + json.dumps(said).encode()).response == said["response"]
    with pytest.raises(errors.NotFound):
        read(
            {"status": "failure", "error": "bad id parameter", "info": "WiFi"},
            request=Api.torrent.request(id=5),
        )


def test_an_absent_thing_is_never_a_server_that_fails():
    for status in (500, 502, 503):
        with pytest.raises(errors.ServerFault):
            failure("bad id parameter", status=status, request=Api.torrent.request(id=1))


def test_retry_after_is_handed_on():
    for status in (429, 503):
        with pytest.raises(errors.RateLimited) as caught:
            read(HTML, status=status, retry_after=12.0)
        assert caught.value.retry_after == 12.0


@pytest.mark.parametrize(
    ("body", "content_type", "kind"),
    [
        (HTML, JSON, errors.ServerFault),
        (HTML, "text/html", errors.BadAnswer),
        (b'{"status":"failure"}' + HTML, JSON, errors.ServerFault),
        (b"", JSON, errors.BadAnswer),
        (b" \n", JSON, errors.BadAnswer),
        (b"[]", JSON, errors.BadAnswer),
        (b"null", JSON, errors.BadAnswer),
        (b'"success"', JSON, errors.BadAnswer),
        (b'{"response":{}}', JSON, errors.BadAnswer),
        (b'{"status":true,"response":{}}', JSON, errors.BadAnswer),
        (b'{"status":["success"],"response":{}}', JSON, errors.BadAnswer),
        (b'{"status":{"failure":1}}', JSON, errors.BadAnswer),
        (b"[" * 100_000, JSON, errors.BadAnswer),
        (b"success", JSON, errors.BadAnswer),
    ],
)
def test_bodies_that_are_no_answer(body, content_type, kind):
    with pytest.raises(errors.ApiError) as caught:
        read(body, content_type=content_type)
    assert type(caught.value) is kind


WARNING = b"<br />\n<b>Warning</b>: Undefined array key 7 in <b>/x.php</b> on line <b>3</b><br />\n"
GOOD = b'{"status":"success","response":{"a":"{\\"status\\":1}"},"info":{}}'
BAD = b'{"status":"failure","error":"bad id parameter"}'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (WARNING, b""),
        (b"\xef\xbb\xbf\r\n" + WARNING * 50, b"\n"),
        (b"Warning: Undefined variable $x in /x.php on line 3\n\xff", b""),
        (b"", b"<!-- 0.02 s -->"),
        (b"", HTML),
        (WARNING, WARNING),
        (b'<b>Notice</b>: {"info": 3} ', b'{"status":1}'),
    ],
)
def test_one_whole_success_amid_something_else_is_taken(before, after):
    answer = read(before + GOOD + after, content_type="text/html")
    assert answer.response == {"a": '{"status":1}'}
    assert (answer.body, answer.noisy) == (GOOD, True)
    assert not read(GOOD).noisy
    assert not read(b"\n" + GOOD + b" \n").noisy, "white space is nothing"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (WARNING, errors.ServerFault),
        (WARNING + GOOD[:-1], errors.ServerFault),
        (WARNING + GOOD + GOOD, errors.ServerFault),
        (GOOD + GOOD, errors.ServerFault),
        (GOOD + BAD, errors.ServerFault),
        (GOOD + b'<br />{"status":"success","resp', errors.ServerFault),
        (WARNING + BAD, errors.ServerFault),
        (WARNING + b'{"status":"success"}', errors.ServerFault),
        (WARNING + b'{"status":"other","response":[]}', errors.BadAnswer),
        (WARNING + b'{"response":' + b"[" * 70 + b"]" * 70 + b"}", errors.ServerFault),
        (HTML + b"<script>x = " + GOOD + b"</script>", errors.ServerFault),
        (b"<script>x = " + GOOD + b"</script>", errors.ServerFault),
        (BAD + WARNING, errors.NotFound),
        (WARNING + b'{"status":"failure","error":"rate limit exceeded"}', errors.RateLimited),
        (WARNING + b'{"status":"failure","error":"token revoked"}', errors.TokenRefused),
    ],
)
def test_nothing_else_amid_something_else_is_taken(body, kind):
    with pytest.raises(errors.ApiError) as caught:
        read(body, request=Api.torrent.request(id=5))
    assert type(caught.value) is kind


@pytest.mark.parametrize("status", [204, 400, 403, 404, 500])
def test_something_around_a_success_does_not_make_up_for_its_status(status):
    for body in (WARNING + GOOD, GOOD + WARNING):
        with pytest.raises(errors.ApiError):
            read(body, status=status)


def test_nothing_is_a_success_for_one_action_only():
    assert read(b"", request=Api.clear_user_notification.request("Inbox")).response is None


@pytest.mark.parametrize(
    ("location", "kind", "words"),
    [
        ("login.php", errors.TokenMissing, "log in"),
        ("/login.php", errors.TokenMissing, "log in"),
        ("https://torrents.bio/login.php?next=x", errors.TokenMissing, "log in"),
        ("//torrents.bio/login.php", errors.TokenMissing, "log in"),
        ("https://evil.example/login.php", errors.BadAnswer, "https://evil.example"),
        ("//evil.example/api.php", errors.Moved, "https://evil.example: use that URL if"),
        ("http://torrents.bio/api.php", errors.BadAnswer, "http://torrents.bio"),
        ("https://u:hunter2@new.example/", errors.BadAnswer, "https://new.example"),
        ("index.php", errors.BadAnswer, "another page"),
        ("", errors.BadAnswer, "HTTP 302"),
        (None, errors.BadAnswer, "HTTP 302"),
        ("javascript:alert(1)", errors.BadAnswer, "nowhere"),
        ("https://torrents.bio:99999/", errors.BadAnswer, "nowhere"),
        ("https://[::1", errors.BadAnswer, "nowhere"),
        ("https://a\x1b[31mb/", errors.BadAnswer, "nowhere"),
    ],
)
def test_redirects_are_never_followed(location, kind, words):
    with pytest.raises(errors.ApiError, match=words) as caught:
        read(HTML, status=302, location=location)
    assert type(caught.value) is kind
    assert "hunter2" not in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (HTML, errors.BadAnswer),
        (b"", errors.BadAnswer),
        (b"deny", errors.BadAnswer),
        (b'{"status":"success","response":{}}', errors.BadAnswer),
        (b'{"status":"failure","error":"bad id parameter"}', errors.NotFound),
        (b'{"status":"failure","error":"rate limit exceeded"}', errors.RateLimited),
    ],
)
def test_what_is_no_torrent_file_is_not_taken_for_one(body, kind):
    with pytest.raises(errors.ApiError) as caught:
        read(body, request=Api.download.request(5), content_type="application/x-bittorrent")
    assert type(caught.value) is kind


def test_a_torrent_file_is_handed_on_as_it_is():
    body = b"d8:announce3:x\xffye"
    assert read(body, request=Api.download.request(5)).body == body


@pytest.mark.parametrize(
    "words", ["token 0123456789abcdef is bad", "\x1b[31mred", "x" * 500, "a\nb"]
)
def test_unknown_words_are_shown_only_if_harmless(words):
    with pytest.raises(errors.BadAnswer) as caught:
        failure(words)
    assert words not in str(caught.value)
    with pytest.raises(errors.BadAnswer, match="site is closed"):
        failure("site is closed")


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        (None, None, None),
        ("12", None, 12.0),
        (" 0 ", None, 0.0),
        ("-1", None, None),
        ("1.5", None, None),
        ("9" * 500, None, None),
        ("soon", None, None),
        ("Wed, 21 Oct 2020 07:28:30 GMT", "Wed, 21 Oct 2020 07:28:00 GMT", 30.0),
        ("Wed, 21 Oct 2020 07:28:00 GMT", "Wed, 21 Oct 2020 07:28:30 GMT", 0.0),
        ("Wed, 21 Oct 2020 07:28:30 GMT", None, None),
        ("Wed, 21 Oct 2020 07:28:30 GMT", "yesterday", None),
        ("Wed, 21 Oct 2020 07:28:30 -0000", "Wed, 21 Oct 2020 07:28:00 GMT", None),
    ],
)
def test_retry_after(value, date, seconds):
    assert parse_retry_after(value, date) == seconds


@given(
    st.integers(100, 599),
    st.binary(max_size=60) | st.sampled_from([b"{}", b'{"status":"failure","error":{}}', HTML]),
    st.text(max_size=20),
    st.none() | st.text(max_size=30),
)
def test_every_reply_is_an_answer_or_an_api_error(status, body, content_type, location):
    for request in (WANT, Api.torrentgroup.request(id=1), Api.download.request(1)):
        said = ""
        try:
            read(body, request=request, status=status, content_type=content_type, location=location)
        except errors.ApiError as error:
            said = str(error)
        assert said.isprintable()
