"""Documents are in plain technical English, and the glossary is in order."""

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
INSTEAD = {
    "behind your back": "in the background",
    "behind the back": "in the background",
    "unless told": "by default",
    "unless given": "default",
    "hangs on": "depends on",
    "heeds": "supports",
    "makes no sense": "is invalid",
    "anew": "again",
    "nobody foresaw": "unexpected error",
}
DOCUMENTS = [
    document
    for document in (*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/*.md"))
    if document.name != "commands.md"  # the commands' own words
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_a_document_has_none_of_them(document: Path) -> None:
    words = f" {' '.join(document.read_text('utf-8').lower().split())} "
    for phrase, better in INSTEAD.items():
        assert f" {phrase} " not in words, better


def test_the_glossary_is_in_order() -> None:
    text = (CHECKOUT / "docs/glossary.md").read_text("utf-8")
    terms = re.findall(r"^\*\*(.+?)\.\*\*", text, re.MULTILINE)
    assert terms == sorted(terms, key=str.lower)
    assert len(set(terms)) == len(terms) > 25
