"""Which rows are shown, and in which order."""

from typing import Any

import pytest

from biofs.cli.commands.ls import Selection, years
from biofs.store.rows import Entry, FacetCount


def entry(ident: int, name: str, **fields: Any) -> Entry:
    return Entry(id=ident, name=name, category="Images", time=ident * 10, **fields)


ROWS = [
    entry(1, "Zebra [1]", year=2005, size=300, seeders=0, tags=("fish", "one.shot")),
    entry(2, "Écureuil [2]", year=1999, size=100, seeders=7, formats=("FASTA",)),
    entry(3, "ant [3]", year=2005, size=200, seeders=2, tags=("Fish",)),
    entry(4, "Unknown [4]"),
]


def ids(**wanted: Any) -> list[int]:
    return [row.id for row in Selection(**wanted).entries(ROWS)]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [3, 2, 4, 1]),
        ({"reverse": True}, [1, 4, 2, 3]),
        ({"order": "size"}, [1, 3, 2, 4]),
        ({"order": "size", "reverse": True}, [2, 3, 1, 4]),
        ({"order": "seeders", "limit": 2}, [2, 3]),
        ({"order": "time"}, [4, 3, 2, 1]),
        ({"order": "id"}, [1, 2, 3, 4]),
        ({"match": "ECUR"}, [2]),
        ({"match": "["}, [3, 2, 4, 1]),
        ({"years": (2000, 2010)}, [3, 1]),
        ({"tags": ("fish",)}, [3, 1]),
        ({"tags": ("fish", "one.shot")}, [1]),
        ({"formats": ("fasta",)}, [2]),
        ({"min_size": 200}, [3, 1]),
        ({"max_size": 200}, [3, 2]),
        ({"min_seeders": 1}, [3, 2]),
        ({"min_seeders": 0}, [3, 2, 1]),
    ],
)
def test_rows(wanted: dict[str, Any], found: list[int]) -> None:
    assert ids(**wanted) == found


def test_heaps() -> None:
    facets = [
        FacetCount(id=1, name="fungi", groups=3, time=5),
        FacetCount(id=2, name="Coding", groups=9, time=4),
    ]
    assert [facet.id for facet in Selection().facets(facets)] == [2, 1]
    assert [facet.id for facet in Selection(order="groups", reverse=True).facets(facets)] == [1, 2]
    assert [facet.id for facet in Selection(match="cod").facets(facets)] == [2]


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("2005", (2005, 2005)),
        ("2000-2005", (2000, 2005)),
        ("2000-", (2000, 9999)),
        ("-1999", (0, 1999)),
    ],
)
def test_years(text: str, span: tuple[int, int]) -> None:
    assert years(text) == span


@pytest.mark.parametrize("text", ["", "-", "x", "20055", "2005-x", "٢٠٠٥"])
def test_what_is_no_year(text: str) -> None:
    with pytest.raises(ValueError, match="span of years"):
        years(text)
