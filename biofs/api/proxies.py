"""The proxies of the environment: what httpx cannot use is named, or left out of NO_PROXY."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Mapping, MutableMapping
from typing import Final

import httpx

log = logging.getLogger(__name__)

_VARIABLES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_MOST_PORT: Final = 65535


def check(environ: Mapping[str, str]) -> None:
    """Raise ValueError, with a line for people, if a variable names a proxy that cannot be used.

    httpx takes `http://[bad` for a host of that name, and says so only when a request fails. The
    value is never repeated: it can hold a password.
    """
    for name in _VARIABLES:
        # As urllib.request.getproxies has it: in lower case it has precedence, also if empty.
        variable = name.lower() if name.lower() in environ else name
        problem = _problem(environ.get(variable, ""))
        if problem:
            raise ValueError(f"{variable}: the proxy in it cannot be used: {problem}")


def _problem(value: str) -> str:
    """What is wrong with a proxy's URL, "" if nothing is."""
    if not value:
        return ""
    try:
        url = httpx.URL(value if "://" in value else f"http://{value}")
    except httpx.InvalidURL:
        return "it is not a URL such as http://proxy.example:3128"
    if url.scheme.startswith("socks"):
        return "SOCKS is not supported, set one that speaks HTTP"
    if url.scheme not in {"http", "https"}:
        return "it has to begin with http:// or https://"
    # httpx escapes what no host name can hold, as in %5Bbad; a zone is behind an IPv6 address.
    if not url.host or ("%" in url.host and ":" not in url.host) or (url.port or 0) > _MOST_PORT:
        return "it is not a URL such as http://proxy.example:3128"
    return ""


def leave_out_unparsable(environ: MutableMapping[str, str]) -> None:
    """Take out of NO_PROXY what httpx cannot parse, such as fe80::/10: it would end all."""
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [host.strip() for host in environ.get(name, "").split(",")]
        bad = [host for host in hosts if host and not _is_parsable(host)]
        if bad:
            log.warning("%s: ignored, because it cannot be parsed: %s", name, ", ".join(bad))
            environ[name] = ",".join(host for host in hosts if host not in bad)


def _is_parsable(host: str) -> bool:
    """Whether httpx makes a pattern of it, as its get_environment_proxies does."""
    text = host if "://" in host else f"all://*{host}"
    try:
        ipaddress.IPv6Address(host.partition("/")[0])
        text = f"all://[{host}]"
    except ValueError:
        pass
    try:
        httpx.URL(text)
    except httpx.InvalidURL:
        return False
    return True
