"""From what people type to the table that is meant."""

import pytest

from biofs.cli.ls_rows import Place, place_of


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("", Place("categories")),
        ("/", Place("categories")),
        ("categories/", Place("categories")),
        ("Sequences", Place("category", 1)),
        ("sequences", Place("category", 1)),
        ("machine data", Place("category", 12)),
        ("categories/Scalars-Vectors", Place("category", 5)),
        ("./categories//Images/../Models", Place("category", 10)),
        ("categories/Images/Anything [31]", Place("group", 31)),
        ("Images/Anything [31]", Place("group", 31)),
        ("tags", Place("facets", of="tags")),
        ("authors", Place("facets", of="authors")),
        ("tags/one.shot", Place("facet", of="tags", text="one.shot")),
        ("years/1985", Place("facet", of="years", text="1985")),
        ("tags/fungi/Name [3]", Place("group", 3)),
        ("groups", Place("groups")),
        ("groups/17", Place("group", 17)),
        ("search/kratom genome", Place("links", of="search", text="kratom genome")),
        ("collages/3", Place("links", of="collages", text="3")),
        ("collages/3/Name [8]", Place("group", 8)),
        ("top/torrents/10", Place("links", of="top", text="torrents/10")),
    ],
)
def test_what_there_is_a_table_of(path: str, place: Place) -> None:
    assert place_of(path) == place


@pytest.mark.parametrize(
    "path",
    [
        *(
            "..",
            "categories/..//..",
            "Nothing",
            "categories/Nothing",
            "users/3",
            "me",
            "README.txt",
        ),
        *("categories/Images/index.jsonl", "categories/Images/Name [3]/FASTA [1]", "search"),
        *("groups/x", "groups/17/group.json", "groups/" + "9" * 40, "top/users/10", "top"),
        *("collages", "tags/fungi/Name", "categories/Images/Name [03]"),
    ],
)
def test_what_there_is_none_of(path: str) -> None:
    assert place_of(path) is None
