"""Who is asking: a token, a browser's session, or nobody."""

from http.cookies import CookieError, SimpleCookie

from starlette.requests import Request
from starlette.responses import Response

from biofs.demo.accounts import Account, ServerOptions
from biofs.demo.actions.answers import failure, to_login

# The recordings auth_*: these refusals alone come without a charset.
_BARE_JSON = "application/json"


def authenticate(request: Request, options: ServerOptions) -> tuple[Account, bool] | Response:
    """The account that asks and whether by cookie; or the refusal. A token goes before a cookie."""
    header = request.headers.get("authorization")
    if header is not None and options.release == "0.1.3":
        return to_login()  # it checks tokens for a page that it has no more
    if header is not None:
        found = _by_token(header, options)
        return (found, False) if isinstance(found, Account) else found
    account = by_cookie(request, options)
    return (account, True) if account else to_login()


def by_cookie(request: Request, options: ServerOptions) -> Account | None:
    """The account of the browser session the request belongs to."""
    try:
        cookies = SimpleCookie(request.headers.get("cookie", ""))
    except CookieError:
        return None
    values = {name: morsel.value for name, morsel in cookies.items()}
    account = options.by_session(values.get("session", ""), values.get("userid", ""))
    return None if account is None or account.disabled else account


def _by_token(header: str, options: ServerOptions) -> Account | Response:
    # Another case than "Bearer" is refused as another scheme is.
    if not header.startswith("Bearer "):
        return _refusal("authorization type must be Bearer")
    token = header.removeprefix("Bearer ")
    if token in options.revoked:
        return _refusal("token revoked")
    account = options.tokens.get(token)
    if account is None:
        return _refusal("invalid token format")
    return _refusal("user disabled") if account.disabled else account


def _refusal(error: str) -> Response:
    return failure(error, content_type=_BARE_JSON)
