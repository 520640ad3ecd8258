"""The parameters of browse and what they find."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.demo.actions.browse_query import browse_query
from biofs.demo.query import Query
from biofs.demo.written.embedded import embedded


def found(**params: str) -> list[int]:
    """Group ids in the answer's order; `filter_cat_1` stands for `filter_cat[1]`."""
    named = {
        f"filter_cat[{name.removeprefix('filter_cat_')}]" if "filter_cat" in name else name: value
        for name, value in params.items()
    }
    return [group.id for group in embedded().page(browse_query(named), 0, 1000)]


EVERYTHING = found()


@pytest.mark.parametrize(
    ("params", "ids"),
    [
        ({"searchstr": "ADH1"}, [1]),
        ({"searchstr": "adh1 SCHILD 1985"}, [1]),
        ({"searchstr": "adh"}, []),
        ({"searchstr": "adh1 nowhere"}, []),
        ({"groupname": "ADH1"}, [1]),
        ({"groupname": "1985"}, []),
        ({"artistname": "treehorn jackie"}, [65, 64, 63, 62, 10, 9, 8, 7]),
        ({"filelist": "YOL086C protein"}, [1]),
        ({"filelist": "stage train"}, [37]),
        ({"taglist": "massachusetts,geography"}, [57, 52]),
        ({"taglist": "massachusetts, public.health", "filter_cat_9": "1"}, []),
        (
            {"taglist": "massachusetts,public_health", "tags_type": "0", "filter_cat_9": "1"},
            [57, 52, 19],
        ),
        ({"year": "1985"}, [1]),
        ({"year": "1953-1958"}, [54, 18, 6]),
        ({"year": "2023-"}, [74, 60, 49]),
        ({"year": "99999"}, [74]),
        ({"year": "-1953", "filter_cat_8": "1"}, [18]),
        ({"filter_cat_7": "1"}, [49, 30, 17]),
        ({"filter_cat_7": "1", "filter_cat_11": "1", "year": "1998-2003"}, [21, 17]),
        ({"filter_cat_7": "0"}, EVERYTHING),
        ({"filter_cat_99": "1"}, []),
        ({"media": "X-Rays", "format": "PNG"}, [37, 18]),
        ({"platform": "X-Rays", "format": "DICOM"}, [37]),
        ({"freetorrent": "1"}, []),
        ({"filter_cat_7": "1", "order_by": "year"}, [49, 30, 17]),
        ({"filter_cat_7": "1", "order_by": "year", "order_way": "asc"}, [17, 30, 49]),
        ({"filter_cat_7": "1", "order_by": "name", "order_way": "ASC"}, [17, 30, 49]),
        ({"filter_cat_9": "1", "order_by": "size"}, [57, 52, 50, 38, 19]),
        ({"filter_cat_9": "1", "order_by": "filecount"}, [57, 52, 38, 50, 19]),
    ],
)
def test_filters_and_orders(params: dict[str, str], ids: list[int]) -> None:
    assert found(**params) == ids


@pytest.mark.parametrize(
    "params",
    [
        {"year": "soon"},
        {"year": "-"},
        {"year": "٣"},
        {"order_by": "data"},
        {"order_by": "nonsense", "order_way": "sideways"},
        {"filter_cat_x": "1"},
        {"filter_cat_1": "yes"},
        {"taglist": " , ,"},
        {"searchstr": "&&&"},
        {"unknown": "1"},
    ],
)
def test_what_makes_no_sense_does_not_restrict(params: dict[str, str]) -> None:
    assert found(**params) == EVERYTHING


def test_the_default_is_newest_first() -> None:
    times = [embedded().group(group_id) for group_id in EVERYTHING]
    assert [g.time for g in times if g] == sorted((g.time for g in times if g), reverse=True)


@given(
    st.dictionaries(
        st.sampled_from(
            ["searchstr", "taglist", "year", "filter_cat[1]", "order_by", "order_way", "page"]
        ),
        st.text(max_size=12),
    )
)
def test_any_text_is_a_query(params: dict[str, str]) -> None:
    query = browse_query(params)
    assert isinstance(query, Query)
    assert embedded().count(query) == len(embedded().page(query, 0, 1000))
