"""The notation of the pace."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.api.server import Rate


@pytest.mark.parametrize(
    ("text", "requests", "seconds"),
    [
        ("1/6", 1, 6.0),
        (" 10/1 ", 10, 1.0),
        ("2/0.5", 2, 0.5),
        ("unlimited", 0, 0.0),
        ("Unlimited", 0, 0),
    ],
)
def test_is_read(text, requests, seconds):
    assert Rate.parse(text) == Rate(requests, seconds)


@pytest.mark.parametrize(
    "text",
    [
        "", "1", "6/", "/6", "0/6", "1/0", "1/0.0", "-1/6", "1/-6", "1/inf", "1/nan", "1//6",
        "1.5/6", "1/6s", "fast", "1/6\n2/6", "٣/6", "9" * 50 + "/6",
    ],
)  # fmt: skip
def test_nonsense_gets_one_line(text):
    with pytest.raises(ValueError, match="requests/seconds") as caught:
        Rate.parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("requests", "seconds"), [(1, 0), (0, 1), (-1, 6), (1, math.inf)])
def test_half_a_rate_is_none(requests, seconds):
    with pytest.raises(ValueError, match="positive"):
        Rate(requests, seconds)


@given(st.integers(1, 999999), st.integers(1, 10**12 - 1))
def test_is_written_as_it_is_read(requests, microseconds):
    rate = Rate(requests, microseconds / 10**6)
    assert Rate.parse(str(rate)) == rate


def test_unlimited_is_written_as_a_word():
    assert str(Rate.parse("unlimited")) == "unlimited"
    assert Rate.parse("unlimited").unlimited
    assert not Rate.parse("1/6").unlimited
