"""Groups and torrents by id, hash, author, tag, year and format: what one sees, what it costs."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from tests.support.counting import Counted, counted, fails
from tests.support.mounting import Mount, mounted
from tests.support.server import running

ADH1 = "categories/Sequences/Alcohol dehydrogenase ADH1 [1]"
VIEWS = ("groups", "torrents", "hashes", "authors", "tags", "years", "formats")
FUNGI = 21  # groups with this tag
TOLD = [".incomplete"]


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Counted]:
    with counted(tmp_path) as case:
        yield case


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    """A case in whose cache every detail is known."""
    with counted(tmp_path_factory.mktemp("whole")) as case:
        with case.mount("warming") as mount:
            mount.run("sh", "-c", "cat categories/*/*/group.json >/dev/null")
        yield case


def names(mount: Mount, path: str) -> list[str]:
    return sorted(os.listdir(mount.path / path))


def groups_by_facet(mount: Mount) -> dict[str, set[str]]:
    """What the groups' own documents say: the directories of the views, and what is in them."""
    found = defaultdict(set)
    for document in mount.path.glob("categories/*/*/group.json"):
        group, name = json.loads(document.read_bytes()), document.parent.name
        for tag in group["tags"]:
            found[f"tags/{tag}"].add(name)
        if group["year"]:
            found[f"years/{group['year']}"].add(name)
        for author in group["authors"]:
            found[f"authors/{author['name']} [{author['id']}]"].add(name)
        for torrent in document.parent.glob("*/torrent.json"):
            found[f"formats/{json.loads(torrent.read_bytes())['format']}"].add(name)
    # What no directory can be called has another name; a long name is cut.
    return {
        path: members
        for path, members in found.items()
        if path.count("/") == 1 and not path.endswith(("/", "/..")) and len(path.encode()) < 255
    }


@pytest.mark.parametrize(
    "command", [("ls",), ("ls", "-la"), ("find",), ("grep", "-r", "nothing"), ("du", "-a")]
)
def test_looking_at_the_views_costs_nothing(case: Counted, command: tuple[str, ...]) -> None:
    with case.mount("mnt") as mount:

        def action() -> None:
            subprocess.run([*command, *VIEWS], cwd=mount.path, check=False, capture_output=True)

        assert case.cost(action) == []
        for view in VIEWS:
            assert names(mount, view) == TOLD
            assert "biofs warm" in (mount.path / view / ".incomplete").read_text()


@pytest.mark.parametrize(
    ("entry", "member"),
    [
        ("tags/fungi", "Alcohol dehydrogenase ADH1 [1]"),
        ("years/1985", "Alcohol dehydrogenase ADH1 [1]"),
        ("formats/JPEG 2000", "Massachusetts 1:5,000 Color Ortho Imagery [57]"),
    ],
)
def test_an_entry_is_asked_for_once(case: Counted, entry: str, member: str) -> None:
    with case.mount("mnt") as mount:
        assert case.cost(lambda: mount.run("stat", entry)) == []
        assert case.cost(lambda: mount.run("ls", entry)) == ["browse"]
        assert member in names(mount, entry)
        assert ".incomplete" not in names(mount, entry)
        for command in (("ls", entry), ("ls", "-a", entry), ("find", entry), ("stat", entry)):
            assert case.cost(lambda command=command: mount.run(*command)) == [], command
        assert case.cost(lambda: mount.run("find", str(Path(entry).parent))) == []
        assert Path(entry).name in names(mount, str(Path(entry).parent))
    with case.mount("again") as mount:
        assert case.cost(lambda: mount.run("ls", entry)) == [], "after a remount"
        assert Path(entry).name in names(mount, str(Path(entry).parent))
    with case.mount("offline", "--offline") as mount:
        assert member in names(mount, entry)


def test_a_member_is_found_without_listing_its_entry_before(case: Counted) -> None:
    with case.mount("mnt") as mount:
        path = "tags/fungi/Alcohol dehydrogenase ADH1 [1]/group.json"
        assert case.cost(lambda: mount.run("cat", path)) == ["browse", "torrentgroup"]
        assert case.cost(lambda: fails(mount, "cat", "tags/fungi/Nothing [1]/group.json")) == []
        assert case.cost(lambda: fails(mount, "cat", "tags/fungi/Knee MRI [35]/group.json")) == []
        assert (mount.path / path).read_bytes() == (mount.path / ADH1 / "group.json").read_bytes()


