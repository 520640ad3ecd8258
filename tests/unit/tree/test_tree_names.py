"""Names of directories: readable, valid, and with the id in them."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from biofs.tree import names
from biofs.tree.inodes import MAX_ID

anything = st.text(st.characters(exclude_categories=()))
fragments = (
    *("&amp;", "&eacute;", "&#0;", "&#x202e;", "&sol;", " [7]", "[", "]", "x" * 90),
    *("/", "\0", "\n", "\x1b[2J", "\x9b", "\ud800", "..", ".", " ", "\u00a0", "\u2028"),
    *("\u202e", "\u200d", "e\u0301", "\u0301", "\u00e9", "\u65e5", "\U0001f469\u200d\U0001f52c"),
)
nasty = st.lists(st.sampled_from(fragments) | anything, max_size=12).map("".join)
idents = st.integers(0, 2**64) | st.integers(0, 10**199)

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def assert_readable(name: str) -> None:
    assert 0 < len(name.encode()) <= 255
    assert "/" not in name
    assert not name.startswith((".", "-"))
    assert name == unicodedata.normalize("NFC", name)
    assert not any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} or c in BIDI for c in name)
    assert not any(c.isspace() and c != " " for c in name)
    assert "  " not in name
    assert name == name.strip()


@given(nasty, idents)
@settings(deadline=None, max_examples=300)
@example("", 0)
@example("&nbsp;", 1)
@example(".hidden", 2)
@example("--checkpoint-action=exec=sh", 3)
@example("\u0301" * 400, 3)
@example("&#" + "1" * 5000 + ";", 4)
@example("a" * 10**6, 5)
@example("[5] [6]", 7)
def test_every_name_is_valid_and_its_id_recoverable(text: str, ident: int) -> None:
    name = names.with_id(text, ident)
    assert_readable(name)
    assert names.id_of(name) == ident
    assert names.with_id(text, ident) == name


@given(nasty)
@settings(deadline=None)
def test_a_clean_component_is_valid_or_nothing(text: str) -> None:
    component = names.clean(text)
    if component:
        assert_readable(component)


@given(st.lists(st.tuples(nasty, st.integers(0, 50)), unique_by=lambda pair: pair[1]))
@settings(deadline=None, max_examples=50)
def test_siblings_differ(pairs: list[tuple[str, int]]) -> None:
    assert len({names.group_dirname(text, ident) for text, ident in pairs}) == len(pairs)


@given(nasty, nasty, nasty, idents)
@settings(deadline=None, max_examples=50)
def test_torrent_names_are_valid(data_format: str, platform: str, scope: str, ident: int) -> None:
    name = names.torrent_dirname(data_format, platform, scope, ident)
    assert_readable(name)
    assert names.id_of(name) == ident


@pytest.mark.parametrize(
    ("text", "component"),
    [
        ("Alcohol dehydrogenase ADH1", "Alcohol dehydrogenase ADH1"),
        ("Scalars/Vectors", "Scalars-Vectors"),
        ("R&amp;D na&iuml;ve &#26085;", "R&D naïve 日"),
        ("&amp;eacute;", "&eacute;"),
        ("cafe&#769;", "café"),
        ("  a\t\n b\u00a0\u3000c&nbsp; ", "a b c"),
        ("a\0b\x07c\x7fd\x90e", "a\ufffdb\ufffdc\ufffdd\ufffde"),
        ("a\u2028b\u2029c", "a b c"),
        ("abc\u202edcba\u202c", "abcdcba"),
        ("a \u202e b", "a b"),
        ("\ud800x", "\ufffdx"),
        ("&#128105;&zwj;&#128300;", "👩‍🔬"),
        ("क्\u200dष", "क्\u200dष"),
        (".hidden", "_hidden"),
        ("--rm", "_-rm"),
        (".", "_"),
        ("..", "_."),
        ("../../etc/passwd", "_.-..-etc-passwd"),
        ("a.b", "a.b"),
        ("a\\b", "a\\b"),
        ("", ""),
        (" \u200e ", ""),
    ],
)
def test_clean(text: str, component: str) -> None:
    assert names.clean(text) == component


def test_a_cut_splits_no_character_and_no_grapheme() -> None:
    room = 255 - len(" [1]")
    assert names.with_id("é" * 200, 1) == "é" * (room // 2) + " [1]"
    assert names.with_id("x" * (room - 1) + "👩‍🔬", 1) == "x" * (room - 1) + " [1]"
    assert names.with_id("x" * (room - 5) + "👩‍🔬", 1) == "x" * (room - 5) + " [1]"
    assert names.with_id("x" * (room - 3) + "x\u0323\u0307", 1) == "x" * (room - 3) + " [1]"
    assert names.with_id("x" * (room - 1) + " y", 1) == "x" * (room - 1) + " [1]"
    assert names.with_id("x" * room, 1) == "x" * room + " [1]"


def test_a_heap_of_marks_is_still_a_name() -> None:
    name = names.with_id("q" + "\u0323" * 500, 1)
    assert name.startswith("q\u0323")
    assert 250 <= len(name.encode()) <= 255


@pytest.mark.parametrize(
    ("name", "ident"),
    [
        ("x [0]", 0),
        ("x [12]", 12),
        ("x [1] [2]", 2),
        (f"x [{2**64}]", 2**64),
        ("x [012]", None),
        ("x [00]", None),
        ("x [-1]", None),
        ("x [+1]", None),
        ("x [1_0]", None),
        ("x [ 1]", None),
        ("x [\uff11]", None),
        ("x [\u00b2]", None),
        ("x []", None),
        ("x[1]", None),
        (" [1]", None),
        ("[1]", None),
        ("x [1] ", None),
        ("x [1]\n", None),
        ("x [1]y", None),
        ("", None),
        ("]", None),
        pytest.param(f"x [{'1' * 10_000}]", None, id="ten thousand digits"),
    ],
)
def test_id_of(name: str, ident: int | None) -> None:
    assert names.id_of(name) == ident


@pytest.mark.parametrize("digits", [200, 5000])
def test_an_id_that_no_name_can_show(digits: int) -> None:
    with pytest.raises(ValueError, match="digits"):
        names.with_id("x", 10**digits)


def test_a_negative_id() -> None:
    with pytest.raises(ValueError, match="not negative"):
        names.with_id("x", -1)


def test_fallbacks() -> None:
    assert names.with_id("&nbsp;", 3) == "untitled [3]"
    assert names.with_id("", 3, "post") == "post [3]"
    assert names.with_id("", 3, "") == "untitled [3]"


def test_group_and_torrent_names() -> None:
    assert names.group_dirname("Alcohol dehydrogenase ADH1", 1) == "Alcohol dehydrogenase ADH1 [1]"
    assert names.torrent_dirname("FASTA", "Sanger", "Contig", 1) == "FASTA, Sanger, Contig [1]"
    assert names.torrent_dirname("", "Sanger", " ", 2) == "Sanger [2]"
    assert names.torrent_dirname("", "", "", 1) == "untitled [1]"


def test_categories() -> None:
    assert list(names.CATEGORIES) == list(range(1, 13))
    assert names.category_dirname(5) == "Scalars-Vectors"
    assert [names.category_typed(names.category_dirname(i)) for i in range(1, 13)] == [
        *range(1, 13)
    ]
    assert (names.category_dirname(0), names.category_dirname(99)) == ("Unknown", "Unknown 99")
    for other in (0, 13, 99, names.LARGEST_CATEGORY):
        assert names.has_place(other)
        assert names.category_typed(names.category_dirname(other)) == other
    for name in ("Unknown 0", "Unknown 01", "Unknown 1", "Unknown ٣", "Unknown 4294967296"):
        assert names.category_typed(name) is None
    assert not names.has_place(-1)
    assert not names.has_place(names.LARGEST_CATEGORY + 1)
    assert names.LARGEST_CATEGORY == MAX_ID
    assert names.category_typed("Scalars/Vectors") is None


def test_normalising_stays_cheap() -> None:
    # Marks in falling order of combining class are what makes normalisation quadratic: a longer
    # text must not lead to a different name, because it is not looked at.
    heap = "a" + "\u0301\u0323" * 5000
    assert names.clean(heap) == names.clean(heap * 50)
    accents = "a" + "\u0301" * 1023
    assert names.clean(accents) == names.clean(accents + "\u0323" * 1000)
    assert all(
        unicodedata.combining(before) <= unicodedata.combining(after)
        for before, after in pairwise(names.clean(heap)[1:])
    )


@given(nasty, idents, nasty, idents)
@example("", 0, "x" * 110, 10**150)
@example("", 0, "x" * 250, 10**199)
def test_a_torrent_of_a_group_has_both_names_and_its_own_id(
    title: str, group_id: int, text: str, ident: int
) -> None:
    group = names.group_dirname(title, group_id)
    torrent = names.torrent_dirname(text, "", "", ident)
    name = names.torrent_of_group(group, torrent)
    assert_readable(name)
    assert names.id_of(name) == ident
    shown = names.torrent_of_group("Alcohol dehydrogenase ADH1 [1]", torrent)
    assert shown.startswith("Alcohol dehydrogenase ADH1"[: 255 - len(torrent.encode())])


def test_long_titles_leave_room_for_the_torrent() -> None:
    group, torrent = f"{'g' * 251} [1]", f"{'t' * 251} [2]"
    name = names.torrent_of_group(group, torrent)
    assert name == f"{'g' * 121} - {'t' * 127} [2]"
    assert names.torrent_of_group("é" * 125 + " [1]", "FASTA, Sanger [22]").endswith(
        "é - FASTA, Sanger [22]"
    )
