"""No secret shows up where people or files can see it, whatever goes wrong."""

import logging
import traceback

import httpx
import pytest
from api_support import COOKIE, TOKEN

from biofs.api.actions import Api
from biofs.api.errors import ApiError
from biofs.api.models import Index
from biofs.api.secrets import Secret

PASSKEY = Secret("passkey-77aa88bb99")
AUTHKEY = Secret("authkey-11cc22dd33")
SECRETS = [secret.reveal() for secret in (TOKEN, COOKIE, PASSKEY, AUTHKEY)] + ["s3ss10n0f"]


def assert_harmless(*texts):
    for text in texts:
        assert not [secret for secret in SECRETS if secret in text]


def everything_of(error):
    chain = []
    while error is not None:
        chain += [str(error), repr(error), repr(error.args), repr(vars(error))]
        error = error.__cause__ or error.__context__
    return chain


def echo(request):
    """All a server knows, as the words of a failure."""
    known = " ".join([str(request.url), *request.headers.values()])
    return httpx.Response(
        200,
        json={"status": "failure", "error": known},
        headers={"set-cookie": request.headers.get("cookie", "a=b").split(";")[0]},
    )


def redirect(request):
    return httpx.Response(302, headers={"location": f"https://{TOKEN.reveal()}@x.example/"})


def redirect_to_it(request):
    return httpx.Response(302, headers={"location": f"https://{TOKEN.reveal().upper()}.example/"})


def redirect_below_it(request):
    secret = PASSKEY.reveal() if "torrents.php" in str(request.url) else TOKEN.reveal()
    page = request.url.path.rpartition("/")[2]
    return httpx.Response(301, headers={"location": f"/{secret}/{page}"})


def fail(request):
    raise httpx.ReadError(f"reading {request.url} {request.headers!r}", request=request)


def fail_oddly(request):
    raise RuntimeError(f"{request.url} {request.headers!r}")


def as_html(request):
    return httpx.Response(500, text=f"<html>{request.url} {request.headers!r}")


def in_broken_json(request):
    return httpx.Response(200, text=f'{{"status": {request.url} {request.headers!r}')


@pytest.mark.parametrize(
    "answer",
    [echo, redirect, redirect_to_it, redirect_below_it, fail, fail_oddly, as_html, in_broken_json],
)
@pytest.mark.parametrize(
    "request_",
    [Api.index.request(), Api.top10.request(), Api.download.request(1, AUTHKEY, PASSKEY)],
)
async def test_no_error_tells(connect, caplog, answer, request_):
    transport = await connect(answer, cookie=COOKIE)
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ApiError) as caught:
        await transport.send(request_)
    assert_harmless(
        repr(request_),
        repr(transport),
        *everything_of(caught.value),
        *traceback.TracebackException.from_exception(caught.value, capture_locals=True).format(),
        caplog.text,
    )


async def test_no_answer_and_no_log_tells(connect, caplog):
    response = {"id": 3, "authkey": AUTHKEY.reveal(), "passkey": PASSKEY.reveal()}
    transport = await connect(
        lambda _: httpx.Response(200, json={"status": "success", "response": response}),
        cookie=COOKIE,
    )
    caplog.set_level(logging.DEBUG)
    answer = await transport.send(Api.index.request())
    index = Index.from_json(answer.response)
    assert index.raw["passkey"] == PASSKEY.reveal()
    assert_harmless(repr(answer), repr(index), str(index), f"{index}", caplog.text)


async def test_no_real_connection_logs_them(serve, nursery, caplog):
    from biofs.api.transport import Transport

    url = await serve(
        lambda stream: stream.send_all(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
            b"Set-Cookie: " + COOKIE.reveal().encode() + b"\r\n\r\n{}"
        )
    )
    transport = Transport(url, token=TOKEN, cookie=COOKIE)
    await nursery.start(transport.run)
    caplog.set_level(logging.DEBUG)
    for request in (Api.index.request(), Api.download.request(1, AUTHKEY, PASSKEY)):
        with pytest.raises(ApiError):
            await transport.send(request)
    assert_harmless(caplog.text)
