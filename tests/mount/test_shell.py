"""biofs in a shell: `biofs ls` and `find`, names typed and completed, and what that costs."""

from __future__ import annotations

import json
import os
import pty
import select
import shlex
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from biofs.store.rows import PORTION
from biofs.tree import names
from tests.support.commands import Case
from tests.support.mounting import Mount, environment, mounted
from tests.support.server import running

GROUPS = 2 * PORTION + 20
PAGES = -(-GROUPS // 50)
ADH1 = "Alcohol dehydrogenase ADH1 [1]"


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Case]:
    """A user of a server with one large category."""
    (tmp_path / "home").mkdir()
    with running(create_app(Generated(GROUPS, 2, 3, categories=(1,)))) as server:
        yield Case(server, tmp_path)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    """A user of a server with the embedded catalogue."""
    (tmp_path / "home").mkdir()
    with running(create_app(embedded())) as server:
        yield Case(server, tmp_path)


def cost(case: Case, action: Callable[[], object]) -> list[str]:
    before = case.server.log.count()
    action()
    return [request.action for request in case.server.log.entries()[before:]]


def rows(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_category_costs_its_listing_once_and_known_nothing(large: Case) -> None:
    found: list[str] = []

    def ls(*arguments: str) -> None:
        found.append(large.run("ls", *arguments))

    with large.mount() as mount:
        assert cost(large, lambda: ls("Sequences", "--known")) == []
        assert found.pop() == ""
        assert cost(large, lambda: ls("Sequences", "--json")) == ["browse"] * PAGES
        assert cost(large, lambda: ls("categories/Sequences", "--json")) == []
        assert cost(large, lambda: ls(f"{mount.path}/categories/Sequences", "--json")) == []
        assert found[0] == found[1] == found[2]
        listed = rows(found[0])
        assert len(listed) == GROUPS
        category = mount.path / "categories/Sequences"
        assert {row["path"] for row in listed} == {
            str(category / name) for name in os.listdir(category) if name != "index.jsonl"
        }
        for row in listed[:3]:
            group = json.loads(Path(row["path"], "group.json").read_bytes())
            assert (row["id"], row["year"]) == (group["id"], group["year"])
            torrents = [
                json.loads(p.read_bytes()) for p in Path(row["path"]).glob("*/torrent.json")
            ]
            for field, of_torrent in (("size", "size"), ("files", "fileCount")):
                assert row[field] == sum(torrent[of_torrent] for torrent in torrents)
            assert row["seeders"] == sum(torrent["seeders"] for torrent in torrents)
    assert cost(large, lambda: ls("Sequences", "--json")) == []
    from_store = rows(found[-1])
    assert [row["id"] for row in from_store] == [row["id"] for row in listed]
    assert from_store[0]["path"] == f"categories/Sequences/{from_store[0]['name']}"


def test_views_cost_what_ls_costs(case: Case) -> None:
    with case.mount() as mount:
        place = mount.path
        for path, action in {
            "": None,
            "tags": None,
            "groups": None,
            "search/genome": "browse",
            "collages/3": "collage",
            "tags/fungi": "browse",
        }.items():
            expected = [action] if action else []
            assert cost(case, lambda path=path: case.run("ls", path)) == expected, path
            assert cost(case, lambda path=path: case.run("ls", f"{place}/{path}")) == [], path
            assert cost(case, lambda path=path: os.listdir(place / path)) == [], path
        ids = {row["id"] for row in rows(case.run("ls", "tags/fungi", "--json"))}
        assert ids == {names.id_of(name) for name in os.listdir(place / "tags/fungi")} - {None}
        said = case.run("ls", "search/another", "--known", code=1)
        assert said.endswith("not known yet: without --known it is asked for")
        assert cost(case, lambda: case.run("ls", "groups/1")) == ["torrentgroup"]
        assert case.run("ls", "groups/1").split("\t")[-1] == "FASTA, Sanger, Contig [1]\n"


def test_sorting_and_filters(case: Case) -> None:
    with case.mount():
        found = rows(case.run("ls", "Images", "--json", "--sort", "size", "--limit", "3"))
        assert [row["size"] for row in found] == sorted(
            (row["size"] for row in rows(case.run("ls", "Images", "--json"))), reverse=True
        )[:3]
        table = case.run("ls", "Images", "--year", "2018", "--sort", "seeders", "-r")
        lines = [line.split("\t") for line in table.splitlines()]
        assert len(lines) == 2
        assert {line[0] for line in lines} == {"2018"}
        assert [line[-1] for line in lines] == [
            "Applied Proteogenomics OrganizationaL Learning and Outcomes (APOLLO) Image Data [48]",
            "Knee MRI with radiologists' reports [35]",
        ]
        names_only = case.run("ls", "Images", "--match", "flora").split("\t")[-1]
        assert names_only == "Herbarium sheets of the Flora Danica [60]\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["Nothing"], 1, "Nothing: nothing to make a table of: `ls` shows it"),
        (["users"], 1, "users: nothing to make a table of: `ls` shows it"),
        (["groups/999999"], 1, "No such file or directory"),
        (["Images", "--sort", "groups"], 2, "--sort groups: not here: there are name, "),
        (["tags", "--min-size", "1G"], 2, "only --match, --sort and --limit are of use here"),
        (["Images", "--year", "x"], 2, "--year: a year, or a span of years such as 2000-2005"),
        (["Images", "--min-size", "large"], 2, "--min-size: a size is a number and K, M, G or T"),
    ],
)
def test_mistakes_are_said_in_a_line(
    case: Case, arguments: list[str], code: int, said: str
) -> None:
    with case.mount():
        assert said in case.run("ls", *arguments, code=code)


