"""HTML descriptions as plain text."""

import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from biofs.tree.render import description_text

fragments = st.sampled_from(
    (
        *("<br />", "<br>", "<p>", "</p>", "<ul>", "<li>", "</li>", "</ul>", "<ol>", "<pre>"),
        *("<table>", "<tr>", "<td>", "</td>", "</table>", "<b", ">", "<", "</", "<!--", "-->"),
        *("&amp;", "&lt;", "&eacute;", "&#27;", "&#155;", "&#xD800;", "&#8232;", "&", "\ud800"),
        *("text", " ", "\n", "\t", "\r\n", "\x1b[2J", "\0", "<?xml version='1.0'?>", "<![CDATA["),
        *("<script>", "</script>", "<p style='margin-top: 99999em'>", "<textarea>", "<plaintext>"),
    )
)
markup = st.lists(fragments | st.text(max_size=4), max_size=25).map("".join)


def assert_plain(text: bytes) -> None:
    if text:
        assert text.endswith(b"\n")
        assert text.strip()
    assert all(c in "\n\t" or not (c < " " or "\x7f" <= c <= "\x9f") for c in text.decode())
    assert b"\n\n\n" not in text
    assert not any(line.endswith((b" ", b"\t")) for line in text.splitlines())


@given(markup)
@settings(deadline=None, max_examples=300)
@example("<?xml version='1.0' encoding='utf-16'?><p>x</p>")
@example("<p>" + "&amp;#" + "1" * 5000 + ";")
def test_any_html_becomes_plain_text(html: str) -> None:
    text = description_text(html)
    assert_plain(text)
    assert description_text(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        (" <br /> ", ""),
        ("<p></p>", ""),
        ("one<br />\ntwo<br />\n<br />\nthree", "one\ntwo\n\nthree\n"),
        ("<p>one</p><p>two</p>", "one\n\ntwo\n"),
        ("<ul class='postlist'><li>a</li><li>b</li></ul>", "  * a\n  * b\n"),
        ("<ol><li>a</li><li>b</li></ol>", " 1. a\n 2. b\n"),
        ('see <a href="https://x.org/?a=1&amp;b=2">the &lt;page&gt;</a>.', "see the <page>.\n"),
        ("na&iuml;ve &mdash; &#26085;", "naïve — 日\n"),
        ("&amp;eacute; &amp;lt;b&amp;gt; &#38;eacute;", "&eacute; &lt;b&gt; &eacute;\n"),
        ("<strong>a</strong> <span>b</span>c", "a bc\n"),
        ("<pre>a\n  b</pre>", "a\n  b\n"),
        ("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>", "a b\n1 2\n"),
        ("a\x1b[31m&#27;b&#7;c\0", "a[31mbc\n"),
        ("a &lt; b", "a < b\n"),
        ("<p style='display: none'>shown</p>", "shown\n"),
        ("<script>alert(1)</script>text", "text\n"),
    ],
)
def test_description_text(html: str, text: str) -> None:
    assert description_text(html) == text.encode()


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("one<br />\ntwo<br />\n<br />\nthree", "one\ntwo\n\nthree\n"),
        ("<p>one</p><p>two</p>", "one\n\ntwo\n"),
        ("<ul><li>a</li><li>b</li></ul>", "  * a\n  * b\n"),
        ('<a href="https://x.org">the &lt;page&gt;</a>', "the <page>\n"),
        ("&amp;eacute; &eacute; \x1b[31m", "&eacute; é [31m\n"),
        ("<tr><td>1</td><td>2</td></tr>", "1  2\n"),
    ],
)
def test_what_is_too_deep_loses_its_tags(html: str, text: str) -> None:
    assert description_text("<b>" * 30_000 + html) == text.encode()


@pytest.mark.parametrize("depth", [10, 100, 300, 1_000, 30_000])
def test_no_text_is_lost_at_any_depth(depth: int) -> None:
    # lxml drops what is deeper than 255 elements, without a word.
    assert description_text("start " + "<b>" * depth + "end") == b"start end\n"


@pytest.mark.parametrize(
    "html",
    [
        pytest.param("<p>hello</p>" * 20_000, id="large"),
        pytest.param("<" * 300_000, id="angles"),
        pytest.param("<!--" * 100_000, id="comments"),
        pytest.param("<a " * 100_000, id="open tags"),
        pytest.param("&#" * 100_000, id="references"),
        pytest.param("<table><tr><td>" + "w" * 50_000 + "<tr><td>x" * 8_000, id="wide table"),
        pytest.param("<ul>" * 60 + "<li>x</li>" * 10_000, id="deep list"),
        pytest.param("<p style='margin-top: 99999em'>x" * 2_000, id="margins"),
        pytest.param("<p style='padding-left: 99999em'>x" * 2_000, id="padding"),
    ],
)
def test_text_is_in_proportion_to_html(html: str) -> None:
    text = description_text(html)
    assert_plain(text)
    assert len(text) <= 10 * len(html)
    assert len(text) > 1_000


def test_a_parser_that_fails_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    import inscriptis

    def broken(*_: object) -> str:
        raise RecursionError

    monkeypatch.setattr(inscriptis, "get_text", broken)
    assert description_text("<p>one</p><ul><li>two</li></ul>") == b"one\n\n  * two\n"


def test_the_parser_is_loaded_when_needed() -> None:
    import subprocess

    script = "import sys, biofs.tree.render; print('lxml' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    assert result.stdout == b"False\n"
