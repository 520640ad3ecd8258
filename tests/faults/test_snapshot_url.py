"""What is published is wrong, or comes wrongly: what is at hand goes on, and something says why."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest
import trio

from biofs.catalogue.subscription import update as updating
from biofs.catalogue.subscription.addresses import UpdateFailed, redirected
from biofs.catalogue.subscription.update import Updater
from biofs.catalogue.subscription.web import Web
from biofs.store.database.snapshot import opened
from biofs.store.snapshots.description import FILE, encode, parse
from biofs.store.snapshots.kept import Kept, Known
from biofs.store.snapshots.places import Directory
from biofs.store.snapshots.publication import Publication
from tests.support import nginx
from tests.support.file_server import (
    Answering,
    Behaviour,
    FileServer,
    cut_at,
    cut_in_the_header,
    saying,
    serving,
)
from tests.support.mounting import Mount, mounted
from tests.support.publisher import Publisher, altered, digest, kept_files, names, until
from tests.support.publishing import exported, made_up, revised


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    made = Publisher(tmp_path, groups=12)
    made.publish()
    return made


@pytest.fixture
def server(publisher: Publisher) -> Iterator[FileServer]:
    with serving(publisher.root) as running:
        yield running


class Subscriber:
    """One who looks at the server's URL."""

    def __init__(self, base: Path, url: str, clock: Callable[[], float] = time.time) -> None:
        self.kept = Kept(base / "cache", url)
        self._updater = Updater(self.kept, Web(url, timeout=5.0), clock=clock)

    def look(self, *, anew: bool = False) -> Known:
        async def run() -> Known:
            # A client lives as long as its loop.
            source = Web(self.kept.url, timeout=5.0)
            self._updater._source = source  # type: ignore[misc]
            async with source.running():
                return await self._updater.update(anew=anew)

        return trio.run(run)

    def fails(self, **options: bool) -> str:
        with pytest.raises(UpdateFailed) as caught:
            self.look(**options)
        return str(caught.value)

    def group(self, ident: int = 1) -> str:
        """The name of a group in what is at hand."""
        known = self.kept.known()
        assert known is not None
        connection, _ = opened(self.kept.path(known))
        with closing(connection):
            return str(
                connection.execute("SELECT name FROM groups WHERE id = ?", (ident,)).fetchone()[0]
            )

    def files(self) -> set[str]:
        return {path.name for path in self.kept.directory.iterdir()}


@pytest.fixture
def subscriber(tmp_path: Path, server: FileServer) -> Subscriber:
    return Subscriber(tmp_path, f"{server.url}/")


def whole(publisher: Publisher) -> str:
    return f"/{parse((publisher.root / FILE).read_bytes()).snapshot.file}"


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_transfer_that_breaks_off_goes_on_where_it_did(
    publisher: Publisher, server: FileServer, subscriber: Subscriber, share: float
) -> None:
    path = whole(publisher)
    server.behaviour[path] = cut_at(share)
    if share == 0.0:  # nothing came, so it is not tried again at once
        with pytest.raises(UpdateFailed, match="broke off"):
            subscriber.look()
    subscriber.look()
    heard = [each for each in server.heard if each.path == path]
    size = (publisher.root / path[1:]).stat().st_size
    assert sum(each.sent for each in heard) == size, "no byte twice"
    assert [each.status for each in heard] == [200, 206 if share else 200]
    assert subscriber.group().endswith("[1]")