def test_many_links_are_placed_together_and_a_few_one_by_one(case: Counted) -> None:
    with case.mount("mnt") as mount:
        entry = mount.path / "tags/fungi"
        (first, *_) = members = names(mount, "tags/fungi")
        assert len(members) == FUNGI
        assert case.cost(lambda: os.readlink(entry / first)) == ["torrentgroup"]
        follow = ("ls", "-L", "--color=always", "-l", "tags/fungi")
        assert case.cost(lambda: mount.run(*follow)) == ["torrentgroup"] * 3 + ["browse"] * 6
        assert case.cost(lambda: mount.run(*follow)) == []
        for name in members:
            assert (entry / name).resolve().name == name
    with case.mount("again") as mount:
        assert case.cost(lambda: mount.run(*follow)) == [], "after a remount"


def test_what_is_known_whole_is_never_asked_for(whole: Counted) -> None:
    with whole.mount("mnt") as mount:

        def action() -> None:
            truth = groups_by_facet(mount)
            assert len(truth) > 150
            for path, members in truth.items():
                shown = set(names(mount, path)) - {"author.json"}
                assert shown == members, path
                assert Path(path).name in names(mount, str(Path(path).parent))
                for name in members:
                    assert (mount.path / path / name / "group.json").stat().st_size
            for path in (
                "tags/nope",
                "years/1234",
                "formats/NOPE",
                "authors/Nobody",
                "authors/N [9]",
            ):
                assert not os.path.lexists(mount.path / path), path
            for view in VIEWS:
                assert ".incomplete" not in names(mount, view)
                assert not (mount.path / view / ".incomplete").exists()

        assert whole.cost(action) == []


def test_the_server_and_the_index_tell_the_same(case: Counted, whole: Counted) -> None:
    with whole.mount("known") as mount:
        truth = groups_by_facet(mount)
        asked = [path for path in truth if not path.startswith(("authors/", "tags/99999"))]
        asked = [path for path in asked if path != "years/99999"][::7]
    with case.mount("mnt") as mount:
        for path in asked:
            assert set(names(mount, path)) == truth[path], path


def test_ids_lead_to_groups_and_torrents(case: Counted) -> None:
    with case.mount("mnt") as mount:
        for view, ident, action in (("groups", 1, "torrentgroup"), ("torrents", 46, "torrent")):
            link = mount.path / view / str(ident)
            assert case.cost(lambda link=link: os.lstat(link)) == []
            assert case.cost(lambda link=link: os.readlink(link)) == [action]
            assert case.cost(lambda link=link: mount.run("ls", "-lL", str(link))) in (
                [],
                ["torrentgroup"],
            )
            target = os.readlink(link)
            assert len(target) == os.lstat(link).st_size
            assert link.resolve().name.endswith(f"[{ident}]")
            assert link.resolve().parent.is_relative_to(mount.path / "categories")
            assert os.lstat(link).st_mtime == link.stat().st_mtime
        assert {"1", "37"} <= set(names(mount, "groups"))
        assert {"1", "46"} <= set(names(mount, "torrents"))


def test_ids_that_nothing_has(case: Counted) -> None:
    with case.mount("mnt") as mount:
        for view in ("groups", "torrents"):
            link = mount.path / view / "99999"
            with pytest.raises(OSError) as caught:
                os.readlink(link)
            assert caught.value.errno == errno.ENOENT
            assert not link.exists()

            def probes(view: str = view) -> None:
                for name in ("x", "01", "-1", "4294967296", "1 ", ".git", "HEAD", "autorun.inf"):
                    assert not os.path.lexists(mount.path / view / name), name

            assert case.cost(probes) == []
            assert names(mount, view) == TOLD


