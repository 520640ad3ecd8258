"""The parameters of `browse`, read into a Query."""

import re
from collections.abc import Mapping

from biofs.demo.actions.call import number
from biofs.demo.query import Query, words

_YEARS = re.compile(r"([0-9]{0,9})-([0-9]{0,9})|([0-9]{1,9})")
_CATEGORY = re.compile(r"filter_cat\[([0-9]{1,9})\]")
_NO_END = 10**9
_ORDERS = frozenset(
    {"time", "year", "name", "size", "filecount", "snatched", "seeders", "leechers"}
)


def browse_query(params: Mapping[str, str]) -> Query:
    """The query; parameters that make no sense, or that are not known here, do not restrict.

    `group_results` is among the latter: the answer is always of groups.
    """
    order = params.get("order_by", "")
    return Query(
        search=words(params.get("searchstr", "")),
        name=words(params.get("groupname", "")),
        author_name=words(params.get("artistname", "")),
        file=words(params.get("filelist", "")),
        tags=_tags(params.get("taglist", "")),
        all_tags=params.get("tags_type") != "0",
        categories=_categories(params),
        years=_years(params.get("year", "")),
        platform=params.get("media") or params.get("platform") or None,
        format=params.get("format") or None,
        free=params.get("freetorrent") == "1",
        order_by=order if order in _ORDERS else "time",
        descending=params.get("order_way", "").lower() != "asc",
    )


def _tags(text: str) -> frozenset[str]:
    tags = (tag.strip().lower().replace("_", ".") for tag in text.split(","))
    return frozenset(tag for tag in tags if tag)


def _categories(params: Mapping[str, str]) -> frozenset[int]:
    matches = ((_CATEGORY.fullmatch(name), value) for name, value in params.items())
    return frozenset(int(match[1]) for match, value in matches if match and number(value))


def _years(text: str) -> tuple[int, int] | None:
    match = _YEARS.fullmatch(text.strip())
    if match is None or text.strip() == "-":
        return None
    if match[3]:
        return int(match[3]), int(match[3])
    return int(match[1] or 0), int(match[2] or _NO_END)