def test_a_transfer_that_breaks_off_goes_on_after_a_restart(
    tmp_path: Path, publisher: Publisher, server: FileServer
) -> None:
    path = whole(publisher)
    size = (publisher.root / path[1:]).stat().st_size

    def never_whole(answering: Answering, content: bytes) -> None:
        answering.serve(content, cut=size // 8)

    server.behaviour[path] = never_whole
    assert "broke off" in Subscriber(tmp_path, f"{server.url}/").fails()
    del server.behaviour[path]
    subscriber = Subscriber(tmp_path, f"{server.url}/")
    subscriber.look()
    assert sum(each.sent for each in server.heard if each.path == path) == size
    assert subscriber.files() == {"lock", "snapshot.json", subscriber.kept.known().file}  # type: ignore[union-attr]


def test_a_transfer_that_breaks_off_in_the_header(
    publisher: Publisher, server: FileServer, subscriber: Subscriber
) -> None:
    server.behaviour[whole(publisher)] = cut_in_the_header()
    assert "broke off" in subscriber.fails()
    subscriber.look()
    assert subscriber.group()


def test_a_server_that_ignores_ranges_doubles_nothing(
    publisher: Publisher, server: FileServer, subscriber: Subscriber
) -> None:
    times = [0]

    def ignorant(answering: Answering, content: bytes) -> None:
        times[0] += 1
        answering.say(200, content, cut=len(content) // 2 if times[0] == 1 else None)

    server.behaviour[whole(publisher)] = ignorant
    subscriber.look()
    assert times[0] == 2
    assert subscriber.group()


def test_a_range_of_another_part_is_refused(
    publisher: Publisher, server: FileServer, subscriber: Subscriber
) -> None:
    times = [0]

    def wrong(answering: Answering, content: bytes) -> None:
        times[0] += 1
        if times[0] == 1:
            answering.serve(content, cut=100)
        else:
            size = len(content)
            answering.say(206, content[7:], content_range=f"bytes 7-{size - 1}/{size}")

    server.behaviour[whole(publisher)] = wrong
    assert "another part" in subscriber.fails()


def _altered_description(publisher: Publisher, **changes: object) -> None:
    file = publisher.root / FILE
    file.write_bytes(encode(msgspec.structs.replace(parse(file.read_bytes()), **changes)))


WRONG_DESCRIPTIONS: list[tuple[str, Behaviour, str]] = [
    ("html", saying(200, b"<html>welcome</html>"), "not a snapshot's description"),
    ("empty", saying(200, b""), "not a snapshot's description"),
    ("404", saying(404, b"none"), "HTTP 404"),
    ("500", saying(500, b"oh"), "HTTP 500"),
    ("format", saying(200, b'{"format": 99}'), "format 99"),
    ("large", saying(200, b" " * (2 << 20)), "larger than"),
    ("cut", cut_at(0.5, times=99), "broke off"),
    ("header", cut_in_the_header(times=99), "broke off"),
    ("a file", saying(302, b"", location="file:///etc/passwd"), "redirects to what is not"),
    ("loop", saying(302, b"", location=f"/{FILE}"), "without end"),
    ("nowhere", saying(302, b""), "to nowhere"),
    ("nowhere", saying(302, b"", location="https://a:b@host/"), "to nowhere"),
    ("gzip", saying(200, b"nonsense", content_encoding="gzip"), "compression is broken"),
]


@pytest.mark.parametrize(
    ("behaviour", "why"), [case[1:] for case in WRONG_DESCRIPTIONS], ids=lambda case: str(case)[:20]
)
def test_a_wrong_description_changes_nothing(
    publisher: Publisher, server: FileServer, subscriber: Subscriber, behaviour: Behaviour, why: str
) -> None:
    before = subscriber.look()
    publisher.rename("Never shown")
    publisher.publish()
    server.behaviour[f"/{FILE}"] = behaviour
    assert why in subscriber.fails(anew=True)
    assert subscriber.kept.known() == before
    assert subscriber.group()


def test_an_older_description_of_a_slow_cache_is_refused(
    publisher: Publisher, server: FileServer, subscriber: Subscriber
) -> None:
    older = (publisher.root / FILE).read_bytes()
    publisher.rename("A later name")
    publisher.publish()
    subscriber.look()
    server.behaviour[f"/{FILE}"] = saying(200, older, etag='"cached"')
    assert "older" in subscriber.fails()
    assert subscriber.group() == "A later name [1]"


def test_another_catalogue_is_refused(
    publisher: Publisher, server: FileServer, subscriber: Subscriber
) -> None:
    subscriber.look()
    _altered_description(publisher, catalogue="https://evil.example", made=publisher.made + 5)
    assert "another catalogue (https://evil.example)" in subscriber.fails()


def test_a_snapshot_of_another_catalogue_than_described_is_refused(
    tmp_path: Path, publisher: Publisher, server: FileServer, subscriber: Subscriber
) -> None:
    before = subscriber.look()
    changed = altered(
        publisher.fresh(),
        tmp_path / "other.sqlite",
        "UPDATE meta SET value = 'https://evil.example' WHERE key = 'snapshot of'",
        "DELETE FROM meta WHERE key = 'snapshot sums'",
    )
    publisher.publish(changed, deltas=False)
    assert "another catalogue" in subscriber.fails()
    assert subscriber.kept.known() == before


HOSTILE = {
    "view": "CREATE VIEW v AS SELECT 1",
    "trigger": "CREATE TRIGGER t AFTER INSERT ON groups BEGIN SELECT 1; END",
    "table": "CREATE TABLE strange (a)",
    "version": "PRAGMA user_version = 99",
    "owner": "PRAGMA application_id = 7",
}


@pytest.mark.parametrize("statement", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_snapshot_does_not_take_the_place_of_a_good_one(
    tmp_path: Path,
    publisher: Publisher,
    server: FileServer,
    subscriber: Subscriber,
    statement: str,
) -> None:
    before = subscriber.look()
    publisher.rename("Hostile")
    hostile = altered(publisher.fresh(), tmp_path / "hostile.sqlite", statement)
    ident = digest(hostile)
    publisher._id = lambda _file: ident  # type: ignore[method-assign]
    publisher.publish(hostile, deltas=False)
    first = subscriber.fails()
    asked = len([each for each in server.heard if each.path == whole(publisher)])
    assert subscriber.fails() == first
    again = len([each for each in server.heard if each.path == whole(publisher)])
    assert (asked, again) == (1, 1), "what is wrong is not fetched again and again"
    assert subscriber.kept.known() == before
    assert subscriber.files() == {"lock", "snapshot.json", before.file}


def test_a_wrong_checksum_and_a_wrong_size_are_refused(
    publisher: Publisher, server: FileServer, subscriber: Subscriber
) -> None:
    before = subscriber.look()
    publisher.rename("Another")
    found = publisher.publish(deltas=False)
    file = publisher.root / found.snapshot.file
    good = file.read_bytes()
    file.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert "checksum" in subscriber.fails()
    file.write_bytes(good + b"more")
    assert "larger than was said" in subscriber.fails(anew=True)
    file.write_bytes(good[:-4])
    assert subscriber.fails(anew=True)
    assert subscriber.kept.known() == before
    file.write_bytes(good)
    assert subscriber.look(anew=True).id == found.snapshot.id
    assert subscriber.group() == "Another [1]"


def test_a_damaged_delta_is_replaced_by_the_whole(
    publisher: Publisher, server: FileServer, subscriber: Subscriber
) -> None:
    subscriber.look()
    publisher.rename("Whole")
    found = publisher.publish()
    [delta] = found.deltas
    file = publisher.root / delta.file
    file.write_bytes(bytes(delta.size))
    subscriber.look()
    assert subscriber.group() == "Whole [1]"
    paths = [each.path for each in server.heard]
    assert f"/{delta.file}" in paths
    assert f"/{found.snapshot.file}" in paths


def test_redirects_lead_to_another_host_and_never_from_https_to_http(
    tmp_path: Path, publisher: Publisher, server: FileServer
) -> None:
    with serving(tmp_path) as other:
        for name in (FILE, whole(publisher)[1:]):
            other.behaviour[f"/moved/{name}"] = saying(302, b"", location=f"{server.url}/{name}")
        subscriber = Subscriber(tmp_path, f"{other.url}/moved/")
        subscriber.look()
        assert subscriber.group()
    with pytest.raises(UpdateFailed, match="plain http"):
        redirected("https://host/a", "http://host/a")
    assert redirected("https://host/a/b", "c") == "https://host/a/c"


def test_a_full_disk_is_said_before_anything_is_fetched(
    publisher: Publisher,
    server: FileServer,
    subscriber: Subscriber,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = subscriber.look()
    publisher.rename("No room")
    publisher.publish()
    full = shutil.disk_usage("/")._replace(free=1 << 20)
    with monkeypatch.context() as patch:
        patch.setattr(updating.shutil, "disk_usage", lambda _path: full)
        heard = len(server.heard)
        assert "not enough room" in subscriber.fails()
        assert [each.path for each in server.heard[heard:]] == [f"/{FILE}"]
    assert subscriber.kept.known() == before
    subscriber.look()
    assert subscriber.group() == "No room [1]"


def test_what_is_published_within_a_second_is_seen_by_who_asks_nginx(tmp_path: Path) -> None:
    root = tmp_path / "www"
    root.mkdir()
    groups = made_up(12)
    days = [groups, *([revised(groups[0], f"Day {n}."), *groups[1:]] for n in range(1, 4))]
    fresh = [exported(each, tmp_path / f"day-{n}") for n, each in enumerate(days)]
    with nginx.serving(tmp_path / "nginx", root) as web:
        subscriber = Subscriber(tmp_path, f"{web.url}/")
        for number, file in enumerate(fresh):
            work = tmp_path / f"work-{number}"
            work.mkdir()
            found = Publication(Directory(root), work, None, 1_800_000_000).publish(file)
            assert subscriber.look().id == found.description.snapshot.id
        subscriber.look()
        statuses = [each.status for each in web.seen() if each.path == f"/{FILE}"]
    assert statuses == [200, 200, 200, 200, 304]


@pytest.mark.parametrize("ahead", [-1e9, 1e9])
def test_a_wrong_clock_stops_nothing(
    tmp_path: Path, publisher: Publisher, server: FileServer, ahead: float
) -> None:
    Subscriber(tmp_path, f"{server.url}/", lambda: time.time() + ahead).look()
    publisher.rename("Later")
    publisher.publish()
    subscriber = Subscriber(tmp_path, f"{server.url}/")
    subscriber.look()
    assert subscriber.group() == "Later [1]"


def test_a_mount_says_once_why_nothing_newer_comes(
    tmp_path: Path, publisher: Publisher, server: FileServer
) -> None:
    with mounted(tmp_path, "--snapshot", f"{server.url}/", "--ttl", "1") as mount:
        before = names(mount)
        server.behaviour[f"/{FILE}"] = saying(200, b"<html>")
        until(lambda: mount.status()["snapshot"]["problem"])
        asked = len(server.heard)
        until(lambda: len(server.heard) > asked + 2)
        assert names(mount) == before
        assert mount.log.read_text().count("what is at hand goes on") == 1
        del server.behaviour[f"/{FILE}"]
        publisher.rename("Well again")
        publisher.publish()
        until(lambda: "Well again [1]" in names(mount))
        until(lambda: mount.status()["snapshot"]["problem"] == "")
        assert mount.log.read_text().count("answers again") == 1


def test_killed_at_any_time_it_mounts_the_old_or_the_new_one(
    tmp_path: Path, publisher: Publisher, server: FileServer
) -> None:
    random.seed(14)
    expected = {names_of(publisher)}
    for number in range(6):
        with killed_in_the_end(tmp_path, f"{server.url}/", f"m{number}") as mount:
            shown = [name for name in names(mount) if name.endswith("[1]")]
            assert shown[0] in expected
            publisher.rename(f"Number {number}")
            publisher.publish()
            expected = {shown[0], f"Number {number} [1]"}
            time.sleep(random.uniform(0.3, 1.6))
    with mounted(tmp_path, "--snapshot", f"{server.url}/", "--ttl", "1", name="last") as mount:
        until(lambda: "Number 5 [1]" in names(mount))
        until(lambda: len([p for p in kept_files(tmp_path / "home") if "sqlite" in p.name]) == 1)
    left = {path.name for path in kept_files(tmp_path / "home")}
    assert {name for name in left if not name.endswith(".sqlite")} == {"lock", "snapshot.json"}


def names_of(publisher: Publisher) -> str:
    found = publisher.source.group(1)
    assert found is not None
    return f"{found.name} [1]"


@contextmanager
def killed_in_the_end(base: Path, url: str, name: str) -> Iterator[Mount]:
    """A mount whose process is killed when the context ends."""
    with (
        pytest.raises(AssertionError, match="exit code -9"),
        mounted(base, "--snapshot", url, "--ttl", "1", name=name) as mount,
    ):
        yield mount
        mount.process.kill()
        mount.process.wait()
        subprocess.run(["fusermount3", "-u", "-z", str(mount.path)], check=True)


KILLED_AT = """
import os, signal, sys
from pathlib import Path
import trio
from biofs.catalogue.subscription.update import Updater
from biofs.catalogue.subscription.web import Web
from biofs.store.snapshots.kept import Kept

left = int(sys.argv[3])

def dying(call):
    def wrapper(*args, **kwargs):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)
    return wrapper

async def main():
    source = Web(sys.argv[2], timeout=5.0)
    async with source.running():
        await Updater(Kept(Path(sys.argv[1]), sys.argv[2]), source).update()

os.fsync = dying(os.fsync)
for name in ("rename", "replace", "unlink", "chmod"):
    setattr(Path, name, dying(getattr(Path, name)))
trio.run(main)
"""


def test_killed_at_each_step_it_has_the_old_or_the_new_one_and_leaves_nothing(
    tmp_path: Path, publisher: Publisher, server: FileServer
) -> None:
    subscriber = Subscriber(tmp_path, f"{server.url}/")
    old = subscriber.look()
    publisher.rename("The new one")
    new = publisher.publish().snapshot.id
    seen = set()
    for step in range(1, 100):
        shutil.rmtree(tmp_path / "trial", ignore_errors=True)
        shutil.copytree(tmp_path / "cache", tmp_path / "trial")
        arguments = [str(tmp_path / "trial"), f"{server.url}/", str(step)]
        done = subprocess.run([sys.executable, "-c", KILLED_AT, *arguments], check=False)
        kept = Kept(tmp_path / "trial", f"{server.url}/")
        known = kept.known()
        assert known is not None
        seen.add((known.id, done.returncode))
        opened(kept.path(known))[0].close()
        kept.sweep()
        files = {path.name.partition("-")[0] for path in kept.directory.iterdir()}
        assert files <= {"lock", "snapshot.json", known.file, "fetching"}
        if done.returncode == 0:
            break
    assert seen == {(old.id, -9), (new, -9), (new, 0)}
