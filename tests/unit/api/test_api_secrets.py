"""A secret shows nowhere."""

import copy
import dataclasses
import json
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.api.secrets import Secret

WORD = "hunter2-and-more"


def test_reveals_what_it_wraps():
    assert Secret(WORD).reveal() == WORD


@pytest.mark.parametrize(
    "show",
    [repr, str, "{}".format, "{!r:>40}".format, "{:>20}".format, lambda x: f"{[x]} {x!s:.3}"],
)
def test_no_way_of_showing_it_shows_it(show):
    assert WORD not in show(Secret(WORD))
    assert "***" in show(Secret(WORD))


def test_no_serialiser_takes_it():
    for serialise in (pickle.dumps, json.dumps):
        with pytest.raises(TypeError):
            serialise(Secret(WORD))


def test_a_copy_is_itself_so_dataclasses_can_hold_it():
    secret = Secret(WORD)

    @dataclasses.dataclass
    class Holder:
        secret: Secret

    assert copy.copy(secret) is secret
    assert dataclasses.asdict(Holder(secret))["secret"] is secret


def test_equality_is_that_of_the_texts():
    assert Secret(WORD) == Secret(WORD)
    assert hash(Secret(WORD)) == hash(Secret(WORD))
    assert Secret(WORD) != Secret(WORD + "x")
    assert Secret(WORD) != WORD


@pytest.mark.parametrize(
    "text", ["", f"{WORD}\n", f"{WORD}\r\nX: y", f" {WORD}", f"{WORD}\0", f"{WORD}é", WORD * 600]
)
def test_what_no_header_can_carry_is_refused_without_repeating_it(text):
    with pytest.raises(ValueError, match="a secret can") as caught:
        Secret(text)
    assert WORD not in "".join(traceback.format_exception(caught.value))


@given(st.text())
def test_any_text_is_taken_whole_or_refused(text):
    try:
        secret = Secret(text)
    except ValueError:
        assert not text.isprintable() or not text.isascii() or text != text.strip() or not text
    else:
        assert secret.reveal() == text
        assert all(" " <= character <= "~" for character in text)
