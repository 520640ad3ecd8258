"""The values of the API, as they wander."""

import pytest
from api_support import ANYTHING
from hypothesis import given

from biofs.api import values

HUGE = 10**400


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5), (-5, -5), ("60", 60), (" -7 ", -7), ("+3", 3), ("12.9", 12), (True, 1), (False, 0),
        (2.9, 2), (float("nan"), 0), (float("inf"), 2**63 - 1), (-1e300, 1 - 2**63),
        (None, 0), ("", 0), ("None", 0), ("1e3", 0), ("0x10", 0), ("1_000", 0), ("٣", 0),
        ([], 0), ([7], 0), ({}, 0), (HUGE, 2**63 - 1), (-HUGE, 1 - 2**63),
        ("9" * 100_000, 2**63 - 1), ("-" + "9" * 100_000, 1 - 2**63), ("9" * 100_000 + "x", 0),
    ],
)  # fmt: skip
def test_numbers(value, number):
    assert values.to_int(value) == number
    assert values.to_count(value) == max(number, 0)


@pytest.mark.parametrize(
    ("value", "ident"),
    [
        (0, 0), (7, 7), ("7", 7), (2**32 - 1, 2**32 - 1), (2**32, None), (-1, None), ("-1", None),
        (True, None), (7.0, None), ("", None), ("x", None), (None, None), ([7], None), (HUGE, None),
        ("9" * 5000, None),
    ],
)  # fmt: skip
def test_ids(value, ident):
    assert values.to_id(value) == ident


@pytest.mark.parametrize(
    ("value", "truth"),
    [
        (True, True), (False, False), (1, True), (0, False), ("1", True), ("0", False), ("", False),
        ("true", True), ("False", False), ("None", False), (None, False), ([], False), ({}, False),
        (0.5, True),
    ],
)  # fmt: skip
def test_truths(value, truth):
    assert values.to_bool(value) is truth


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a&amp;b", "a&amp;b"), ("None", "None"), (None, ""), (False, ""), (True, "1"), (5, "5"),
        (1.5, "1.5"), ([], ""), (["a"], ""), ({}, ""), (HUGE, str(2**63 - 1)),
    ],
)  # fmt: skip
def test_texts(value, text):
    assert values.to_text(value) == text


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ([""], ()), ([], ()), ("", ()), (None, ()), ("fungi", ("fungi",)), (["a"], ("a",)),
        (["a", "", None, 5, ["x"]], ("a", "5")), ({"0": "a", "2": "b"}, ("a", "b")),
    ],
)  # fmt: skip
def test_lists_of_texts(value, texts):
    assert values.to_texts(value) == texts


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        ([1], [1]), ([], []), (None, ()), (False, ()), ("", ()), ({"0": 1, "7": 2}, [1, 2]),
        ({"id": 1}, None), ("x", None), (5, None), (True, None),
    ],
)  # fmt: skip
def test_rows(value, rows):
    assert values.to_rows(value) == rows


def test_an_empty_object_can_be_a_list():
    assert values.to_object([]) == {}
    assert values.to_object({"a": 1}) == {"a": 1}
    assert [values.to_object(x) for x in ([1], "", None, 5)] == [None] * 4


@pytest.mark.parametrize(
    ("value", "seconds"), [(1605710633, 1605710633), ("5", 5), (-1, 0), (10**12, 0), (HUGE, 0)]
)
def test_epochs_stay_in_the_calendar(value, seconds):
    assert values.to_epoch(value) == seconds


@given(ANYTHING)
def test_no_value_is_too_odd(value):
    assert abs(values.to_int(value)) < 2**63
    assert 0 <= values.to_count(value) < 2**63
    assert 0 <= values.to_epoch(value) < 2**38
    assert values.to_id(value) in (None, values.to_int(value))
    assert isinstance(values.to_bool(value), bool)
    assert isinstance(values.to_text(value), str)
    assert all(isinstance(text, str) and text for text in values.to_texts(value))
    assert len(values.to_rows(value) or ()) >= len(values.to_texts(value)) - isinstance(value, str)
    assert values.to_object(value) in (None, {}, value)
