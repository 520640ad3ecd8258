"""File lists: the server's form read, mended and written."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from biofs.tree.filelist import MAX_LENGTH, Entry, count, iterate, parse, render

# What the server keeps: it turns line breaks and tabs into spaces, and has no reference for C1
# controls and noncharacters.
kept = st.characters(exclude_categories=("Cs", "Cc", "Cn"))
fragments = st.sampled_from(
    (
        *(
            " ",
            "  ",
            ".",
            "..",
            "/",
            "&",
            ";",
            "&eacute;",
            "&#38;",
            "{",
            "}",
            "|",
            "{{",
            "}}",
            "||",
        ),
        *(
            "s2048s ",
            " s1s ",
            "s-5s ",
            "Dr. Smith lab notes",
            ".tar gz",
            "\u00e9",
            "\u65e5",
            "\x0b",
        ),
    )
)
paths = (
    st.lists(fragments | st.text(kept, max_size=4), max_size=8)
    .map("".join)
    .filter(lambda path: not path.lstrip(" ").startswith("\u00a0"))
    # Two entries in one, or a size of braces, cannot be told from what they look like.
    .filter(lambda path: "{{{" not in path and "}}}" not in path)
)
lengths = st.integers(0, MAX_LENGTH)
entry_lists = st.lists(st.builds(Entry, paths, lengths), max_size=8)


def mangled_by_braces(path: str) -> bool:
    """Say if the server may put a brace of this name next to those around the size."""
    extension = path[path.rfind(".") :]
    return " " in extension and ("{" in extension or "}" in extension)


@given(entry_lists)
@settings(deadline=None, max_examples=300)
@example([Entry("Dr. Smith lab notes", 2048)])
@example([Entry("a.b  c", 1), Entry("a.b   c  d", 2), Entry("a. b c", 3), Entry("a.b c ", 4)])
@example([Entry("   leading", 1), Entry("a.b    c", 2)])
@example([Entry("notes s2048s Dr. Smith lab notes", 7)])
@example([Entry("v1. x12345x y", 9)])
@example([Entry("a{", 1), Entry("}b", 2), Entry("a|||b", 3), Entry("|||", 4)])
def test_what_is_rendered_is_read(entries: list[Entry]) -> None:
    entries = [entry for entry in entries if not mangled_by_braces(entry.path)]
    text = render(entries)
    assert text.isascii()
    assert parse(text) == entries
    assert parse(text, len(entries)) == entries
    assert count(text) == len(entries)


@given(st.text(st.characters(exclude_categories=())) | st.lists(fragments).map("".join))
@settings(deadline=None, max_examples=300)
@example("{{{}}}|||")
@example("|||}}}|||{{{")
@example("a{{{&#xD800;}}}")
def test_anything_can_be_read(text: str) -> None:
    entries = parse(text)
    assert all(0 <= entry.length <= MAX_LENGTH for entry in entries)
    assert len(entries) <= count(text)
    assert sum(len(entry.path) for entry in entries) <= 2 * len(text)


@pytest.mark.parametrize("text", ["", "{{{}}}"])
def test_empty_lists(text: str) -> None:
    assert parse(text) == []
    assert parse(text, 0) == []
    assert parse(text, 1) == []
    assert count(text) == 0


def test_nothing_renders_as_null() -> None:
    assert render([]) == "{{{}}}"


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("a.fa{{{5}}}", ("a.fa", 5)),
        ("{{{5}}}", ("", 5)),
        ("a{b}{{{5}}}", ("a{b}", 5)),
        ("a{{{1}}}b{{{5}}}", ("a{{{1}}}b", 5)),
        ("a}}}|||b{{{5}}}", ("a}}}|||b", 5)),
        ("a|||b{{{5}}}", ("a|||b", 5)),
        ("R&amp;D;notes.txt{{{5}}}", ("R&D;notes.txt", 5)),
        ("&amp;eacute;{{{5}}}", ("&eacute;", 5)),
        ("&nbsp;&nbsp;a&nbsp;b{{{5}}}", ("  a\u00a0b", 5)),
        ("&nbsp;{{{5}}}", (" ", 5)),
        ("a&#10;b{{{5}}}", ("a\nb", 5)),
        ("a\nb{{{5}}}", ("a\nb", 5)),
        ("../../etc/passwd{{{5}}}", ("../../etc/passwd", 5)),
        ("a{{{005}}}", ("a", 5)),
        ("a{{{-5}}}", ("a", 0)),
        ("a{{{}}}", ("a", 0)),
        ("a{{{1e3}}}", ("a", 0)),
        ("a{{{ 5}}}", ("a", 0)),
        ("a{{{1_0}}}", ("a", 0)),
        ("a{{{\u0665}}}", ("a", 0)),
        (f"a{{{{{{{2**63 - 1}}}}}}}", ("a", 2**63 - 1)),
        (f"a{{{{{{{2**63}}}}}}}", ("a", 2**63 - 1)),
        ("a{{{5", ("a{{{5", 0)),
        ("a", ("a", 0)),
    ],
)
def test_an_entry(text: str, entry: tuple[str, int]) -> None:
    assert parse(text) == [entry]
    # The same among others, whose block is then read the careful way, or not.
    assert parse(f"x{{{{{{1}}}}}}|||{text}") == [("x", 1), entry]


def test_sizes_of_a_million_digits() -> None:
    assert parse("a{{{" + "9" * 10**6 + "}}}|||b{{{" + "0" * 10**6 + "7}}}") == [
        ("a", MAX_LENGTH),
        ("b", 7),
    ]


@pytest.mark.parametrize(
    ("broken", "entry"),
    [
        ("notes s2048s Dr. Smith lab notes{{{a}}}", ("Dr. Smith lab notes", 2048)),
        ("s2048s Dr. Smith notes{{{ote}}}", ("Dr. Smith notes", 2048)),
        ("v s7s x.a 12345 v{{{234}}}", ("x.a 12345 v", 7)),
        ("b s7s x.a  b{{{}}}", ("x.a  b", 7)),
        ("&nbsp;b s7s x.a   b{{{}}}", ("x.a   b", 7)),
        ("n s7s d/&eacute;.x y&amp;z n{{{&amp;}}}", ("d/é.x y&z n", 7)),
        ("s-7s x.a b c{{{}}}", ("x.a b c", 0)),
    ],
)
def test_entries_the_server_broke(broken: str, entry: tuple[str, int]) -> None:
    assert parse(broken) == [entry]
    assert parse(f"x{{{{{{1}}}}}}|||{broken}|||y.z{{{{{{2}}}}}}") == [("x", 1), entry, ("y.z", 2)]


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        # Not what its own extension would have become.
        ("notes s2048s Dr. Smith lab papers{{{a}}}", ("Dr. Smith lab papers", 2048)),
        ("data s12s file{{{x}}}", ("file", 12)),
        ("s12s {{{x}}}", ("", 12)),
        ("no size here{{{x}}}", ("no size here", 0)),
        # A number is a size, unless it is proven to be none.
        ("data s12s file{{{3}}}", ("data s12s file", 3)),
        ("data s12s file.a bcd e{{{3}}}", ("data s12s file.a bcd e", 3)),
        ("notes s2048s Dr. Smith lab notes{{{5}}}", ("notes s2048s Dr. Smith lab notes", 5)),
        ("nodes s7s d.a x9y notes{{{9}}}", ("nodes s7s d.a x9y notes", 9)),
        # A dot at the beginning makes no extension.
        ("b s7s .a x9y b{{{9}}}", ("b s7s .a x9y b", 9)),
    ],
)
def test_entries_that_nothing_explains(text: str, entry: tuple[str, int]) -> None:
    assert parse(text) == [entry]


def test_a_count_joins_what_cannot_be_entries() -> None:
    text = "a{{{x}}}|||b{{{3}}}|||c{{{4}}}"
    assert parse(text) == [("a", 0), ("b", 3), ("c", 4)]
    assert parse(text, 3) == parse(text, 9) == parse(text)
    assert parse(text, 2) == [("a{{{x}}}|||b", 3), ("c", 4)]
    assert parse(text, 1) == [("a{{{x}}}|||b{{{3}}}|||c", 4)]
    assert parse("a{{{1}}}|||b{{{2}}}|||c{{{3}}}", 2) == [("a", 1), ("b", 2), ("c", 3)]
    assert parse("a{{{x}}}|||b{{{y}}}|||c{{{z}}}", 2) == [("a{{{x}}}|||b", 0), ("c", 0)]
    # One that the server broke is an entry.
    broken = "notes s2048s Dr. Smith lab notes{{{a}}}|||c{{{4}}}|||d{{{y}}}|||e{{{5}}}"
    assert parse(broken, 3) == [("Dr. Smith lab notes", 2048), ("c", 4), ("d{{{y}}}|||e", 5)]


@pytest.mark.parametrize("odd", ["", "&eacute;", "}}}|||", " s1s ", "{{{"])
def test_every_way_of_reading_agrees_over_many_blocks(odd: str) -> None:
    # Several blocks of 2**18 characters, with something odd in the second of them only.
    plain = [f"metadata/run {i % 50}/sample_{i:06}.fastq.gz" for i in range(20_000)]
    strange = [f"{path}{odd}x" if 8_000 < i < 8_100 else path for i, path in enumerate(plain)]
    text = "|||".join(f"{path}{{{{{{{i}}}}}}}" for i, path in enumerate(strange))
    expected = [(path.replace("&eacute;", "é"), i) for i, path in enumerate(strange)]
    assert len(text) > 3 * 2**18
    assert parse(text) == expected
    assert sum(1 for _ in iterate(text)) == 20_000


def test_names_across_blocks() -> None:
    name = "}}}|||".join("x" * 1000 for _ in range(600))
    assert parse(f"{name}{{{{{{5}}}}}}|||b{{{{{{6}}}}}}") == [(name, 5), ("b", 6)]
    assert parse(name) == [(name, 0)]


def test_absurd_references_spoil_nothing_else() -> None:
    text = f"a&eacute;{{{{{{1}}}}}}|||b&#{'1' * 5000};{{{{{{2}}}}}}"
    assert parse(text) == [("aé", 1), ("b\ufffd", 2)]
