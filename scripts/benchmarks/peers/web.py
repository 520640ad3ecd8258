"""nginx on the loopback address, serving the files of a directory."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from biofs.errors import QuietError
from scripts.benchmarks.peers import programs
from tests.support.ports import free_port

_CONFIGURATION: Final = """
daemon off;
user root;
worker_processes 1;
pid {work}/nginx.pid;
error_log {work}/error.log;
events {{ worker_connections 4096; }}
http {{
  log_format counted '$msec $status $bytes_sent $uri';
  access_log off;
  types {{ }}
  default_type application/json;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  open_file_cache max=1000 inactive=60s;
  client_body_temp_path {work}/body;
  proxy_temp_path {work}/proxy;
  fastcgi_temp_path {work}/fastcgi;
  uwsgi_temp_path {work}/uwsgi;
  scgi_temp_path {work}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=511;
    root {root};
    autoindex on;
    {more}
  }}
}}
"""


@contextmanager
def files(root: Path, work: Path, more: str = "") -> Iterator[str]:
    """Serve `root` while the context is open; the URL. `more` stands in nginx's server block."""
    with process(root, work, more) as (url, _):
        yield url


@contextmanager
def process(root: Path, work: Path, more: str = "") -> Iterator[tuple[str, int]]:
    """Likewise; the URL, and the id of nginx's master process."""
    work.mkdir(exist_ok=True)
    port = free_port()
    configuration = work / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(work=work, port=port, root=root, more=more))
    running = subprocess.Popen(
        [
            programs.nginx(),
            "-p",
            str(work),
            "-c",
            str(configuration),
            "-e",
            str(work / "error.log"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        if not listens(port, running):
            raise QuietError(f"nginx did not start: {work}/error.log says why")
        yield f"http://127.0.0.1:{port}/", running.pid
    finally:
        running.terminate()
        running.wait()


@contextmanager
def counted(root: Path, work: Path) -> Iterator[tuple[str, Path]]:
    """Likewise, of files that change; the URL, and the log of what is served: see `answers`."""
    log = work / "counted.log"
    with files(root, work, f"open_file_cache off; access_log {log} counted;") as url:
        yield url, log


class Answer(NamedTuple):
    """One that nginx gave: when (epoch seconds), its status, and its bytes with the headers."""

    time: float
    status: int
    sent: int
    path: str


def answers(log: Path) -> list[Answer]:
    """What `counted` has served so far."""
    found = []
    for line in log.read_text().splitlines():
        when, status, sent, path = line.split(" ", 3)
        found.append(Answer(float(when), int(status), int(sent), path))
    return found


def listens(port: int, running: subprocess.Popen[bytes]) -> bool:
    """Wait until somebody listens on a port of the loopback address; False if the process that
    should has ended, or ten seconds are over."""
    for _ in range(1000):
        if running.poll() is not None:
            break
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.01)
    return False