def test_a_mount_of_the_embedded_catalogue_is_found_and_entered(tmp_path: Path) -> None:
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    (tmp_path / "home").mkdir()
    env = environment(tmp_path / "home", XDG_RUNTIME_DIR=str(runtime))
    with mounted(tmp_path, "--demo", env=env) as mount:
        biofs = f"{shlex.quote(sys.executable)} -m biofs"
        os.listdir(mount.path / "categories/Sequences")
        done = subprocess.run(
            ["bash", "-c", f'cd "$({biofs} find adh1 | head -1)" && pwd && {biofs} ls'],
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            cwd=tmp_path,
        )
        where, *shown = done.stdout.splitlines()
        assert where == str(mount.path / "categories/Sequences" / ADH1)
        assert [line.split("\t")[-1] for line in shown] == ["FASTA, Sanger, Contig [1]"]
        assert done.stderr == ""


def test_the_newest_come_first(case: Case) -> None:
    with case.mount() as mount:
        listed = mount.run("ls", "-t", "categories/Sequences").splitlines()
        listed.remove("index.jsonl")
        told = rows(case.run("ls", "Sequences", "--json", "--sort", "time"))
        times = {row["name"]: row["time"] for row in told}
        assert set(listed) == set(times)
        assert [times[name] for name in listed] == sorted(times.values(), reverse=True)
        assert [row["time"] for row in told] == sorted(times.values(), reverse=True)
        assert len(set(times.values())) > 20, "and not because all are of one time"


def test_every_name_survives_a_shell(case: Case) -> None:
    """As `printf %q`, `ls` and completion write it, each name leads back to where it was."""
    script = (
        "shopt -s nullglob; for place in categories/*/*/; do name=${place%/};"
        ' eval "cd $(printf %q "$name")" || exit 1; [[ $PWD == "$root/$name" ]] || exit 2;'
        ' eval "cd $(ls -d --quoting-style=shell-escape -- "$root/$name")" || exit 3; cd "$root";'
        " echo; done"
    )
    with case.mount() as mount:
        for category in os.listdir(mount.path / "categories"):
            os.listdir(mount.path / "categories" / category)
        done = mount.run(
            "bash",
            "-c",
            f"root=$PWD; {script}",
            env={**os.environ, "PWD": str(mount.path), "LANG": "C.UTF-8"},
        )
        assert done.count("\n") == 79


