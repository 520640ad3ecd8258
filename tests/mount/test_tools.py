"""Everyday tools on a real mount of the embedded catalogue see what they would see on a disk."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import tarfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mounting import Mount, mounted

ADH1 = "categories/Sequences/Alcohol dehydrogenase ADH1 [1]"
TORRENT = f"{ADH1}/FASTA, Sanger, Contig [1]"
DIRECTORIES = (
    *("categories", "groups", "torrents", "hashes", "authors", "tags", "years", "formats"),
    *("search", "collages", "top", "users", "comments"),
)
TOP = f"{TORRENT}/files/ADH1 - YOL086C"
FILES = {
    "S288C_YOL086C_ADH1_coding.fsa": 1095,
    "S288C_YOL086C_ADH1_flanking.fsa": 3157,
    "S288C_YOL086C_ADH1_genomic.fsa": 1117,
    "S288C_YOL086C_ADH1_protein.fsa": 385,
}


@pytest.fixture(scope="module")
def mount(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mount]:
    with mounted(tmp_path_factory.mktemp("tools"), "--demo") as mount:
        yield mount


def test_ls_la_shows_the_root_with_modes_and_dots(mount: Mount) -> None:
    lines = mount.run("ls", "-la").splitlines()[1:]
    shown = {line.split(maxsplit=8)[8]: line.split()[0] for line in lines}
    assert shown == {
        ".": "dr-xr-xr-x",
        "..": shown[".."],
        ".biofs": "dr-xr-xr-x",
        ".ignore": "-r--r--r--",
        "README.txt": "-r--r--r--",
        **dict.fromkeys(DIRECTORIES, "dr-xr-xr-x"),
    }


def test_ls_lists_the_twelve_categories(mount: Mount) -> None:
    assert mount.run("ls", "categories").splitlines() == [
        "Constraints",
        "Documents",
        "Geometric",
        "Graphs",
        "Images",
        "Machine Data",
        "Models",
        "Patterns",
        "Scalars-Vectors",
        "Sequences",
        "Spatial",
        "Systems",
    ]


def test_a_group_and_a_torrent_have_their_documents(mount: Mount) -> None:
    assert set(os.listdir(mount.path / ADH1)) == {
        "group.json",
        "description.txt",
        "comments",
        "FASTA, Sanger, Contig [1]",
    }
    assert set(os.listdir(mount.path / TORRENT)) == {
        "torrent.json",
        "filelist.jsonl",
        "magnet.txt",
        "files",
    }


def test_jq_reads_the_documents(mount: Mount) -> None:
    assert mount.run("jq", "-r", ".accession", f"{ADH1}/group.json") == "YOL086C\n"
    assert mount.run("jq", "-r", ".license", f"{TORRENT}/torrent.json") == "Public Domain\n"
    lengths = mount.run("jq", "-r", "[.path, .length] | @tsv", f"{TORRENT}/filelist.jsonl")
    assert dict(line.split("\t") for line in lengths.splitlines()) == {
        name: str(length) for name, length in FILES.items()
    }


def test_torrent_json_leaves_only_the_file_list_out(mount: Mount) -> None:
    torrent = json.loads((mount.path / TORRENT / "torrent.json").read_bytes())
    assert "fileList" not in torrent
    recorded = json.loads(Path("tests/data/recordings/torrent_id_1.json").read_bytes())
    keys = list(recorded["response"]["json"]["response"]["torrent"])
    keys.remove("fileList")
    assert list(torrent) == keys


def test_the_description_is_plain_text(mount: Mount) -> None:
    text = (mount.path / ADH1 / "description.txt").read_text()
    assert "naïve accents" in text
    assert "<br" not in text
    assert "&amp;" not in text
    assert text.endswith("\n")


def test_the_magnet_link_names_the_info_hash_and_no_tracker(mount: Mount) -> None:
    magnet = (mount.path / TORRENT / "magnet.txt").read_text()
    torrent = json.loads((mount.path / TORRENT / "torrent.json").read_bytes())
    assert magnet.startswith(f"magnet:?xt=urn:btih:{torrent['infoHash']}&")
    assert "tr=" not in magnet


def test_virtual_files_have_exact_sizes_times_and_modes(mount: Mount) -> None:
    for name, length in FILES.items():
        stat = os.stat(mount.path / TOP / name)
        assert stat.st_size == length
        assert stat.st_blocks == -(-length // 512)
        assert stat.st_mode == 0o100444
        assert stat.st_mtime == os.stat(mount.path / TORRENT).st_mtime


def test_opening_a_virtual_file_says_no_data(mount: Mount) -> None:
    with pytest.raises(OSError) as caught:
        os.open(mount.path / TOP / "S288C_YOL086C_ADH1_coding.fsa", os.O_RDONLY)
    assert caught.value.errno == errno.ENODATA
    done = subprocess.run(
        ["cat", f"{TOP}/S288C_YOL086C_ADH1_coding.fsa"],
        cwd=mount.path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "No data available" in done.stderr


def test_writing_says_read_only(mount: Mount) -> None:
    for attempt in (
        (mount.path / "new").mkdir,
        lambda: (mount.path / "new").write_text("x"),
        lambda: (mount.path / "README.txt").write_text("x"),
        (mount.path / "README.txt").unlink,
        lambda: (mount.path / "README.txt").rename(mount.path / "other"),
        lambda: os.utime(mount.path / "README.txt"),
        lambda: (mount.path / "README.txt").chmod(0o600),
    ):
        with pytest.raises(OSError) as caught:
            attempt()
        assert caught.value.errno == errno.EROFS


def test_du_tells_the_size_of_a_data_set(mount: Mount) -> None:
    shown = mount.run("du", "-s", "--block-size=512", f"{TORRENT}/files").split()[0]
    assert int(shown) == sum(-(-length // 512) for length in FILES.values())
    assert mount.run("du", "-sb", TOP).split()[0] == str(sum(FILES.values()))


def test_find_by_size_finds_what_the_file_lists_say(mount: Mount) -> None:
    found = set(mount.run("find", "categories", "-size", "+1G", "-type", "f").splitlines())
    expected = set()
    for directory, _, names in os.walk(mount.path / "categories"):
        for name in names:
            path = Path(directory, name)
            if os.stat(path).st_size > 2**30:
                expected.add(str(path.relative_to(mount.path)))
    assert found == expected
    assert found


def test_grep_finds_decoded_text(mount: Mount) -> None:
    found = mount.run("grep", "-rl", "--include=description.txt", "naïve", "categories/Sequences")
    assert f"{ADH1}/description.txt" in found.splitlines()


def test_index_jsonl_has_a_line_for_each_group(mount: Mount) -> None:
    for category in os.listdir(mount.path / "categories"):
        directory = mount.path / "categories" / category
        lines = (directory / "index.jsonl").read_text().splitlines()
        groups = [name for name in os.listdir(directory) if name != "index.jsonl"]
        ids = {int(name.rpartition("[")[2][:-1]) for name in groups}
        assert {json.loads(line)["groupId"] for line in lines} == ids
        assert len(lines) == len(groups)


@pytest.mark.parametrize(
    "command",
    [
        ("cat",),
        ("tail", "-c", "+1"),
        ("head", "-c", "100000000"),
        ("sed", ""),
        ("awk", "{print}"),
        ("dd", "status=none"),
    ],
)
def test_readers_get_every_byte_of_a_document_not_yet_fetched(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    with mounted(tmp_path, "--demo") as fresh:
        path = f"{ADH1}/group.json"
        os.listdir(fresh.path / "categories/Sequences")
        operand = f"if={path}" if command[0] == "dd" else path
        read = fresh.run(*command, operand)
        assert read == (fresh.path / path).read_text()
        assert json.loads(read)["name"] == "Alcohol dehydrogenase ADH1"


def test_wc_and_less_agree_with_cat(mount: Mount) -> None:
    content = (mount.path / ADH1 / "group.json").read_bytes()
    assert int(mount.run("wc", "-c", f"{ADH1}/group.json").split()[0]) == len(content)
    assert mount.run("less", f"{ADH1}/group.json") == content.decode()


def test_tree_walks_a_group(mount: Mount) -> None:
    text = mount.run("tree", "--noreport", "-s", ADH1)
    for name, length in FILES.items():
        assert f"[{length:>11}]  {name}" in text


def test_rsync_dry_run_wants_every_file(mount: Mount, tmp_path: Path) -> None:
    listed = mount.run("rsync", "-rn", "--out-format=%n %l", f"{ADH1}/", f"{tmp_path}/")
    for name, length in FILES.items():
        assert f"FASTA, Sanger, Contig [1]/files/ADH1 - YOL086C/{name} {length}\n" in listed


def test_tar_packs_the_documents(mount: Mount, tmp_path: Path) -> None:
    archive = tmp_path / "documents.tar"
    mount.run("tar", "-cf", str(archive), "--exclude=files", ADH1)
    with tarfile.open(archive) as tar:
        names = {member.name: member for member in tar.getmembers()}
        packed = tar.extractfile(names[f"{ADH1}/group.json"])
        assert packed is not None
        assert packed.read() == (mount.path / ADH1 / "group.json").read_bytes()


def test_newest_first_is_not_now(mount: Mount) -> None:
    groups = mount.path / "categories/Sequences"
    times = [os.stat(groups / name).st_mtime for name in os.listdir(groups)]
    assert os.stat(groups).st_mtime == max(times)
    assert max(times) < os.stat(__file__).st_mtime


def test_df_and_statfs_are_constant(mount: Mount) -> None:
    before = os.statvfs(mount.path)
    assert before.f_namemax == 255
    assert before.f_blocks == 0
    assert "fuse.biofs" in mount.run("df", "-T", ".")


def test_names_are_unique_valid_and_tell_their_id(mount: Mount) -> None:
    for category in os.listdir(mount.path / "categories"):
        names = os.listdir(mount.path / "categories" / category)
        assert len(set(names)) == len(names)
        for name in names:
            assert len(name.encode()) <= 255
            assert not any(unicodedata.category(character) == "Cc" for character in name)
            assert name == "index.jsonl" or name.endswith("]")


def test_absent_names_are_absent(mount: Mount) -> None:
    for path in (
        ".git",
        "categories/Nothing",
        "categories/Sequences/.git",
        "categories/Sequences/Alcohol [1]",
        "categories/Sequences/Alcohol dehydrogenase ADH1 [99999]",
        "categories/Images/Alcohol dehydrogenase ADH1 [1]",
        f"{ADH1}/torrent.json",
        f"{ADH1}/FASTA, Sanger, Contig [2]",
        f"{TOP}/nothing",
        f"{TORRENT}/files/..../x",
    ):
        assert not (mount.path / path).exists(), path


def test_status_json_tells_what_happens(mount: Mount) -> None:
    status = mount.status()
    assert status["pace"]["rate"] == "unlimited"
    assert status["requests"]["sent"] >= 1
    assert "demo-donor" not in json.dumps(status)


def test_ripgrep_and_fd_stay_out_of_files(mount: Mount) -> None:
    listed = mount.run("rg", "--files", ADH1).splitlines()
    assert f"{TORRENT}/torrent.json" in listed
    assert not any("/files/" in path for path in listed)
    found = mount.run("rg", "-l", "Saccharomyces", ADH1).splitlines()
    assert f"{ADH1}/group.json" in found


@pytest.fixture(scope="module")
def without_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mount]:
    with mounted(tmp_path_factory.mktemp("nofiles"), "--demo", "-o", "nofiles") as mount:
        yield mount


@pytest.mark.parametrize(
    "command",
    [
        ["cp", "-a", ADH1, "{}/copy"],
        ["rsync", "-a", f"{ADH1}/", "{}/copy"],
        ["tar", "-cf", "{}/copy.tar", ADH1],
        ["zip", "-qr", "{}/copy.zip", ADH1],
    ],
    ids=lambda command: command[0],
)
def test_with_nofiles_a_group_is_copied_without_errors(
    mount: Mount, without_files: Mount, tmp_path: Path, command: list[str]
) -> None:
    command = [word.format(tmp_path) for word in command]
    without_files.run(*command)
    done = subprocess.run(command, cwd=mount.path, capture_output=True, check=False, timeout=60)
    assert done.returncode != 0, "without it there is an error for each file"


def test_with_nofiles_the_files_are_there_for_who_names_them(without_files: Mount) -> None:
    torrent = without_files.path / TORRENT
    names = {"torrent.json", "filelist.jsonl", "magnet.txt"}
    for _ in range(2):  # before the detail is known and after
        assert set(os.listdir(torrent)) == names
        assert {entry.name for entry in os.scandir(torrent)} == names
        sizes = {entry.name: entry.stat().st_size for entry in os.scandir(without_files.path / TOP)}
        assert sizes == FILES
    assert not any("/files" in line for line in without_files.run("find", ADH1).splitlines())
