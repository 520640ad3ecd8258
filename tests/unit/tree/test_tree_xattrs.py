"""What extended attributes say, and that nothing in them can do harm."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from biofs.mount.xattrs import LONGEST_TEXT, LONGEST_VALUE, XattrValues, attributes


def test_every_trait_has_its_attribute() -> None:
    traits = XattrValues(
        ident=7,
        url="https://torrents.bio/torrents.php?id=7",
        info_hashes=["AB" * 20, "CD" * 20],
        licenses=["CC BY", "CC BY", "MIT"],
        tags=["fungi", "one.shot"],
        size=1095,
        seeders=3,
        leechers=0,
        comment="Yeast's\n  alcohol   dehydrogenase.",
    )
    assert attributes(traits) == {
        b"user.biofs.id": b"7",
        b"user.biofs.info_hash": b"AB" * 20 + b"," + b"CD" * 20,
        b"user.biofs.leechers": b"0",
        b"user.biofs.license": b"CC BY,MIT",
        b"user.biofs.seeders": b"3",
        b"user.biofs.size": b"1095",
        b"user.biofs.tags": b"fungi,one.shot",
        b"user.biofs.url": b"https://torrents.bio/torrents.php?id=7",
        b"user.xdg.comment": b"Yeast's alcohol dehydrogenase.",
        b"user.xdg.origin.url": b"https://torrents.bio/torrents.php?id=7",
        b"user.xdg.tags": b"fungi,one.shot",
    }


def test_what_is_not_known_has_none() -> None:
    assert attributes(XattrValues(ident=7, tags=["", " \n"])) == {b"user.biofs.id": b"7"}


def test_a_comma_in_a_tag_makes_no_two_of_it() -> None:
    assert attributes(XattrValues(ident=1, tags=["a,b", "c"]))[b"user.xdg.tags"] == b"a b,c"


def test_lists_that_are_too_long_keep_whole_texts() -> None:
    value = attributes(XattrValues(ident=1, tags=[f"{n:07}" for n in range(20_000)]))[
        b"user.xdg.tags"
    ]
    assert LONGEST_VALUE - 8 <= len(value) <= LONGEST_VALUE
    assert value.decode().split(",") == [f"{n:07}" for n in range(len(value.split(b",")))]


def test_a_comment_is_cut_at_a_character() -> None:
    value = attributes(XattrValues(ident=1, comment="日" * 5000))[b"user.xdg.comment"]
    assert LONGEST_TEXT - 3 < len(value) <= LONGEST_TEXT
    assert set(value.decode()) == {"日"}


HOSTILE = st.text(st.one_of(st.characters(), st.sampled_from("\x00\x1b\x9b\u202e\ud800,\n\t ")))


@given(HOSTILE, st.lists(HOSTILE), HOSTILE)
def test_no_value_holds_a_control_character_or_is_empty(
    comment: str, tags: list[str], url: str
) -> None:
    found = attributes(XattrValues(ident=1, comment=comment, tags=tags, licenses=tags, url=url))
    for name, value in found.items():
        assert value, name
        assert len(value) <= LONGEST_VALUE
        for character in value.decode():
            assert unicodedata.category(character) not in {"Cc", "Cs"}
            assert character not in "\u061c\u200e\u200f\u202a\u202e\u2066\u2069"
