"""Bytes that call themselves JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.api.decoding import MAX_DEPTH, Undecodable, decode, find_answer

LARGEST = 2**63 - 1
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def depth_of(value):
    depth, level = 0, [value]
    while level := [x for x in level if isinstance(x, dict | list)]:
        depth += 1
        level = [y for x in level for y in (x.values() if isinstance(x, dict) else x)]
    return depth


@given(JSON)
def test_plain_json_is_what_it_is(value):
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    expected = json.loads(text)
    assert decode(text) == (expected, False)
    assert decode(b"\xef\xbb\xbf \n" + text + b"\r\n ") == (expected, False)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'"\\ud800x"', "\ufffdx"),
        (b'{"\\udc00":"\\ud83e\\uddec\\ud83e"}', {"\ufffd": "\U0001f9ec\ufffd"}),
        (b'"\\\\ud800"', "\\ud800"),
        (b'"caf\xe9"', "caf\ufffd"),
        (b'"a\nb\x00\x1b"', "a\nb\x00\x1b"),
        (b'{"ratio":NaN,"a":-Infinity,"b":1e999}', {"ratio": None, "a": None, "b": None}),
        (b"[123456789012345678901234567890]", [LARGEST]),
        (b"[-123456789012345678901234567890]", [-LARGEST]),
        (b"[" + b"9" * 10_000 + b",-" + b"9" * 10_000 + b"]", [LARGEST, -LARGEST]),
        (b"[18446744073709551615]", [LARGEST]),
        (b"[9223372036854775807, 1e2, 1.5]", [LARGEST, 100.0, 1.5]),
        (b'{"a":1,"a":2}', {"a": 2}),
    ],
)
def test_what_can_be_made_sense_of_is(body, value):
    assert decode(body) == (value, False)


@pytest.mark.parametrize(
    "body", [b"", b" ", b"{", b'{"a":', b"[1,]", b"abc", b'"abc', b"\xff\xfe", b"d4:infoe", b"'a'"]
)
def test_what_is_not_json_is_refused(body):
    with pytest.raises(Undecodable) as caught:
        decode(body)
    assert not caught.value.html


@pytest.mark.parametrize(
    "body", [b"<!doctype html><p>", b"\n <br />Warning", b"\xef\xbb\xbf<html>"]
)
def test_a_web_page_is_recognised(body):
    with pytest.raises(Undecodable) as caught:
        decode(body)
    assert caught.value.html


def test_what_follows_is_noticed():
    assert decode(b'{"status":"failure"}<!doctype html>') == ({"status": "failure"}, True)
    assert decode(b'{"a":1}{"b":2}') == ({"a": 1}, True)


@pytest.mark.parametrize("brackets", [(b"[", b"]"), (b'{"a":', b"}")])
@pytest.mark.parametrize(
    ("depth", "accepted"), [(MAX_DEPTH, True), (MAX_DEPTH + 2, False), (900, False), (10**6, False)]
)
def test_nesting_has_an_end(brackets, depth, accepted):
    body = brackets[0] * depth + b"1" + brackets[1] * depth
    if accepted:
        assert depth_of(decode(body).value) == depth
    else:
        with pytest.raises(Undecodable, match="deep"):
            decode(body)


def test_nesting_that_is_never_closed_is_refused():
    with pytest.raises(Undecodable):
        decode(b"[" * 10**6)


def test_a_small_answer_cannot_become_a_large_object():
    with pytest.raises(Undecodable, match="too many"):
        decode(b"[" + b"[]," * 4_000_000 + b"[]]")
    with pytest.raises(Undecodable, match="too many"):
        decode(b"[" + b"0," * 9_000_000 + b"0]")


def test_a_long_file_list_is_no_large_object():
    listed = "|||".join(f"s_{i}.fq{{{{{{{i}}}}}}}" for i in range(700_000))
    assert decode(json.dumps({"fileList": listed}).encode()).value == {"fileList": listed}


@given(st.binary(max_size=200) | st.text(alphabet='[]{}":,\\u0d8ef1-+.NaInfty \n<').map(str.encode))
def test_any_bytes_are_decoded_or_refused(body):
    try:
        value, _ = decode(body)
    except Undecodable:
        return
    assert depth_of(value) <= MAX_DEPTH
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


@given(JSON, st.binary(max_size=30), st.binary(max_size=30))
def test_an_answer_is_found_amid_anything(value, before, after):
    whole = json.dumps({"status": "success", "response": value}).encode()
    found = find_answer(before + whole + after)
    # What stands before may itself begin an answer, or a web page.
    if b"{" not in before + after and b"<" not in before:
        assert found is not None
        assert found.value == json.loads(whole)
        assert decode(found.body).value == found.value
    elif found is not None:
        assert found.value["status"] == "success"


def test_looking_for_an_answer_takes_no_longer_than_reading():
    pieces = {
        b'{"status":': 1,
        b'{"info":1}': 10**5,
        b"{" + b" " * 10**6: 1,
        b'{"status":"x",' * 10**5: 1,
        b"<": 10**6,
    }
    for piece, times in pieces.items():
        assert find_answer(b"Warning: " + piece * times) is None


def test_what_is_found_is_bounded_too():
    with pytest.raises(Undecodable, match="deep"):
        find_answer(b'Warning {"status":"success","response":' + b"[" * 10**6)
    with pytest.raises(Undecodable, match="too many"):
        find_answer(b'Warning {"status":"success","response":[' + b"[]," * 4_000_000 + b"0]}")
