"""Documents rendered from the API's answers."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from biofs.tree import render
from biofs.tree.filelist import Entry, Portion
from biofs.tree.printable import scalar, unescape

anything = st.text(st.characters(exclude_categories=()), max_size=8)
texts = anything | st.sampled_from(["&eacute;", "&amp;amp;", "\ud800", "&#" + "1" * 5000 + ";"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.just(2**5000)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20
)

GROUP = {
    "description": "na&iuml;ve <br /> &amp;",
    "id": 1,
    "name": "R&amp;D &eacute;",
    "authors": [{"id": 2, "name": "AT&amp;T & Sons &eacute;"}],
    "tags": ["a&amp;b", ""],
    "extra": {"description": "kept &eacute;"},
}


def nested(depth: int) -> object:
    value: object = "x"
    for level in range(depth):
        value = [value] if level % 2 else {"k": value}
    return value


@given(values)
@settings(deadline=None)
@example([float("nan"), float("inf"), 2**64, -(2**63), True])
@example({"\ud800": 2**70, "a": [float("nan")]})
def test_any_value_is_valid_json(value: object) -> None:
    written = render.document(value)
    assert written.endswith(b"\n")
    # NaN and the infinities are Python's alone.
    read = json.loads(written, parse_constant=pytest.fail)
    assert json.loads(render.document(read)) == read


@given(values)
@settings(deadline=None)
def test_decoding_texts_keeps_the_shape(value: object) -> None:
    decoded = render.decode_texts(value)
    assert_decoded(value, decoded)
    render.document(decoded).decode()


def assert_decoded(value: object, decoded: object) -> None:
    if isinstance(value, dict):
        assert isinstance(decoded, dict)
        assert list(value) == list(decoded)
        for key, inner in value.items():
            assert_decoded(inner, decoded[key])
    elif isinstance(value, list):
        assert isinstance(decoded, list)
        for inner, shown in zip(value, decoded, strict=True):
            assert_decoded(inner, shown)
    elif isinstance(value, str):
        assert decoded == scalar(unescape(value))
    else:
        assert decoded is value


def test_texts_under_kept_keys_stay() -> None:
    value = {"a": "&amp;", "b": [{"c": "&amp;\ud800"}], "c": "&amp;amp;"}
    assert render.decode_texts(value, frozenset("b")) == {
        "a": "&",
        "b": [{"c": "&amp;\ufffd"}],
        "c": "&amp;",
    }


@pytest.mark.parametrize("depth", [render.MAX_DEPTH + 1, 1_000, 100_000])
def test_absurd_nesting_is_refused(depth: int) -> None:
    with pytest.raises(ValueError, match="nested deeper"):
        render.decode_texts(nested(depth))
    with pytest.raises(ValueError, match="nested deeper"):
        render.document(render.group_shown({"name": nested(depth)}))
    with pytest.raises(ValueError, match="nested deeper"):
        render.index_line({"groupName": nested(depth)})


def test_nesting_within_reason_is_rendered() -> None:
    value = nested(render.MAX_DEPTH)
    assert json.loads(render.document(render.decode_texts(value))) == value
    # What orjson refuses is no deeper.
    assert json.loads(render.document([nested(render.MAX_DEPTH - 1), 2**70]))[1] == 2**70


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError):
        render.document({"a": {1, 2}})


def test_document() -> None:
    assert render.document({"b": [], "a": {"é": 1}}) == (
        '{\n  "b": [],\n  "a": {\n    "é": 1\n  }\n}\n'.encode()
    )


def test_large_integers_look_like_the_others() -> None:
    assert render.document({"a": 2**70, "b": ["é", {}, []]}) == render.document(
        {"a": 7, "b": ["é", {}, []]}
    ).replace(b"7", str(2**70).encode())
    assert render.index_line({"a": 2**70, "b": ["é"]}) == f'{{"a":{2**70},"b":["é"]}}\n'.encode()
    assert render.document({"a": 10**5000}) == b'{\n  "a": null\n}\n'


def test_group_json() -> None:
    assert json.loads(render.document(render.group_shown(GROUP))) == {
        **GROUP,
        "name": "R&D é",
        "tags": ["a&b", ""],
    }
    assert list(json.loads(render.document(render.group_shown(GROUP)))) == list(GROUP)


def test_torrent_json() -> None:
    torrent = {
        "id": 1,
        "description": "[b]&eacute;[/b]",
        "fileList": "a{{{1}}}",
        "filePath": "&#39;",
    }
    assert json.loads(render.document(render.torrent_shown(torrent))) == {
        "id": 1,
        "description": "[b]é[/b]",
        "filePath": "'",
    }
    assert "fileList" in torrent


def test_index_line() -> None:
    row = {
        "groupName": "a&amp;b\n\u2028",
        "author": "X &amp; Y",
        "torrents": [{"authors": [{"name": "AT&amp;T"}], "format": "&eacute;"}],
    }
    line = render.index_line(row)
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "groupName": "a&b\n\u2028",
        "author": "X &amp; Y",
        "torrents": [{"authors": [{"name": "AT&amp;T"}], "format": "é"}],
    }


def test_objects_that_php_makes_of_lists_are_shown_as_lists() -> None:
    authors = {"7": {"id": 2, "name": "AT&amp;T"}, "1": {"id": 3, "name": "B"}}
    as_list = [{"id": 2, "name": "AT&amp;T"}, {"id": 3, "name": "B"}]
    group = {"id": 1, "tags": {"1": "a&amp;b", "7": "c"}, "authors": authors, "torrents": {}}
    shown = {"id": 1, "tags": ["a&b", "c"], "authors": as_list, "torrents": []}
    assert json.loads(render.document(render.group_shown(group))) == shown
    assert list(json.loads(render.document(render.group_shown(group)))) == list(group)
    row = {"groupId": 1, "torrents": {"0": {"torrentId": 2, "authors": authors}, "2": 5}}
    assert json.loads(render.index_line(row)) == {
        "groupId": 1,
        "torrents": [{"torrentId": 2, "authors": as_list}, 5],
    }
    torrent = {"id": 1, "authors": authors, "archive": {"1": "a", "2": "b"}}
    assert render.torrent_shown(torrent) == {**torrent, "authors": as_list}


@given(values)
@settings(deadline=None)
def test_only_what_stands_for_a_list_becomes_one(value: object) -> None:
    other = {"x": value}
    assert render.with_lists(other) is other
    shown = render.with_lists({"tags": value})
    assert isinstance(shown, dict)
    if isinstance(value, dict) and all(key.isdecimal() for key in value):
        assert repr(shown["tags"]) == repr(list(value.values()))
    else:
        assert shown["tags"] is value
    assert render.with_lists(value) is value or isinstance(value, dict)


@given(st.lists(st.tuples(anything, st.integers(0, 2**70))))
@settings(deadline=None)
def test_filelist_json(entries: list[tuple[str, int]]) -> None:
    lines = list(render.filelist_lines(Entry(*entry) for entry in entries))
    assert [json.loads(line) for line in lines] == [
        {"path": scalar(path), "length": length} for path, length in entries
    ]
    assert all(line.startswith(b'{"path":"') and line.endswith(b"}\n") for line in lines)

    portions = [Portion([path], [length]) for path, length in entries]
    assert render.filelist_size(portions) == len(b"".join(lines))
    if entries:
        together = Portion([path for path, _ in entries], [length for _, length in entries])
        assert render.filelist_size([together, *portions]) == 2 * len(b"".join(lines))


def test_an_empty_filelist_json() -> None:
    assert list(render.filelist_lines([])) == []
    assert render.filelist_size([]) == 0


@given(anything, anything, st.integers())
@settings(deadline=None)
def test_a_magnet_link_carries_its_parts(info_hash: str, name: str, size: int) -> None:
    link = render.magnet(info_hash, name, size)
    assert link.isascii()
    assert link.count(b"\n") == 1
    assert b"&tr=" not in link
    query = parse_qs(urlsplit(link.decode().removesuffix("\n")).query, strict_parsing=True)
    assert query.pop("xt") == [f"urn:btih:{scalar(info_hash)}"]
    assert query.pop("dn", [""]) == [scalar(name)]
    assert query.pop("xl", None) == ([str(size)] if size >= 0 else None)
    assert not query


def test_magnet() -> None:
    assert render.magnet("6A5413B9A0C5EF5B68BED6ABBB8112CBE3870647", "ADH1 - YOL086C", 5754) == (
        b"magnet:?xt=urn:btih:6A5413B9A0C5EF5B68BED6ABBB8112CBE3870647"
        b"&dn=ADH1%20-%20YOL086C&xl=5754\n"
    )


@given(st.integers(0, 253402300799))
@settings(deadline=None)
def test_times_come_back(seconds: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    assert render.api_time(f"{moment:%Y-%m-%d %H:%M:%S}") == seconds


@given(anything | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"))
@settings(deadline=None)
def test_any_text_is_a_time_that_fits_or_none(text: str) -> None:
    seconds = render.api_time(text)
    assert seconds is None or 0 <= seconds < 2**63


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2019-12-10 20:11:08", 1576008668),
        ("1970-01-01 00:00:00", 0),
        ("9999-12-31 23:59:59", 253402300799),
        ("2020-02-29 00:00:00", 1582934400),
        ("", None),
        ("0000-00-00 00:00:00", None),
        ("1969-12-31 23:59:59", None),
        ("2019-02-29 00:00:00", None),
        ("2019-12-10 24:00:00", None),
        ("2019-12-10T20:11:08", None),
        ("2019-12-10 20:11", None),
        ("2019-12-10 20:11:08 ", None),
        ("\u0662019-12-10 20:11:0", None),
        ("2019-12-10 20:11:0\u0668", None),
        ("2019-12-10 20:11:0\n", None),
    ],
)
def test_api_time(text: str, seconds: int | None) -> None:
    assert render.api_time(text) == seconds
