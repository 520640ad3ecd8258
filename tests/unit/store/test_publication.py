"""What is published: snapshot, delta, and the description last; old files stay for a day."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import minisign
import pytest

from biofs.demo.model import Group
from biofs.errors import QuietError
from biofs.store.snapshots import description, packing, publication
from biofs.store.snapshots.delta import apply
from biofs.store.snapshots.description import Description
from biofs.store.snapshots.places import LOCK, Directory, alone
from biofs.store.snapshots.publication import Publication, Published
from biofs.store.snapshots.signing import Signer
from tests.support.publishing import exported, id_of, made_up, revised

DAY = 86_400
GROUPS = made_up(20)


class Publisher:
    """Publishes to a directory, at any time."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.place = base / "www"
        self.place.mkdir()
        self.signer: Signer | None = None
        self.count = 0

    def publish(self, groups: Sequence[Group], now: float) -> Published:
        self.count += 1
        work = self.base / f"work {self.count}"
        work.mkdir()
        fresh = exported(groups, work / "fresh")
        there = Directory(self.place)
        return Publication(there, work, self.signer, now).publish(fresh)

    def described(self) -> Description:
        return description.parse((self.place / description.FILE).read_bytes())

    def files(self) -> set[str]:
        return {path.name for path in self.place.iterdir()}


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    return Publisher(tmp_path)


def day(number: int) -> list[Group]:
    """The groups on a day: another one has changed."""
    return [revised(GROUPS[0], f"Day {number}."), *GROUPS[1:]]


def test_a_subscriber_of_any_day_comes_to_the_newest(publisher: Publisher, tmp_path: Path) -> None:
    wholes = []
    for number in range(4):
        published = publisher.publish(day(number), 1000 + number * DAY)
        assert published.is_new
        assert published.notes == []
        wholes.append(published.description.snapshot)
        assert (published.delta is None) == (number == 0)
    newest = publisher.described()
    assert (newest.groups, newest.torrents, newest.made) == (20, 40, 1000 + 3 * DAY)
    assert len(newest.deltas) == 3
    packing.unpack(publisher.place / newest.snapshot.file, tmp_path / "whole", newest.snapshot)
    assert id_of(tmp_path / "whole") == newest.snapshot.id
    at = tmp_path / "at 0"
    exported(day(0), at)
    way = description.path(newest, wholes[0].id)
    assert way == list(newest.deltas)
    for number, step in enumerate(way, 1):
        into = tmp_path / f"at {number}"
        apply(at, publisher.place / step.file, into, step)
        at = into
    assert id_of(at) == newest.snapshot.id
    assert {path.stat().st_mode & 0o777 for path in publisher.place.iterdir()} == {0o644}


def test_nothing_new_writes_the_time_alone(publisher: Publisher) -> None:
    publisher.publish(day(0), 1000)
    before = {path: path.stat().st_mtime_ns for path in publisher.place.glob("*.zst")}
    published = publisher.publish(list(reversed(day(0))), 2000)
    assert not published.is_new
    assert {path: path.stat().st_mtime_ns for path in publisher.place.glob("*.zst")} == before
    assert publisher.described().made == 2000
    publisher.publish(day(0), 5)
    assert publisher.described().made == 2000, "it never goes back"


