"""Text between the server's HTML and Unicode."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biofs.tree.printable import escape, scalar, unescape

# C1 controls and noncharacters have no reference that HTML decodes to them.
ordinary = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")))


@given(ordinary)
@settings(deadline=None)
def test_escaped_text_comes_back(text: str) -> None:
    escaped = escape(text)
    assert escaped.isascii()
    assert unescape(escaped) == text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("it's {a} [b] #c", "it&#39;s {a} [b] #c"),
        ('<R&D> "x"', "&lt;R&amp;D&gt; &quot;x&quot;"),
        ("donnée n°1 β", "donn&eacute;e n&deg;1 &beta;"),
        ("日🧬", "&#26085;&#129516;"),
        ("\u200d\u2013", "&zwj;&ndash;"),
        ("\u2329x\u232a", "&lang;x&rang;"),
    ],
)
def test_escapes_as_recorded(text: str, escaped: str) -> None:
    assert escape(text) == escaped
    assert unescape(escaped) == text


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        ("&amp;eacute;", "&eacute;"),
        ("&amp;lang;", "&lang;"),
        ("&#0;&#xD800;&#x110000;", "\ufffd\ufffd\ufffd"),
        ("&#" + "9" * 10_000 + ";&eacute;", "\ufffdé"),
        ("&#x" + "9" * 10_000 + ";", "\ufffd"),
        ("AT&T & co", "AT&T & co"),
    ],
)
def test_decodes_once(escaped: str, text: str) -> None:
    assert unescape(escaped) == text


@given(st.text(st.characters(exclude_categories=())))
@settings(deadline=None)
def test_scalar_text_can_be_encoded(text: str) -> None:
    assert len(scalar(text).encode().decode()) == len(text)
    assert scalar(scalar(text)) == scalar(text)
    assert scalar("\ud83e\udd7c") == "\ufffd\ufffd"