def test_info_hashes_in_any_case(case: Counted) -> None:
    with case.mount("mnt") as mount:
        target = os.readlink(mount.path / "torrents/1")
        torrent = mount.path / "torrents/1/torrent.json"
        info_hash = json.loads(torrent.read_bytes())["infoHash"]
        assert names(mount, "hashes") == [".incomplete", info_hash]
    with case.mount("fresh", "--cache-dir", str(case.base / "other")) as mount:
        assert names(mount, "hashes") == TOLD
        lower = mount.path / "hashes" / info_hash.lower()
        assert case.cost(lambda: os.lstat(lower)) == []
        assert case.cost(lambda: os.readlink(lower)) == ["torrentgroup"]
        assert os.readlink(lower) == target
        assert os.readlink(mount.path / "hashes" / info_hash) == target
        assert os.lstat(lower).st_size == len(target)
        assert case.cost(lambda: mount.run("cat", f"hashes/{info_hash}/torrent.json")) == []
        assert info_hash in names(mount, "hashes")
        unknown = mount.path / "hashes" / ("0" * 40)
        assert case.cost(unknown.exists) == ["torrentgroup"]
        assert not unknown.exists()
        for name in ("0" * 39, "G" * 40, ".git", info_hash + "x"):
            assert not os.path.lexists(mount.path / "hashes" / name)


def test_an_author_by_name_and_by_name_and_id(case: Counted) -> None:
    with case.mount("mnt") as mount:
        authors = mount.path / "authors"
        bare = authors / "David Schild"
        assert case.cost(lambda: os.lstat(bare)) == []
        assert case.cost(lambda: os.readlink(bare)) == ["artist"]
        assert os.readlink(bare) == "David Schild [2]"
        assert os.lstat(bare).st_size == len("David Schild [2]")
        assert case.cost(lambda: mount.run("cat", "authors/David Schild/author.json")) == []
        page = json.loads((bare / "author.json").read_bytes())
        assert (page["id"], page["name"]) == (2, "David Schild")
        assert case.cost(lambda: os.listdir(bare)) == ["browse"]
        assert "Alcohol dehydrogenase ADH1 [1]" in os.listdir(bare)
        assert names(mount, "authors") == [".incomplete", "David Schild [2]"]
        assert case.cost(lambda: mount.run("find", "authors", "-size", "+0")) == []
    with case.mount("again") as mount:
        assert os.readlink(mount.path / "authors/David Schild") == "David Schild [2]"
        assert case.cost(lambda: mount.run("ls", "authors/David Schild [2]")) == []


def test_an_author_known_by_id_alone(case: Counted) -> None:
    with case.mount("mnt") as mount:
        path = "authors/Felix Blei [57]"
        assert case.cost(lambda: mount.run("stat", path)) == []
        assert case.cost(lambda: mount.run("ls", path)) == ["artist", "browse"]
        assert "Enzymatic synthesis of psilocybin [41]" in names(mount, path)
        assert case.cost(lambda: mount.run("cat", f"{path}/author.json")) == []
        assert not os.path.lexists(mount.path / "authors/Somebody else [57]")
        assert "No such file" in fails(mount, "ls", "authors/Nobody [4294967295]")


def test_author_json_is_asked_for_when_somebody_looks_at_it(whole: Counted) -> None:
    with whole.mount("mnt") as mount:
        author = "authors/Felix Blei [57]"
        assert whole.cost(lambda: mount.run("ls", author)) == []
        assert whole.cost(lambda: mount.run("ls", "-l", "authors")) == []
        assert whole.cost(lambda: mount.run("ls", "-l", author)) == ["artist"]
        assert whole.cost(lambda: mount.run("grep", "-r", "Felix Blei", author)) == []
        size = (mount.path / author / "author.json").stat().st_size
        assert len((mount.path / author / "author.json").read_bytes()) == size


def test_an_author_without_a_group_is_an_empty_directory(case: Counted) -> None:
    with case.mount("mnt") as mount:
        mount.run("cat", "authors/Felix Blei [57]/author.json")
        assert "No such file" in fails(mount, "ls", "authors/No One At All/")
        assert case.cost(lambda: fails(mount, "ls", "authors/No One At All/")) == []