def typed_in_bash(mount: Mount, keys: str, until: str) -> str:
    """What an interactive bash in the mount shows once `until` is there, after these keys."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(mount.path)
        env = {"PATH": os.environ["PATH"], "PS1": "ready> ", "TERM": "dumb", "LANG": "C.UTF-8"}
        os.execve("/bin/bash", ["bash", "--noprofile", "--norc", "-i"], env)
    termios.tcsetwinsize(terminal, (24, 400))
    shown = ""
    try:
        shown += _read(terminal, "ready> ")
        os.write(terminal, keys.encode())
        shown += _read(terminal, until)
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)
    return shown


def _read(terminal: int, until: str) -> str:
    shown, deadline = "", time.monotonic() + 30
    while until not in shown:
        ready = select.select([terminal], [], [], max(deadline - time.monotonic(), 0))[0]
        assert ready, f"{until!r} does not come: {shown!r}"
        shown += os.read(terminal, 4096).decode(errors="replace")
    return shown


def test_completing_names_in_bash_costs_no_request(case: Case) -> None:
    quoted = "Alcohol\\ dehydrogenase\\ ADH1\\ \\[1\\]/"
    with case.mount() as mount:
        assert cost(
            case, lambda: typed_in_bash(mount, "ls cat\tSeq\tAlc\t", f"Sequences/{quoted}")
        ) == ["browse"], "what listing the category costs"
        for keys, until in {
            "ls cat\tSeq\tAlc\t": f"categories/Sequences/{quoted}",
            "ls cat\tSeq\tAlc\tFA\t": "FASTA\\,\\ Sanger\\,\\ Contig\\ \\[1\\]/",
            "cd cat\tSeq\tAlc\t": f"categories/Sequences/{quoted}",
            "ls cat\tSeq\t\t\t": "Variant calls of 1,135 Arabidopsis accessions [42]",
            "ls tag\t": "tags/",
        }.items():
            assert cost(case, lambda k=keys, u=until: typed_in_bash(mount, k, u)) == [], keys
        # What it lists, and a file whose name is whole, bash looks at: these are the documents.
        keys = "ls cat\tSeq\tAlc\t\t\t"
        assert cost(case, lambda: typed_in_bash(mount, keys, "group.json")) == ["torrentgroup"]
        assert cost(case, lambda: typed_in_bash(mount, keys, "group.json")) == []
        keys = "cat cat\tSeq\tPot\tgr\t"
        assert cost(case, lambda: typed_in_bash(mount, keys, "group.json ")) == ["torrentgroup"]


def test_a_live_line_stands_below_the_log(case: Case) -> None:
    place = case.base / "mnt"
    place.mkdir()
    pid, terminal = pty.fork()
    if pid == 0:
        arguments = [sys.executable, "-m", "biofs", "mount", "-f", "--rate", "1/6", str(place)]
        os.execve(sys.executable, arguments, {**case.environment(), "TERM": "xterm"})
    termios.tcsetwinsize(terminal, (24, 120))
    try:
        shown = _read(terminal, f"mounted on {place}\r\n")
        os.listdir(place / "categories/Images")
        shown += _read(terminal, " · pace 1/6 · 1 sent · ")
        os.write(terminal, b"\x03")
        shown += _read(terminal, "ends on SIGINT\r\n")
        while True:
            try:
                shown += os.read(terminal, 4096).decode()
            except OSError:
                break  # how Linux says that the other end of a terminal is closed
    finally:
        os.close(terminal)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code == 0
    assert "\x1b[3" not in shown.replace("\x1b[K", ""), "no colours"
    last = shown.replace("\r\n", "\n").split("\n")[-1]
    assert last.rpartition("\x1b[K")[2] == "", "nothing of it stays"


def test_watching_says_a_line_at_a_time_where_there_is_no_terminal(case: Case) -> None:
    with case.mount() as mount:
        process = case.start("status", "--watch", str(mount.path))
        assert process.stdout is not None
        assert process.stdout.readline().startswith("queue 0 · 0 sent · ")
        os.listdir(mount.path / "categories/Images")
        while " · 1 sent · " not in (line := process.stdout.readline()):
            assert line
        mount.process.terminate()
        _, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert err.count("\n") == 1
        assert err.startswith("biofs: ")
