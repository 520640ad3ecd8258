"""What the engines for users' clients share: paths, labels, messages, hostile answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.contents.engines.engine import EngineError
from biofs.contents.engines.messages import LONGEST, told
from biofs.contents.engines.rpc import marks, transmission_answers
from biofs.contents.engines.rpc.http import address
from biofs.contents.engines.rpc.marks import Mark
from biofs.contents.engines.rpc.path_map import PathMap

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
KEY = "0123456789abcdef0123456789abcdef"


def test_the_longest_prefix_wins_and_only_whole_components() -> None:
    paths = PathMap([("/data", "/a"), ("/data/deep", "/b"), ("C:\\Down", "/c")])
    assert paths.local("/data/deep/x") == Path("/b/x")
    assert paths.local("/data/deeper") == Path("/a/deeper")
    assert paths.local("/other") == Path("/other")
    assert paths.local("C:\\Down\\x") == Path("/c/x")


@given(st.text())
def test_no_path_leads_up(remote: str) -> None:
    try:
        found = PathMap([("/data", "/a")]).local(remote)
    except ValueError:
        return
    assert found.is_absolute()
    assert ".." not in found.parts


@given(st.frozensets(st.integers(0, 999_999)), st.lists(st.text()))
def test_a_mark_is_read_as_it_was_written(added: frozenset[int], others: list[str]) -> None:
    others = [each for each in others if not marks.is_own(each)]
    labels = marks.written(others, Mark(True, added))
    found = marks.read(labels)
    assert found.many or found == Mark(True, added)
    assert marks.written(labels, Mark(False, None)) == others


@given(st.lists(ANYTHING | st.from_regex(r"biofs:[ 0-9-]*", fullmatch=True)))
def test_any_labels_can_be_read(labels: list[object]) -> None:
    assert len(marks.read(labels).added or ()) <= 1_000_000


@given(st.text(), st.text())
def test_no_message_holds_the_passkey(before: str, after: str) -> None:
    url = f"https://tracker.example/{KEY}/announce"
    for said in (url, KEY, f"/announce?passkey={KEY}"):
        text = told(before + said + after, [url])
        assert KEY not in text
        assert len(text) <= LONGEST


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "files",
                "fileStats",
                "status",
                "error",
                "errorString",
                "trackerStats",
                "name",
                "leftUntilDone",
                "rateDownload",
            ]
        ),
        ANYTHING,
    )
)
def test_any_answer_makes_a_progress(fields: dict[str, object]) -> None:
    assert transmission_answers.progress_in(bytes(20), fields).rate >= 0


def test_plain_http_to_another_machine_is_refused() -> None:
    with pytest.raises(EngineError, match="plain http"):
        address("http://192.0.2.1:9091", port=9091, insecure=False)
    assert address("http://[::1]", port=9091, insecure=False).shown == "http://[::1]:9091"
