"""What the engine's process makes of lines that anybody wrote, and what it says of trackers."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from biofs.contents.engines.daemon import messages, place, redaction
from biofs.contents.engines.daemon.messages import Answer, Fetch, Malformed, Request, Wait, line

PASSKEY = "0123456789abcdef0123456789abcdef"


@given(st.binary(max_size=300))
@example(b"[" * 100_000)
@example(b'{"do":"fetch"}')
@example(b'{"do":"wait","info_hash":"AA==","pieces":[1.5],"timeout":1}')
@example(b'{"do":"progress","info_hash":"\xff"}')
@example(b'{"do":"progress","info_hash":"!"}')
def test_any_line_is_a_request_or_malformed(text: bytes) -> None:
    for read in (messages.read_request, messages.read_answer):
        try:
            found = read(text)
        except Malformed:
            continue
        assert isinstance(found, Request | Answer)


@given(st.binary(max_size=100), st.lists(st.integers(0, 2**63 - 1)), st.floats(0, 1e9))
def test_what_is_sent_is_what_is_read(data: bytes, numbers: list[int], seconds: float) -> None:
    requests = (
        Fetch(torrent=data, indexes=numbers),
        Wait(info_hash=data, pieces=numbers, timeout=seconds),
    )
    for request in requests:
        sent = line(request)
        assert sent.count(b"\n") == 1
        assert messages.read_request(sent[:-1]) == request


@given(st.binary(min_size=1, max_size=50).filter(lambda each: b"\0" not in each))
def test_paths_of_any_bytes(path: bytes) -> None:
    found = messages.unquoted(messages.quoted(Path(os.fsdecode(path))))
    assert found == Path(os.fsdecode(path))


URLS = (
    f"https://tracker.example/{PASSKEY}/announce",
    f"https://tracker.example/announce.php?passkey={PASSKEY}",
    f"https://tracker.example/announce/{PASSKEY}",
    f"udp://tracker.example:80/{PASSKEY}",
    f"https://user:{PASSKEY}@tracker.example/announce",
)


@pytest.mark.parametrize("url", URLS)
@given(st.text(max_size=20), st.text(max_size=20))
def test_no_passkey_is_said(url: str, before: str, after: str) -> None:
    hidden = redaction.secrets([url])
    for text in (f"{before}{url} {after}", f"{before}{PASSKEY}{after}", f"x{PASSKEY.upper()}"):
        said = redaction.redacted(text, hidden)
        assert PASSKEY not in said.lower()
        assert "\n" not in said
        assert said.isprintable()


def test_what_is_no_secret_is_said() -> None:
    hidden = redaction.secrets(URLS)
    text = "the tracker: unregistered torrent, announce again"
    assert redaction.redacted(text, hidden) == text
    assert redaction.redacted("x" * 1000) == "x" * 200 + "…"


def test_a_state_directory_is_private(tmp_path: Path) -> None:
    made = tmp_path / "a" / "state"
    place.make(made)
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    place.make(made)
    made.chmod(0o750)
    with pytest.raises(place.NotPrivate, match="chmod 700"):
        place.make(made)
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    with pytest.raises(place.NotPrivate):
        place.make(link)


def test_one_process_has_the_lock(tmp_path: Path) -> None:
    first = place.lock(tmp_path)
    assert first is not None
    assert place.lock(tmp_path) is None
    os.close(first)
    again = place.lock(tmp_path)
    assert again is not None
    os.close(again)


@given(record=st.binary(max_size=100))
@example(msgspec.json.encode({"directory": "a", "wanted": "none"}))
@example(b"[" * 100_000)
def test_records_that_are_damaged_are_not_read(
    tmp_path_factory: pytest.TempPathFactory, record: bytes
) -> None:
    directory = tmp_path_factory.mktemp("records")
    records = place.Records(directory)
    assert records.read("00") is None
    records.write_torrent("00", b"torrent")
    (directory / "00.json").write_bytes(record)
    assert records.read("00") is None
    records.write("00", place.Record(directory="a", wanted=[1]))
    records.write_resume("00", b"resume")
    records.close()
    assert records.all() == ["00"]
    found = records.read("00")
    assert found is not None
    assert found == (b"torrent", found[1], b"resume")
    assert found[1].wanted == [1]
    assert {stat.S_IMODE(each.stat().st_mode) for each in directory.iterdir()} == {0o600}
