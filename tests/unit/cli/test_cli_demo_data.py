"""`biofs demo data`: what it writes, what it leaves alone, and what it refuses."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from bencode2 import bdecode, bencode
from hypothesis import given
from hypothesis import strategies as st

from biofs.cli import main
from biofs.demo.contents import content
from biofs.demo.data import lay_out
from biofs.demo.model import Entry, Torrent
from biofs.demo.written.embedded import every_torrent


def torrent(name: str, *entries: tuple[str, int]) -> Torrent:
    files = tuple(Entry(*entry) for entry in entries)
    size = sum(entry.length for entry in files)
    return Torrent(1, files, size, len(files), time=0, file_path=name)


def below(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path in it; a folder without files is not one of them."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def expected() -> Iterator[tuple[str, bytes]]:
    """What is certain to be laid out: files of torrents with harmless names."""
    for each in every_torrent():
        if each.has_contents and each.id in {1, 2, 7, 17, 53, 72}:
            for path, size in each.files:
                yield f"{each.file_path}/{path}", content(each.file_path, path, size)


def test_files_lie_as_a_client_has_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "data", str(tmp_path / "new/data")]) == 0
    found = below(tmp_path / "new/data")
    assert dict(expected()).items() <= found.items()
    assert found["ADH1 - YOL086C/S288C_YOL086C_ADH1_coding.fsa"].startswith(b">made up by biofs")
    assert found["Mpro_poses_top100.zip"].startswith(b"made up by biofs")
    assert found["empty.fasta"] == b""
    first, last = capsys.readouterr().out.splitlines()
    assert first == f"{tmp_path}/new/data: {len(found)} files of 32 torrents, 8.3 MiB"
    command = f"biofs mount --demo --data {tmp_path}/new/data MOUNTPOINT"
    assert last == f"skipped for their names: 36 files; next: {command}"


def test_a_second_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["demo", "data", str(tmp_path / "data"), "--torrents", str(tmp_path / "torrents")]
    assert main(options) == 0
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    capsys.readouterr()
    (tmp_path / "data/empty.fasta").unlink()
    assert main(options) == 0
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    changed = {path.name for path in after if after[path] != before[path]}
    assert changed == {"data", "empty.fasta"}
    count = len(below(tmp_path / "data"))
    assert f"8.3 MiB ({count - 1} were there)\n" in capsys.readouterr().out


def test_each_torrent_file_fits_the_data_and_holds_no_passkey(tmp_path: Path) -> None:
    data, torrents = tmp_path / "data", tmp_path / "torrents"
    assert main(["demo", "data", str(data), "--torrents", str(torrents)]) == 0
    found = below(torrents)
    hashes = {each.info_hash.lower() for each in every_torrent()}
    assert len(found) == 32
    for name, raw in found.items():
        whole = bdecode(raw)
        info = whole[b"info"]
        assert whole[b"announce"] == b"https://track.biotorrents.de:443/announce"
        assert name == f"{hashlib.sha1(bencode(info)).hexdigest()}.torrent"
        assert name.removesuffix(".torrent") in hashes
        assert (data / info[b"name"].decode()).exists()


def test_nothing_leaves_the_directory(tmp_path: Path) -> None:
    data = tmp_path / "a/b/c/data"
    assert main(["demo", "data", str(data)]) == 0
    assert [path for path in tmp_path.rglob("*") if data not in (path, *path.parents)] == [
        *(tmp_path / part for part in ("a", "a/b", "a/b/c"))
    ]
    for path in data.rglob("*"):
        assert all(character >= " " for character in str(path))
        assert len(os.fsencode(path.name)) <= 255


@pytest.mark.parametrize("stands", ["more", "less", "same size", "directory", "link", "fifo"])
def test_other_content_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], stands: str
) -> None:
    place = tmp_path / "data/ADH1 - YOL086C/S288C_YOL086C_ADH1_coding.fsa"
    place.parent.mkdir(parents=True)
    made = content("ADH1 - YOL086C", place.name, 1095)
    outside = tmp_path / "outside"
    outside.write_bytes(made)
    match stands:
        case "directory":
            place.mkdir()
        case "link":
            place.symlink_to(outside)
        case "fifo":
            os.mkfifo(place)
        case _:
            place.write_bytes({"more": made + b"x", "less": made[:-1]}.get(stands, b"x" * 1095))
    before = place.lstat()
    assert main(["demo", "data", str(tmp_path / "data")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"biofs: {place}: exists with other contents: move it away, or name another directory\n"
    )
    assert place.lstat() == before
    assert outside.read_bytes() == made


def test_a_link_for_a_directory_is_not_followed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data/ADH1 - YOL086C").symlink_to(tmp_path / "elsewhere")
    assert main(["demo", "data", str(tmp_path / "data")]) == 1
    said = capsys.readouterr().err
    assert "ADH1 - YOL086C/S288C_YOL086C_ADH1_coding.fsa: Not a directory" in said
    assert said.count("\n") == 1
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_that_cannot_be_written_whole_is_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, mode: str) -> None:
        os.write(descriptor, b"half")
        os.close(descriptor)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("biofs.demo.data.os.fdopen", full)
    with pytest.raises(OSError, match="No space left") as raised:
        lay_out([torrent("top", ("a.txt", 5))], tmp_path)
    assert raised.value.filename == str(tmp_path / "top/a.txt")
    assert below(tmp_path) == {}


def test_a_place_is_for_one_file_alone(tmp_path: Path) -> None:
    laid = lay_out(
        [
            torrent("", ("one", 5)),
            torrent("one", ("a", 6)),
            torrent("two", ("b/c", 7), ("b", 8), ("b/c", 9), ("b/c/d", 10), ("e", 11)),
        ],
        tmp_path,
    )
    assert {path: len(data) for path, data in below(tmp_path).items()} == {
        "one": 5,
        "two/b/c": 7,
        "two/e": 11,
    }
    assert (laid.torrents, laid.files, laid.size, laid.skipped) == (2, 3, 23, 4)


@pytest.mark.parametrize("name", ["", ".", "..", "/", "a/b", "../x", "nul\0", "\n", "é" * 128])
def test_a_torrent_whose_name_is_no_file_name_is_skipped(tmp_path: Path, name: str) -> None:
    laid = lay_out([torrent(name, ("a", 5), ("b", 6))], tmp_path / "data", tmp_path / "torrents")
    assert (laid.torrents, laid.files, laid.skipped) == (0, 0, 2)
    assert below(tmp_path) == {}


@given(
    name=st.text(alphabet="a./\\\0\n\ud800é", max_size=6),
    paths=st.lists(st.text(alphabet="ab./\0\n\ud800é", max_size=8), max_size=6),
)
def test_whatever_the_names_are_all_is_inside(
    tmp_path_factory: pytest.TempPathFactory, name: str, paths: list[str]
) -> None:
    base = tmp_path_factory.mktemp("names")
    laid = lay_out([torrent(name, *((path, 40) for path in paths))], base / "x/data")
    assert set(os.listdir(base)) == {"x"}
    assert set(os.listdir(base / "x")) == {"data"}
    assert len(below(base)) == laid.files
    assert laid.files + laid.skipped == len(paths)


def test_an_empty_directory_name_is_not_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "data", ""]) == 2
    assert "it is empty: name a directory" in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


def test_a_directory_whose_name_is_no_text_is_shown_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b[31m data")
    assert main(["demo", "data", place]) == 0
    assert "\x1b" not in capsys.readouterr().out
    assert os.path.isdir(place)