def test_names_that_programs_look_for_cost_nothing(case: Counted) -> None:
    with case.mount("mnt") as mount:

        def action() -> None:
            for view in ("authors", "tags", "years", "formats", "tags/fungi"):
                for name in (".git", ".hidden", ".Trash-1000", "HEAD", "autorun.inf", "Thumbs.db"):
                    assert not os.path.lexists(mount.path / view / name), (view, name)

        assert case.cost(action) == []


def test_unknown_entries_cost_what_their_answer_costs(case: Counted) -> None:
    with case.mount("mnt") as mount:
        for path in ("tags/nope", "years/1066", "formats/NOPE"):
            assert case.cost(lambda path=path: mount.run("stat", path)) == []
            assert case.cost(lambda path=path: fails(mount, "ls", path)) == ["browse"]
            assert "No such file" in fails(mount, "ls", path)
            assert Path(path).name not in names(mount, str(Path(path).parent))
        for path in (
            "tags/Nope",
            "tags/no_pe",
            "years/0",
            "years/01985",
            "years/10000",
            "tags/a [1]",
        ):
            assert not os.path.lexists(mount.path / path), path


def test_twenty_processes_at_once_are_as_one(case: Counted) -> None:
    with case.mount("mnt") as mount:

        def action() -> None:
            readers = [
                subprocess.Popen(["ls", "tags/fungi"], cwd=mount.path, stdout=subprocess.PIPE)
                for _ in range(20)
            ]
            assert len({reader.communicate(timeout=60)[0] for reader in readers}) == 1

        assert case.cost(action) == ["browse"]


def test_what_is_known_is_shown_offline_and_says_that_it_is_a_part(case: Counted) -> None:
    with case.mount("mnt") as mount:
        names(mount, "categories/Images")
        assert {"1985", "2020"} & set(names(mount, "years"))
    with case.mount("offline", "--offline") as mount:
        shown = names(mount, "tags/humans")
        assert ".incomplete" in shown
        assert "Knee MRI with radiologists' reports [35]" in shown
        assert "biofs warm" in (mount.path / "tags/humans/.incomplete").read_text()
        assert "Images" not in (mount.path / "tags/humans/.incomplete").read_text()
        with pytest.raises(OSError) as caught:
            os.listdir(mount.path / "tags/nope")
        assert caught.value.errno == errno.EHOSTUNREACH


def test_copying_with_links_followed(whole: Counted, tmp_path: Path) -> None:
    with whole.mount("mnt") as mount:
        entry = "years/1985/Alcohol dehydrogenase ADH1 [1]"
        archive = tmp_path / "copy.tar"
        mount.run(
            "tar", "-chf", str(archive), "--exclude=files", "--exclude=comments", "years/1985"
        )
        assert f"{entry}/group.json" in mount.run("tar", "-tf", str(archive)).splitlines()
        found = mount.run("find", "-L", "years/1985", "-name", "group.json").splitlines()
        assert found == [f"{entry}/group.json"]


def test_a_walk_from_the_root_visits_no_group_twice(whole: Counted) -> None:
    with whole.mount("mnt") as mount:
        found = mount.run("find", ".", "-name", "group.json").splitlines()
        assert len(found) == len(set(found)) == 79
        assert all(path.startswith("./categories/") for path in found)
        lines = mount.run("grep", "-rl", "--include=group.json", "YOL086C", ".").splitlines()
        assert lines == [f"./{ADH1}/group.json"]


def test_more_groups_than_a_query_shows(tmp_path: Path) -> None:
    source = Generated(6000, 1, 1, categories=(1, 2))
    with (
        running(create_app(source)) as server,
        mounted(
            tmp_path,
            *("--url", server.url, "--rate", "unlimited"),
            env={"BIOFS_TOKEN": DONOR_TOKEN},
        ) as mount,
    ):
        shown = names(mount, "tags/fungi")
        assert server.log.count() == 20
        assert len(shown) == 1000 + len(TOLD)
        said = (mount.path / "tags/fungi/.incomplete").read_text()
        assert "shows 1,000" in said
        assert "biofs warm" in said
        assert names(mount, "tags/fungi") == shown
        assert server.log.count() == 20
