"""Warming over loopback, beside a bare HTTP client that asks for the same."""

from __future__ import annotations

import os
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from biofs.catalogue.warming import PARALLEL
from biofs.demo.accounts import DONOR_TOKEN
from biofs.errors import QuietError
from scripts.benchmarks.making import trees
from scripts.benchmarks.measuring import Effort
from scripts.benchmarks.peers import programs, web
from scripts.benchmarks.peers.systems import BIOFS_ENV
from scripts.benchmarks.sections.starting import BIOFS

CATEGORY: Final = "Sequences"


@dataclass
class Client:
    """What a client took, from the start of its process to its end, one figure a repetition.

    `cpu` is its processor time, `server_cpu` nginx's, all in seconds.
    """

    name: str
    requests: int
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    server_cpu: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """The median, in requests a second."""
        return self.requests / statistics.median(self.seconds)

    def as_json(self) -> dict[str, object]:
        """For the results file."""
        return asdict(self)


def network(base: Path, groups: int, repetitions: int, say: Callable[[str], None]) -> list[Client]:
    """Warm `groups` groups, and ask for the same with httpx and with curl, in turns."""
    work = base / "network"
    answers = work / "answers"
    answers.mkdir(parents=True)
    say(f"recording the answers for {groups:,} groups")
    _record(work, answers, groups)
    queries = sorted(os.listdir(answers))
    more = "location = /api.php { try_files /$args =404; }"
    with web.process(answers, work / "nginx", more) as (url, master):
        commands = _commands(work, url.rstrip("/"), queries)
        found = {name: Client(name, len(queries)) for name in commands}
        for repetition in range(repetitions):
            order = [*commands][repetition % 3 :] + [*commands][: repetition % 3]
            for name in order:
                cache = work / f"cache-{repetition}"
                _run(found[name], commands[name](cache), master)
                if name == "biofs":
                    _check(cache, url.rstrip("/"), groups)
                client = found[name]
                say(
                    f"{name}: {client.seconds[-1]:.2f} s, {client.cpu[-1]:.2f} s of CPU,"
                    f" nginx {client.server_cpu[-1]:.2f} s"
                )
    return list(found.values())


def _warm(url: str, cache: Path) -> list[str]:
    options = ("--rate", "unlimited", "--cache-dir", str(cache), "--details", CATEGORY)
    return [BIOFS, "warm", "--url", url, *options]


def _commands(
    work: Path, url: str, queries: Sequence[str]
) -> dict[str, Callable[[Path], list[str]]]:
    """The commands that are compared; each is given a cache of its own."""
    urls = [f"{url}/api.php?{query}" for query in queries]
    listed, configuration = work / "urls", work / "curl"
    listed.write_text("\n".join(urls))
    configuration.write_text("".join(f'url = "{url}"\noutput = "/dev/null"\n' for url in urls))
    httpx = [sys.executable, "-m", "scripts.benchmarks.processes.bare", str(listed), str(PARALLEL)]
    curl = [
        *(programs.installed("curl"), "--silent", "--fail", "--globoff", "--noproxy", "*"),
        *("--parallel", "--parallel-max", str(PARALLEL), "--config", str(configuration)),
    ]
    return {
        "biofs": lambda cache: _warm(url, cache),
        "httpx": lambda _: httpx,
        "curl": lambda _: curl,
    }


def _run(client: Client, command: Sequence[str], master: int) -> None:
    server, before = _server_cpu(master), os.times()
    start = time.perf_counter()
    done = subprocess.run(
        command, env={**os.environ, **BIOFS_ENV}, capture_output=True, check=False, text=True
    )
    client.seconds.append(time.perf_counter() - start)
    after = os.times()
    if done.returncode:
        raise QuietError(
            f"{client.name} ended with {done.returncode}: {done.stderr.strip()[-300:]}"
        )
    children = (after.children_user, after.children_system)
    client.cpu.append(sum(children) - before.children_user - before.children_system)
    client.server_cpu.append(_server_cpu(master) - server)


def _server_cpu(master: int) -> float:
    workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return sum(Effort.of(int(pid)).cpu for pid in workers)


def _record(work: Path, answers: Path, groups: int) -> None:
    """Have biofs warm up once from a server that keeps what it answers."""
    command = [
        sys.executable,
        "-m",
        "scripts.benchmarks.processes.recording",
        str(answers),
        str(groups),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            _run(Client("biofs", groups), _warm(url, work / "cache"), server.pid)
        finally:
            server.terminate()
    _check(work / "cache", url, groups)


def _check(cache: Path, url: str, groups: int) -> None:
    """Whoever is fast has to have done it all."""
    with closing(sqlite3.connect(trees.store_of(cache, url, DONOR_TOKEN))) as connection:
        (count,) = connection.execute("SELECT count(*) FROM details").fetchone()
    if count != groups:
        raise QuietError(f"biofs has stored {count} details of {groups}")
