"""Searches are read as they are meant, and those that mean the same are one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.api.actions import Api
from biofs.catalogue.documents.searches import FIELDS, InvalidSearch, Search, parse
from biofs.mount import texts


@pytest.mark.parametrize(
    ("text", "fields", "category"),
    [
        ("kratom genome", {"searchstr": "genome kratom"}, None),
        ('"heat shock" protein', {"searchstr": '"heat shock" protein'}, None),
        ("year:2005", {"year": "2005"}, None),
        ("year:2000-2005", {"year": "2000-2005"}, None),
        ("year:2000-", {"year": "2000-9999"}, None),
        ("year:-2005", {"year": "1-2005"}, None),
        ("year:2005-2005", {"year": "2005"}, None),
        ("tag:one_shot", {"taglist": "one.shot", "tags_type": "1"}, None),
        ("tag:virus tag:fungi", {"taglist": "fungi,virus", "tags_type": "1"}, None),
        ("tag:virus,fungi", {"taglist": "fungi,virus", "tags_type": "0"}, None),
        ('author:"David Schild"', {"artistname": '"david schild"'}, None),
        ("file:genome.fa", {"filelist": "genome.fa"}, None),
        ("title:ADH1", {"groupname": "adh1"}, None),
        ("format:FASTA", {"format": "FASTA"}, None),
        ("platform:Nanopore", {"media": "Nanopore"}, None),
        ("category:images", {}, 8),
        ('category:"Machine Data" x', {"searchstr": "x"}, 12),
        ("category:Scalars-Vectors", {}, 5),
        ("category:5", {}, 5),
        ('organism:"Homo sapiens" x', {"searchstr": '"homo sapiens" x'}, None),
        ("strain:S288C accession:YOL086C", {"searchstr": "s288c yol086c"}, None),
        ('"no:field"', {"searchstr": "no:field"}, None),
        ("Arabidopsis: a plant", {"searchstr": "a arabidopsis plant"}, None),
        ("ratio 16:9", {"searchstr": "16:9 ratio"}, None),
        ('an "open phrase', {"searchstr": '"open phrase" an'}, None),
    ],
)
def test_a_search_is_read(text: str, fields: dict[str, str], category: int | None) -> None:
    assert parse(text) == Search(tuple(sorted(fields.items())), category)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("organsim:yeast", "organsim: no such field: there are title, author"),
        ("year:soon", "write 2005, 2000-2005, 2000- or -2005"),
        ("year:2005-2000", "ends before it begins"),
        ("year:20055", "write 2005"),
        ("year:2000 year:2001", "year: can be given once"),
        ("format:FASTA format:FASTQ", "format: can be given once"),
        ("category:Nope", "category: Nope: no such category; the categories are Sequences"),
        ("category:1 category:2", "category: can be given once"),
        ("tag:-fungi", "cannot leave tags out"),
        ("tag:,", "tag: has no value"),
        ("tag:a,b tag:c", "either all of several tags or one of them"),
        ("tag:a,b tag:c,d", "can be asked for once"),
        ('title:""', "title: has no value"),
        ('""', "searches for nothing"),
        ("   ", "searches for nothing"),
    ],
)
def test_what_is_no_search_says_why(text: str, reason: str) -> None:
    with pytest.raises(InvalidSearch) as raised:
        parse(text)
    assert reason in str(raised.value)
    assert "\n" not in str(raised.value)


_WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=8)
_PARTS = st.one_of(
    _WORDS,
    _WORDS.map(lambda word: f"title:{word}"),
    _WORDS.map(lambda word: f"tag:{word}"),
    _WORDS.map(lambda word: f'"{word} {word}"'),
)


@given(st.lists(_PARTS, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_order_case_repetition_and_blanks_make_no_difference(
    parts: list[str], random: object
) -> None:
    search = parse(" ".join(parts))
    shuffled = [*parts, parts[0]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert parse("  ".join(shuffled)) == search
    assert parse(" ".join(parts)).key == search.key


def parsed(text: str) -> Search | str:
    """The search, or why it is none."""
    try:
        return parse(text)
    except InvalidSearch as error:
        return str(error)


@given(st.text(st.characters(codec="utf-8"), max_size=255))
def test_any_name_is_a_search_that_can_be_sent_or_is_refused(text: str) -> None:
    search = parsed(text)
    if isinstance(search, str):
        assert search.splitlines() == [search]
        return
    Api.browse.request(1, category=search.category, **dict(search.fields))
    assert search.fields == tuple(sorted(search.fields))
    assert search.fields or search.category


@given(st.text(max_size=40), st.text(max_size=40))
def test_different_searches_have_different_keys(one: str, other: str) -> None:
    try:
        first, second = parse(one), parse(other)
    except InvalidSearch:
        return
    assert (first == second) == (first.key == second.key)


def test_every_field_is_in_the_documentation() -> None:
    page = Path("docs/tree.md").read_text()
    for field in FIELDS:
        assert f"{field}:" in page, field
        assert f"{field}:".encode() in texts.README, field
