"""Escaping and file lists, against texts that the real server sent."""

# ruff: noqa: RUF001 - ambiguous characters are the point

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.demo.escape import file_entry, file_list, htmlentities
from biofs.demo.model import Entry
from biofs.tree.printable import unescape


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        (
            'AC/DC & friends: α-subunit "long" <draft>',
            "AC/DC &amp; friends: &alpha;-subunit &quot;long&quot; &lt;draft&gt;",
        ),
        ("C57BL/6J × DBA/2J (F₁)", "C57BL/6J &times; DBA/2J (F&#8321;)"),
        ("it's {curly} 100%", "it&#39;s {curly} 100%"),
        ("👩\u200d🔬 שלום", "&#128105;&zwj;&#128300; &#1513;&#1500;&#1493;&#1501;"),
        ("cafe\u0301 café", "cafe&#769; caf&eacute;"),
        ("literal &amp; &eacute;", "literal &amp;amp; &amp;eacute;"),
        ("nbsp\u00a0here", "nbsp&nbsp;here"),
        ("\ufb01 ligature\x07\n", "&#64257; ligature\x07\n"),
    ],
)
def test_entities_are_the_servers(text: str, escaped: str) -> None:
    assert htmlentities(text) == escaped


@given(st.text(st.characters(exclude_categories=["Cn", "Cs"])))
def test_escaped_texts_are_ascii_and_decode_to_themselves(text: str) -> None:
    # html.unescape follows HTML 5, which reads references to C1 controls as Windows-1252, and drops
    # those to what is no character, such as U+FFFE: those are among the unassigned (Cn).
    text = "".join(char for char in text if not 0x80 <= ord(char) < 0xA0)
    escaped = htmlentities(text)
    assert escaped.isascii()
    # HTML 4, which the server writes, has other characters for two names than HTML 5.
    assert unescape(escaped) == text


@pytest.mark.parametrize(
    ("path", "length", "entry"),
    [
        ("ADH1/coding.fsa", 1095, "ADH1/coding.fsa{{{1095}}}"),
        ("Dr. Smith lab notes", 2048, "notes s2048s Dr. Smith lab notes{{{a}}}"),
        ("ver 1.0 final copy", 7, "copy s7s ver 1.0 final copy{{{ina}}}"),
        ("a. b", 7, "a. b{{{7}}}"),
        ("no extension here", 7, "no extension here{{{7}}}"),
        ("  two spaces.txt", 7, "&nbsp;&nbsp;two spaces.txt{{{7}}}"),
        ("a{{{5}}}|||.txt", 7, "a{{{5}}}|||.txt{{{7}}}"),
        ("", 7, "{{{7}}}"),
    ],
)
def test_entries_are_written_as_the_server_does(path: str, length: int, entry: str) -> None:
    assert file_entry(Entry(path, length)) == entry


def test_lists_are_joined_and_an_empty_one_is_an_empty_entry() -> None:
    assert file_list([Entry("a", 1), Entry("b", 0)]) == "a{{{1}}}|||b{{{0}}}"
    assert file_list([]) == "{{{}}}"
