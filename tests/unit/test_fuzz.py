"""Bytes of any kind, by Hypothesis: nothing is raised that is not foreseen. See scripts/fuzz."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import fuzzing

SEEDS = tuple(fuzzing.seeds())
PIECES = st.sampled_from(
    (
        *(
            b"{{{",
            b"}}}",
            b"|||",
            b"{{{}}}",
            b"{{{1}}}",
            b"/",
            b"../",
            b"\0",
            b"\n",
            b"\x1b[2J",
            b".",
        ),
        *(
            b'"',
            b"\\u0000",
            b"\\ud800",
            b"[",
            b"]",
            b"{",
            b"}",
            b",",
            b":",
            b"null",
            b"-1",
            b"1e999",
        ),
        *(
            b"9" * 30,
            b"&amp;",
            b"&#0;",
            b"<b>",
            b"<",
            b"\xff\xfe",
            b" s1s ",
            b"\xef\xbb\xbf",
            b"[1]",
        ),
        *(b'{"status":"failure","error":"', b'"passkey":"0123456789abcdef"', b'"response":'),
    )
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A recorded answer with pieces cut out and put in."""
    data = bytearray(draw(st.sampled_from(SEEDS))[:20_000])
    for _ in range(draw(st.integers(0, 8))):
        place = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 40))
        data[place : place + length] = draw(PIECES | st.binary(max_size=8))
    return bytes(data)


ANYTHING = st.binary(max_size=400) | st.lists(PIECES, max_size=30).map(b"".join) | damaged()


@pytest.mark.parametrize("name", fuzzing.TARGETS)
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=ANYTHING)
def test_any_bytes(name: str, data: bytes) -> None:
    fuzzing.TARGETS[name](data)


@given(data=damaged(), action=st.integers(0, len(fuzzing.ACTIONS) - 1))
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_damaged_answers_to_any_action(data: bytes, action: int) -> None:
    fuzzing.answers(bytes([action, 0]) + data[2:])


def test_the_seeds_are_answers_that_make_sense() -> None:
    """Else the fuzzing would stay at the door."""
    understood = 0
    for seed in SEEDS[: len(list(fuzzing.RECORDINGS.glob("*.json")))]:
        for action in fuzzing.ACTIONS:
            try:
                fuzzing._run(action(fuzzing._api(seed[2:], 200)))
            except fuzzing.ApiError:
                continue
            understood += 1
    assert understood > len(fuzzing.ACTIONS)
