"""A real nginx on a port of its own, run by this user, that serves one directory."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.ports import free_port

PROGRAM = shutil.which("nginx") or "/usr/sbin/nginx"
_START_SECONDS = 20.0

_CONFIGURATION = """
daemon off;
master_process off;
pid {base}/nginx.pid;
error_log {base}/error.log warn;
events {{ worker_connections 2048; }}
http {{
    log_format seen '$request_method $uri $status $body_bytes_sent "$http_range" '
        '"$http_if_none_match" "$http_if_modified_since" $msec';
    access_log {base}/access.log seen;
    client_body_temp_path {base}/body;
    proxy_temp_path {base}/proxy;
    fastcgi_temp_path {base}/fastcgi;
    uwsgi_temp_path {base}/uwsgi;
    scgi_temp_path {base}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {root};
        {extra}
    }}
}}
"""


@dataclass(frozen=True)
class Seen:
    """A request that reached nginx."""

    method: str
    path: str
    status: int
    sent: int
    range: str
    none_match: str
    modified_since: str
    at: float
    """Epoch seconds."""


@dataclass(frozen=True)
class Nginx:
    """A running nginx."""

    url: str
    root: Path
    base: Path

    def seen(self) -> list[Seen]:
        """Every request so far."""
        found = []
        for line in (self.base / "access.log").read_text().splitlines():
            method, path, status, sent, rest = line.split(" ", 4)
            quoted = rest.split('"')[1::2]
            # An entity tag has quotes itself, which nginx writes as \x22.
            texts = [each.replace("\\x22", '"') for each in quoted]
            at = float(rest.rpartition(" ")[2])
            found.append(Seen(method, path, int(status), int(sent), *texts, at))
        return found


@contextmanager
def serving(base: Path, root: Path, extra: str = "") -> Iterator[Nginx]:
    """Serve `root` while the context is open; `extra` is put into nginx's server block."""
    base.mkdir(exist_ok=True)
    port = free_port()
    text = _CONFIGURATION.format(base=base, root=root, port=port, extra=extra)
    (base / "nginx.conf").write_text(text)
    process = subprocess.Popen(
        [PROGRAM, "-p", str(base), "-c", str(base / "nginx.conf"), "-e", str(base / "error.log")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            assert process.poll() is None, (base / "error.log").read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert time.monotonic() < deadline, "nginx does not answer"
            time.sleep(0.02)
        yield Nginx(f"http://127.0.0.1:{port}", root, base)
    finally:
        process.terminate()
        process.wait(10)