def test_each_description_is_later_by_whole_seconds(publisher: Publisher) -> None:
    """Of those that nginx makes entity tags of, also when several are written in one."""
    times = []
    for number in range(4):
        publisher.publish(day(number // 2), 1000 + number)
        times.append(int((publisher.place / description.FILE).stat().st_mtime))
    assert times == sorted(set(times))
    later = time.time() + 1000
    os.utime(publisher.place / description.FILE, (later, later))
    publisher.publish(day(3), 2000)
    assert (publisher.place / description.FILE).stat().st_mtime > later, "a clock may go back"


def test_what_nobody_needs_any_more_stays_for_a_day(publisher: Publisher) -> None:
    first = publisher.publish(day(0), 1000).description.snapshot.file
    second = publisher.publish(day(1), 1000 + 5 * DAY).description.snapshot.file
    for path in publisher.place.iterdir():
        os.utime(path, (1, 1))
    assert {first, second} < publisher.files()
    [former] = publisher.described().former
    assert (former.file, former.since) == (first, 1000 + 5 * DAY)
    publisher.publish(day(1), 1000 + 6 * DAY - 1)
    assert first in publisher.files()
    publisher.publish(day(1), 1000 + 6 * DAY)
    assert first not in publisher.files()
    assert second in publisher.files()
    assert publisher.described().former == ()


def test_what_a_killed_publisher_left_goes_and_what_is_not_ours_stays(
    publisher: Publisher,
) -> None:
    left = [f"snapshot-{'a' * 16}.sqlite.zst", f"delta-{'b' * 16}.zst", f"delta-{'c' * 16}.zst"]
    foreign = ["index.html", "snapshot-mine.sqlite.zst", f"delta-{'b' * 16}.zst.part"]
    for name in left + foreign:
        (publisher.place / name).write_bytes(b"x")
        os.utime(publisher.place / name, (1, 1))
    os.utime(publisher.place / left[2], None)
    publisher.publish(day(0), time.time())
    assert publisher.files() & {*left} == {left[2]}, "younger than a day"
    assert publisher.files() >= {*foreign}


def test_the_chain_has_an_end(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publication, "KEPT_DELTAS", 2)
    for number in range(5):
        for path in publisher.place.iterdir():
            os.utime(path, (1, 1))
        published = publisher.publish(day(number), 1000 + number * 2 * DAY)
    named = published.description
    assert [step.to_id for step in named.deltas][-1] == named.snapshot.id
    assert len(named.deltas) == 2
    assert len(named.former) == 2  # the snapshot and the delta of the day before
    assert len(list(publisher.place.glob("*.zst"))) == 5


def test_what_goes_back_and_forth_is_published_once(publisher: Publisher) -> None:
    for number in range(6):
        published = publisher.publish(day(number % 2), 1000 + number)
        description.parse(description.encode(published.description))
    assert len(published.description.deltas) == 2
    assert len(list(publisher.place.glob("*.zst"))) == 4


@pytest.mark.parametrize("damage", ["gone", "cut", "another"])
def test_without_the_one_before_there_is_no_delta(publisher: Publisher, damage: str) -> None:
    publisher.publish(day(0), 1000)
    file = publisher.place / publisher.described().snapshot.file
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:100] if damage == "cut" else b"x" * 100)
    published = publisher.publish(day(1), 2000)
    assert published.is_new
    assert published.description.deltas == ()
    [note] = published.notes
    assert note.startswith("without a delta from the one before: ")


def test_a_file_that_went_is_written_again(publisher: Publisher) -> None:
    publisher.publish(day(0), 1000)
    (publisher.place / publisher.described().snapshot.file).unlink()
    assert publisher.publish(day(0), 2000).is_new
    assert publisher.described().snapshot.file in publisher.files()


def test_a_description_that_is_none_is_begun_anew(publisher: Publisher) -> None:
    (publisher.place / description.FILE).write_bytes(b"{}")
    [note] = publisher.publish(day(0), 1000).notes
    assert note.startswith("begun anew: biofs-snapshot.json there: not a snapshot's description")


def test_another_catalogue_is_not_overwritten(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.publish(day(0), 1000)
    before = publisher.described()
    monkeypatch.setattr("tests.support.publishing.SERVER", "https://elsewhere.example")
    with pytest.raises(QuietError, match=r"a snapshot of https://torrents\.bio"):
        publisher.publish(day(1), 2000)
    assert publisher.described() == before


def test_two_at_once_are_noticed(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher.publish(day(0), 1000)
    put, text = Directory.put, (publisher.place / description.FILE).read_bytes()

    def disturbed(self: Directory, name: str, file: Path) -> None:
        put(self, name, file)
        (publisher.place / description.FILE).write_bytes(text + b" ")

    monkeypatch.setattr(Directory, "put", disturbed)
    with pytest.raises(QuietError, match="somebody else has published there meanwhile"):
        publisher.publish(day(1), 2000)
    assert (publisher.place / description.FILE).read_bytes() == text + b" "


def test_a_lock_keeps_others_out(tmp_path: Path) -> None:
    with alone(tmp_path / LOCK, "here"):
        with pytest.raises(QuietError, match="here: is being published to already"):
            with alone(tmp_path / LOCK, "here"):
                pass
    with alone(tmp_path / LOCK, "here"):
        pass


def test_what_is_signed_is_signed_each_time(publisher: Publisher) -> None:
    pair = minisign.KeyPair.generate()
    publisher.signer = Signer(pair.secret_key)
    for number in (0, 1, 1):
        publisher.publish(day(number), 1000 + number)
        text = (publisher.place / description.FILE).read_bytes()
        signature = (publisher.place / description.SIGNATURE_FILE).read_bytes()
        description.verify(text, signature, publisher.signer.public_key)
    assert len(publisher.described().deltas) == 1


def test_what_was_not_signed_before_is_not_signed_now(publisher: Publisher) -> None:
    publisher.publish(day(0), 1000)
    publisher.signer = Signer(minisign.KeyPair.generate().secret_key)
    [note] = publisher.publish(day(1), 2000).notes
    assert note == "begun anew: biofs-snapshot.json there: not signed"
    assert publisher.described().deltas == ()


def test_without_a_key_no_old_signature_stays(publisher: Publisher) -> None:
    publisher.signer = Signer(minisign.KeyPair.generate().secret_key)
    publisher.publish(day(0), 1000)
    publisher.signer = None
    publisher.publish(day(0), 2000)
    assert description.SIGNATURE_FILE not in publisher.files()
