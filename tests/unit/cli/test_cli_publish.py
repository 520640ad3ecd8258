"""`biofs export` and `biofs publish`: files, a directory, a bucket; keys and signatures."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import minisign
import pytest

from biofs.cli import main
from biofs.settings.load import load
from biofs.store.database.files import store_path
from biofs.store.database.snapshot import Snapshot
from biofs.store.snapshots import description, packing
from biofs.store.snapshots.cache import mountable
from biofs.store.snapshots.description import Description
from scripts.benchmarks.making.filling import fill
from tests.support.object_store import ACCESS, SECRET, ObjectStore, object_store
from tests.support.publishing import exported, id_of, made_up, revised

GROUPS = made_up(12)
NAMES = {"biofs-snapshot.json", ".biofs-publish.lock"}

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without an account and with an empty home."""
    for variable in [name for name in os.environ if name.startswith(("BIOFS_", "AWS_"))]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user's cache"))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    settings = load({"cache_dir": str(tmp_path / "cache"), "offline": True}, {})
    path = store_path(settings)
    assert path is not None
    fill(path, GROUPS)
    return path


@pytest.fixture
def run(store: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    def run(command: str, *arguments: str) -> tuple[int, str, str]:
        code = main([command, "--cache-dir", str(store.parent), *arguments])
        out, err = capfd.readouterr()
        assert SECRET not in out + err
        return code, out, err

    return run


def described(place: Path) -> Description:
    return description.parse((place / description.FILE).read_bytes())


# Export.


def test_an_export_is_compressed_unless_it_is_to_be_plain(run: Run, tmp_path: Path) -> None:
    packed, plain = tmp_path / "packed", tmp_path / "plain"
    said = "12 categories listed, details of 12 of 12 groups\n"
    assert run("export", str(packed))[1].endswith(said)
    assert run("export", "--plain", str(plain))[1].endswith(said)
    assert packing.is_packed(packed)
    assert plain.read_bytes().startswith(b"SQLite format 3\0")
    assert mountable(packed, tmp_path / "unpacked").read_bytes() == plain.read_bytes()
    assert {stat.S_IMODE(file.stat().st_mode) for file in (packed, plain)} == {0o666 & ~_umask()}
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def test_an_export_is_the_same_again(run: Run, tmp_path: Path) -> None:
    files = [tmp_path / "one", tmp_path / "other"]
    for file in files:
        assert run("export", str(file))[0] == 0
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_compressed_one_is_searched_and_listed(run: Run, tmp_path: Path, capfd: object) -> None:
    file = tmp_path / "file"
    run("export", str(file))
    assert main(["ls", "--snapshot", str(file), "--json", "categories"]) == 0
    assert main(["find", "--snapshot", str(file), "genome"]) in {0, 1}
    assert len(list((tmp_path / "user's cache/biofs/snapshots").glob("*.sqlite"))) == 1


def test_what_biofs_exported_before_still_mounts() -> None:
    before = Path(__file__).parents[2] / "data/stores/exported-before.sqlite"
    with closing(Snapshot(mountable(before))) as store:
        assert store.about.made == 1_800_000_000.0
        times = store.rows("SELECT DISTINCT seen > 1e9 AND seen < 2e9 FROM groups")
        assert times == [(1,)]


# Publish.


def test_a_directory_gets_snapshot_delta_and_description(
    run: Run, store: Path, tmp_path: Path
) -> None:
    place = tmp_path / "www"
    place.mkdir()
    code, out, err = run("publish", str(place))
    first = described(place)
    assert (code, err) == (0, "")
    assert out.startswith(f"{first.snapshot.file}: 12 groups, ")
    assert {path.name for path in place.iterdir()} == {*NAMES, first.snapshot.file}
    assert first.catalogue == "https://torrents.bio"
    assert run("publish", str(place))[1] == f"{first.snapshot.file}: nothing has changed\n"
    fill(store, [revised(GROUPS[3])])
    assert ", change " in run("publish", str(place))[1]
    second = described(place)
    assert [step.to_id for step in second.deltas] == [second.snapshot.id]
    assert list(store.parent.glob(".publishing-*")) == []


def test_what_cannot_be_is_said_in_a_line(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "www"
    key = tmp_path / "key"
    for arguments, problem in (
        ([str(place)], f"{place}: no such directory"),
        (["--endpoint", "http://x", str(tmp_path)], "--endpoint: only a bucket has one"),
        (["--key", str(key), str(tmp_path)], f"{key}: no such file; `minisign -G` makes a key"),
        (["--url", "https://elsewhere.example", str(tmp_path)], "nothing is known of"),
    ):
        code, out, err = run("publish", *arguments)
        assert code
        assert out == ""
        assert problem in err
        assert err.count("\n") == 1


def test_a_directory_that_cannot_be_written_is_said(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "www"
    place.mkdir()
    (place / ".biofs-publish.lock").mkdir()
    code, _, err = run("publish", str(place))
    assert code == 1
    assert "Is a directory" in err


def written_key(tmp_path: Path, password: str = "") -> tuple[Path, str]:
    pair = minisign.KeyPair.generate()
    if password:
        pair.secret_key.encrypt(password, opslimit=1 << 15, memlimit=1 << 20)
    file = tmp_path / "biofs.key"
    file.write_bytes(bytes(pair.secret_key) + b"\n")
    file.chmod(0o600)
    return file, pair.public_key.to_base64().decode()


def test_a_key_signs(run: Run, tmp_path: Path) -> None:
    file, public = written_key(tmp_path)
    assert run("publish", "--key", str(file), str(tmp_path))[0] == 0
    signature = (tmp_path / description.SIGNATURE_FILE).read_bytes()
    description.verify((tmp_path / description.FILE).read_bytes(), signature, public)


def test_a_password_is_taken_from_the_environment(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, _ = written_key(tmp_path, "open sesame")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert "put it into BIOFS_SIGNING_PASSWORD" in run("publish", "--key", str(file), ".")[2]
    monkeypatch.setenv("BIOFS_SIGNING_PASSWORD", "wrong")
    assert "not a key that can sign: wrong password" in run("publish", "--key", str(file), ".")[2]
    monkeypatch.setenv("BIOFS_SIGNING_PASSWORD", "open sesame")
    assert run("publish", "--key", str(file), str(tmp_path))[0] == 0


def test_a_key_that_others_can_read_or_that_is_none_is_refused(run: Run, tmp_path: Path) -> None:
    file, _ = written_key(tmp_path)
    file.chmod(0o644)
    assert "others can read it" in run("publish", "--key", str(file), str(tmp_path))[2]
    file.write_bytes(b"nonsense\nnonsense\n")
    file.chmod(0o600)
    assert "not a key that can sign" in run("publish", "--key", str(file), str(tmp_path))[2]


MINISIGN = "/usr/bin/minisign"


def test_the_program_and_biofs_understand_each_other(
    run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    key, public = tmp_path / "biofs.key", tmp_path / "biofs.pub"
    subprocess.run([MINISIGN, "-G", "-W", "-s", key, "-p", public], check=True, capture_output=True)
    key.chmod(0o600)
    place = tmp_path / "www"
    place.mkdir()
    assert run("publish", "--key", str(key), str(place))[0] == 0
    verify = [MINISIGN, "-V", "-p", public, "-m", place / description.FILE]
    subprocess.run(verify, check=True, capture_output=True)
    file = tmp_path / "file"
    run("export", str(file))
    find = ["find", "--snapshot", str(file), "genome"]
    config = tmp_path / "config/biofs"
    config.mkdir(parents=True)
    (config / "config.toml").write_text(f"snapshot_key = {json.dumps(str(public))}\n")
    assert main(find) == 1, "a signature is wanted, and there is none"
    subprocess.run([MINISIGN, "-S", "-s", key, "-m", file], check=True, capture_output=True)
    assert main(find) in {0, 1}
    (config / "config.toml").unlink()
    for command in (find, ["ls", "--snapshot", str(file), "categories"]):
        assert main([*command, "--snapshot-key", str(public)]) in {0, 1}
        assert "not signed" not in capfd.readouterr().err
        assert (
            main(
                [
                    *command,
                    "--snapshot-key",
                    "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3",
                ]
            )
            == 1
        )
        assert "not signed with the key" in capfd.readouterr().err
    (config / "config.toml").write_text(f"snapshot_key = {json.dumps(str(public))}\n")
    settings = load({"snapshot": str(file)}, {}, config / "config.toml")
    assert settings.snapshot_key == public.read_text().splitlines()[1]
    assert mountable(file, tmp_path, key=settings.snapshot_key)


# A bucket.


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


def text_of(there: ObjectStore) -> Description:
    return description.parse(there.objects["lab/catalogue/biofs-snapshot.json"][0])


@pytest.mark.usefixtures("credentials")
def test_a_bucket_gets_the_same(run: Run, store: Path, tmp_path: Path) -> None:
    with object_store() as there:
        arguments = ("publish", "--endpoint", there.url, "s3://lab/catalogue")
        code, out, err = run(*arguments)
        assert (code, err) == (0, "")
        first = text_of(there)
        content, headers = there.objects[f"lab/catalogue/{first.snapshot.file}"]
        assert len(content) == first.snapshot.size
        assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert there.objects["lab/catalogue/biofs-snapshot.json"][1] == {
            "Content-Type": "application/json",
            "Cache-Control": "no-cache",
        }
        there.objects[f"lab/catalogue/delta-{'a' * 16}.zst"] = b"left over", {}
        there.objects["lab/catalogue/other"] = b"not ours", {}
        fill(store, [revised(GROUPS[3])])
        code, out, err = run(*arguments)
        assert (code, err) == (0, "")
        assert ", change " in out
        second = text_of(there)
        assert set(there.names()) == {
            f"lab/catalogue/{name}"
            for name in (
                *(description.FILE, "other", first.snapshot.file, second.snapshot.file),
                second.deltas[0].file,
            )
        }
        last = [path for method, path in there.asked if method == "PUT"][-1]
        assert last.endswith("biofs-snapshot.json")
        file = tmp_path / "file"
        file.write_bytes(there.objects[f"lab/catalogue/{second.snapshot.file}"][0])
        packing.unpack(file, tmp_path / "into", second.snapshot)
        assert id_of(tmp_path / "into") == second.snapshot.id


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(
    ("url", "refuses", "problem"),
    [
        ("s3://nowhere/x", "", "s3://nowhere: NoSuchBucket: why"),
        ("s3://lab/x", "AccessDenied", "s3://lab: AccessDenied: why"),
        ("s3:///x", "", "a bucket is s3://BUCKET/PREFIX"),
        ("s3://L/x", "", "s3://L: "),
    ],
)
def test_a_bucket_that_does_not_take_it_is_said_in_a_line(
    run: Run, url: str, refuses: str, problem: str
) -> None:
    with object_store() as there:
        there.refuses = refuses
        code, _, err = run("publish", "--endpoint", there.url, url)
        assert code
        assert problem in err
        assert err.count("\n") == 1


def test_without_credentials_or_the_extra_it_says_what_to_do(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, err = run("publish", "s3://lab/x")
    assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment: not set" in err
    monkeypatch.setitem(sys.modules, "minio", None)
    _, _, err = run("publish", "s3://lab/x")
    assert "pip install 'biofs[publish]'" in err


@pytest.mark.usefixtures("credentials")
def test_an_endpoint_is_a_server(run: Run) -> None:
    for endpoint in ("ftp://x", "x", "https://x/path", "https://"):
        code, _, err = run("publish", "--endpoint", endpoint, "s3://lab/x")
        assert code == 2, (endpoint, err)
        assert err.count("\n") == 1


def test_groups_without_torrents_are_exported(tmp_path: Path) -> None:
    bare = [replace(group, torrents=()) for group in GROUPS]
    assert id_of(exported(bare, tmp_path / "file"))
