"""A description comes from anybody, and says what to fetch."""

from __future__ import annotations

from typing import Any

import minisign
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from biofs.store.snapshots import description
from biofs.store.snapshots.description import (
    DeltaFile,
    Description,
    DescriptionError,
    SnapshotFile,
    parse,
    path,
)


def ident(number: int) -> str:
    return f"{number:064x}"


def delta(first: int, last: int, size: int = 10) -> DeltaFile:
    return DeltaFile(
        from_id=ident(first),
        to_id=ident(last),
        file=f"delta-{first}-{last}.zst",
        size=size,
        sha256=ident(0),
        unpacked_size=size,
    )


def described(newest: int, *deltas: DeltaFile, size: int = 1000) -> Description:
    snapshot = SnapshotFile(
        id=ident(newest),
        file="snapshot.zst",
        size=size,
        sha256=ident(0),
        unpacked_size=size,
        unpacked_sha256=ident(0),
    )
    return Description(
        format=1,
        catalogue="https://torrents.bio",
        made=1,
        groups=2,
        torrents=3,
        snapshot=snapshot,
        deltas=deltas,
    )


GOOD = described(3, delta(1, 2), delta(2, 3))
TEXT = description.encode(GOOD)


def test_what_is_written_is_read() -> None:
    assert parse(TEXT) == GOOD
    assert b'"from": "' in TEXT


def test_what_a_later_version_adds_is_passed_over() -> None:
    later: dict[str, Any] = msgspec.json.decode(TEXT)
    later["more"] = {"a": [1]}
    later["snapshot"]["more"] = 1
    assert parse(msgspec.json.encode(later)) == GOOD


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("format",), 2),
        (("format",), "1"),
        (("catalogue",), "file:///etc/passwd"),
        (("catalogue",), "https://x\n"),
        (("made",), -1),
        (("made",), 1e300),
        (("groups",), None),
        (("snapshot",), []),
        (("snapshot", "file"), "../x"),
        (("snapshot", "file"), "a/b"),
        (("snapshot", "file"), ".hidden"),
        (("snapshot", "file"), "a..b"),
        (("snapshot", "file"), "a\\b"),
        (("snapshot", "file"), "a?b"),
        (("snapshot", "file"), "x\n"),
        (("snapshot", "file"), ""),
        (("snapshot", "file"), "x" * 300),
        (("snapshot", "file"), "delta-1-2.zst"),
        (("snapshot", "id"), "AB" * 32),
        (("snapshot", "id"), "ab"),
        (("snapshot", "size"), 0),
        (("snapshot", "size"), 1 << 41),
        (("snapshot", "unpacked_size"), True),
        (("deltas", 0, "from"), 1),
        (("deltas", 1, "file"), "delta-1-2.zst"),
        (("deltas",), [{}]),
        (("deltas",), {}),
    ],
)
def test_what_is_wrong_is_refused_in_a_line(where: tuple[Any, ...], value: object) -> None:
    wrong = msgspec.json.decode(TEXT)
    place = wrong
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = value
    with pytest.raises(DescriptionError) as caught:
        parse(msgspec.json.encode(wrong))
    assert "\n" not in str(caught.value)


def test_it_is_not_larger_than_a_mebibyte_and_names_few_deltas() -> None:
    with pytest.raises(DescriptionError, match="larger than"):
        parse(b" " * (description.LARGEST + 1))
    many = described(1, *(delta(n, n + 1) for n in range(10, 10 + description.MOST_DELTAS + 1)))
    with pytest.raises(DescriptionError):
        parse(description.encode(many))


@given(st.binary(max_size=200) | st.tuples(st.integers(0, len(TEXT)), st.binary(max_size=9)))
@example(b"[" * 100_000)
@example(b'{"format":' + b"9" * 10_000 + b"}")
@example(b"\xff\xfe")
def test_any_bytes_are_read_or_refused(wrong: bytes | tuple[int, bytes]) -> None:
    if isinstance(wrong, tuple):
        at, more = wrong
        wrong = TEXT[:at] + more + TEXT[at + 1 :]
    try:
        found = parse(wrong)
    except DescriptionError:
        return
    assert found.format == 1
    assert path(found, ident(1)) is None or found.deltas


def test_the_way_is_the_one_with_the_fewest_bytes() -> None:
    steps = [delta(1, 2), delta(2, 3), delta(3, 4), delta(1, 3, 15), delta(2, 4, 30)]
    assert path(described(4, *steps), ident(1)) == [steps[3], steps[2]]
    assert path(described(4, *steps), ident(2)) == [steps[1], steps[2]]
    assert path(described(4, *steps), ident(4)) == []


def test_without_a_way_or_with_a_dear_one_the_whole_is_fetched() -> None:
    assert path(GOOD, ident(9)) is None
    assert path(described(3, delta(1, 2), delta(2, 3), size=20), ident(1)) is None
    assert path(described(3, delta(1, 2), delta(2, 1)), ident(1)) is None


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 9)), max_size=40))
def test_any_deltas_give_a_way_that_leads_there_or_none(steps: list[tuple[int, int, int]]) -> None:
    deltas = [delta(*step) for step in steps]
    found = path(described(6, *deltas, size=30), ident(0))
    if found is not None:
        ends = [ident(0), *(step.to_id for step in found)]
        assert [step.from_id for step in found] == ends[:-1]
        assert ends[-1] == ident(6)
        assert sum(step.size for step in found) < 30


def signed(text: bytes, pair: minisign.KeyPair) -> tuple[bytes, str]:
    return bytes(pair.secret_key.sign(text)), pair.public_key.to_base64().decode()


def test_a_signature_is_of_the_text_and_of_the_key() -> None:
    pair, other = minisign.KeyPair.generate(), minisign.KeyPair.generate()
    signature, key = signed(TEXT, pair)
    description.verify(TEXT, signature, key)
    for text, given_, with_key in (
        (TEXT + b" ", signature, key),
        (TEXT, signature, signed(TEXT, other)[1]),
        (TEXT, signed(TEXT, other)[0], key),
        (TEXT, signature.replace(b"timestamp", b"timestomp"), key),
        (TEXT, b"", key),
        (TEXT, b"\xff" * 100, key),
        (TEXT, signature * 100, key),
        (TEXT, signature, "RWnonsense"),
        (TEXT, signature, "\u20ac"),
    ):
        with pytest.raises(DescriptionError) as caught:
            description.verify(text, given_, with_key)
        assert "\n" not in str(caught.value)
