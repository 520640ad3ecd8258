"""`biofs mount --snapshot URL`: what is published is fetched once, followed, and exchanged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofs.demo.server.app import create_app
from tests.support import nginx
from tests.support.mounting import Mount, environment, mounted
from tests.support.nginx import Nginx
from tests.support.publisher import NAME, Publisher, kept_files, names, until
from tests.support.server import running
from tests.support.starting import run

DESCRIPTION = "/biofs-snapshot.json"


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    made = Publisher(tmp_path)
    made.publish()
    return made


@pytest.fixture
def web(tmp_path: Path, publisher: Publisher) -> Iterator[Nginx]:
    with nginx.serving(tmp_path / "nginx", publisher.root) as server:
        yield server


def command(base: Path, *arguments: str, code: int = 0) -> str:
    """What a command prints."""
    env = environment(base / "home", XDG_RUNTIME_DIR=str(base / "run"))
    (base / "run").mkdir(mode=0o700, exist_ok=True)
    done = run(arguments, env)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def asked(web: Nginx) -> int:
    """How often the description was asked for."""
    return sum(each.path == DESCRIPTION for each in web.seen())


def group(mount: Mount, ident: int) -> Path:
    [path] = (mount.path / "categories" / NAME).glob(f"*[[]{ident}]")
    return path


def test_a_change_is_shown_and_costs_what_changed(
    tmp_path: Path, publisher: Publisher, web: Nginx
) -> None:
    with mounted(tmp_path, "--snapshot", f"{web.url}/", "--ttl", "1") as mount:
        unchanged = {name for name in names(mount) if not name.endswith("[1]")}
        document = (group(mount, 2) / "group.json").read_bytes()
        (group(mount, 1) / "group.json").read_bytes()
        index = (mount.path / "categories" / NAME / "index.jsonl").read_bytes()
        publisher.rename("A better name")
        found = publisher.publish()
        until(lambda: "A better name [1]" in names(mount))
        assert names(mount) == unchanged | {"A better name [1]"}
        # The kernel is told of names and documents one after the other.
        until(lambda: b'"A better name"' in (group(mount, 1) / "group.json").read_bytes())
        assert (group(mount, 2) / "group.json").read_bytes() == document
        until(lambda: (mount.path / "categories" / NAME / "index.jsonl").read_bytes() != index)
        publisher.source.remove(3)
        publisher.source.insert("New today")
        publisher.publish()
        until(lambda: any(name.startswith("New today") for name in names(mount)))
        assert not any(name.endswith("[3]") for name in names(mount))
        until(lambda: mount.status()["snapshot"]["exchanges"] == 2)
    whole = [each for each in web.seen() if each.path.endswith(".sqlite.zst")]
    deltas = [each for each in web.seen() if each.path.startswith("/delta-")]
    assert (len(whole), len(deltas)) == (1, 2)
    assert deltas[0].sent < found.snapshot.size / 4


def test_open_files_and_directories_keep_what_they_had(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path, groups=1500, details=False)
    publisher.publish()
    with (
        nginx.serving(tmp_path / "nginx", publisher.root) as web,
        mounted(tmp_path, "--snapshot", f"{web.url}/", "--ttl", "1") as mount,
    ):
        category = mount.path / "categories" / NAME
        before = names(mount)
        tag = max(
            (path for path in (mount.path / "tags").iterdir() if path.is_dir()),
            key=lambda path: len(os.listdir(path)),
        )
        assert len(os.listdir(tag)) > 512, "more than a portion"
        tagged = set(os.listdir(tag))
        with (
            os.scandir(category) as listing,
            os.scandir(tag) as links,
            (category / "index.jsonl").open("rb") as read,
            (category / "index.jsonl").open("rb") as unread,
        ):
            begun, begun_links = next(listing).name, next(links).name
            head = read.read(10)
            whole = (category / "index.jsonl").read_bytes()
            for ident in range(2, 1400, 100):
                publisher.source.remove(ident)
            publisher.source.bump(1499, name="Renamed today", tags=("quite-other",))
            publisher.publish()
            until(lambda: "Renamed today [1499]" in names(mount))
            assert {begun, *(entry.name for entry in listing)} == before
            assert {begun_links, *(entry.name for entry in links)} == tagged
            old = head + read.read()
            assert old == unread.read()
            # The kernel cuts what it reads at the size of the file as it is now, whoever reads.
            new = (category / "index.jsonl").read_bytes()
            assert old in (whole, whole[: len(new)])
            assert b"Renamed today" in new
        assert len(names(mount)) == len(before) - 14
        assert b"Renamed today" not in old
        until(lambda: (category / "index.jsonl").read_bytes() == new)
        until(lambda: len([p for p in kept_files(tmp_path / "home") if "sqlite" in p.name]) == 1)


def test_it_mounts_at_once_from_what_it_has(tmp_path: Path, publisher: Publisher) -> None:
    with nginx.serving(tmp_path / "nginx", publisher.root) as web:
        url = f"{web.url}/"
        with mounted(tmp_path, "--snapshot", url) as mount:
            before = names(mount)
    with mounted(tmp_path, "--snapshot", url, "--ttl", "1") as mount:
        assert names(mount) == before
        until(lambda: mount.status()["snapshot"]["problem"])
        assert mount.status()["snapshot"]["problem"] == "the server cannot be reached"
        assert names(mount) == before
    with mounted(tmp_path, "--snapshot", url, "--offline") as mount:
        assert names(mount) == before
        assert mount.status()["snapshot"]["next_check_in_seconds"] is None
    assert "[1]" in command(tmp_path, "ls", "--snapshot", url, NAME)
    (tmp_path / "empty").mkdir()
    other = f"{url}other/"
    said = command(tmp_path, "mount", "--snapshot", other, str(tmp_path / "empty"), code=1)
    assert "the server cannot be reached" in said
    said = command(
        tmp_path, "mount", "--offline", "--snapshot", other, str(tmp_path / "empty"), code=1
    )
    assert "--offline fetches nothing" in said


def test_it_costs_a_conditional_request_an_interval_and_none_at_the_api(
    tmp_path: Path, publisher: Publisher, web: Nginx
) -> None:
    with running(create_app(publisher.source)) as api:
        env = {"BIOFS_URL": api.url, "BIOFS_TOKEN": "unused"}
        with mounted(tmp_path, "--snapshot", f"{web.url}/", "--ttl", "1", env=env) as mount:
            until(lambda: asked(web) >= 4)
            (group(mount, 1) / "group.json").read_bytes()
            os.listdir(mount.path / "tags")
        first, *later = web.seen()
        assert (first.path, first.status) == (DESCRIPTION, 200)
        assert {(each.path, each.status, each.sent) for each in later[1:]} == {
            (DESCRIPTION, 304, 0)
        }
        assert all(each.none_match for each in later[1:])
        with mounted(tmp_path, "--snapshot", f"{web.url}/", name="hourly", env=env) as mount:
            count = len(web.seen())
            (group(mount, 1) / "group.json").read_bytes()
            wait = mount.status()["snapshot"]["next_check_in_seconds"]
            assert 0 < wait <= 3600
            assert len(web.seen()) == count
        assert api.log.entries() == []


def test_two_mounts_of_one_url_download_once(
    tmp_path: Path, publisher: Publisher, web: Nginx
) -> None:
    options = ("--snapshot", f"{web.url}/", "--ttl", "2")
    with mounted(tmp_path, *options) as one, mounted(tmp_path, *options, name="two") as two:
        publisher.rename("For both")
        publisher.publish()
        for mount in (one, two):
            until(lambda m=mount: "For both [1]" in names(m))  # type: ignore[misc]
    paths = [each.path for each in web.seen() if each.path != DESCRIPTION]
    assert len(paths) == len(set(paths)) == 2


def test_refresh_asks_at_once(tmp_path: Path, publisher: Publisher, web: Nginx) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    env = {"XDG_RUNTIME_DIR": str(tmp_path / "run")}
    with mounted(tmp_path, "--snapshot", f"{web.url}/", env=env) as mount:
        place = str(mount.path)
        assert command(tmp_path, "refresh", place) == "unchanged\n"
        publisher.rename("At once")
        publisher.publish()
        assert command(tmp_path, "refresh", place) == "1 group changed\n"
        assert "At once [1]" in names(mount)
        (publisher.root / DESCRIPTION[1:]).write_bytes(b"<html>")
        assert "not a snapshot's description" in command(tmp_path, "refresh", place, code=1)
        said = command(tmp_path, "status", place)
        assert "published" in said
        assert "not a snapshot's description" in said
        assert "At once [1]" in names(mount)


@pytest.mark.parametrize("packed", [True, False], ids=["zst", "sqlite"])
@pytest.mark.parametrize("local", [True, False], ids=["file", "http"])
def test_a_single_file_is_followed_too(
    tmp_path: Path, publisher: Publisher, web: Nginx, packed: bool, local: bool
) -> None:
    name = "lab.sqlite.zst" if packed else "lab.sqlite"

    def put() -> None:
        found = publisher.publish(file := publisher.fresh())
        source = publisher.root / found.snapshot.file if packed else file
        (publisher.root / "fresh").write_bytes(source.read_bytes())
        os.utime(publisher.root / "fresh", (publisher.made, publisher.made))
        (publisher.root / "fresh").replace(publisher.root / name)

    put()
    url = f"file://{publisher.root}/{name}" if local else f"{web.url}/{name}"
    with mounted(tmp_path, "--snapshot", url, "--ttl", "1") as mount:
        assert len(names(mount)) == 31
        publisher.rename("In one file")
        put()
        until(lambda: "In one file [1]" in names(mount))
        assert mount.status()["snapshot"]["problem"] == ""


def test_a_directory_on_a_shared_disk_is_followed(tmp_path: Path, publisher: Publisher) -> None:
    with mounted(tmp_path, "--snapshot", f"file://{publisher.root}", "--ttl", "1") as mount:
        publisher.rename("On a disk")
        publisher.publish()
        until(lambda: "On a disk [1]" in names(mount))


def test_with_a_key_only_what_is_signed_is_shown(
    tmp_path: Path, publisher: Publisher, web: Nginx
) -> None:
    import minisign

    pair = minisign.KeyPair.generate()
    key = pair.public_key.to_base64()
    key = key.decode() if isinstance(key, bytes) else key
    place = tmp_path / "place"
    place.mkdir()
    options = ("--snapshot", f"{web.url}/", "--snapshot-key", key)
    assert "HTTP 404" in command(tmp_path, "mount", *options, str(place), code=1)

    def sign() -> None:
        text = (publisher.root / DESCRIPTION[1:]).read_bytes()
        signature = pair.secret_key.sign(text)
        (publisher.root / f"{DESCRIPTION[1:]}.minisig").write_bytes(bytes(signature))

    sign()
    with mounted(tmp_path, *options, "--ttl", "1") as mount:
        publisher.rename("Not signed")
        publisher.publish()
        until(lambda: "not signed" in mount.status()["snapshot"]["problem"])
        assert "Not signed [1]" not in names(mount)
        sign()
        until(lambda: "Not signed [1]" in names(mount))
    for said in (("ls", NAME), ("find", "Not signed")):
        assert "Not signed" in command(tmp_path, said[0], *options, said[1])
    other = minisign.KeyPair.generate().public_key.to_base64().decode()
    wrong = ("--snapshot", f"{web.url}/", "--snapshot-key", other)
    for said in (("ls", NAME), ("find", "Not signed")):
        assert "not signed with the key" in command(tmp_path, said[0], *wrong, said[1], code=1)
