"""Answers of Transmission 4.1.0-beta.2 and qBittorrent 5.1.0, those of Debian 13, as recorded.

Of 50 files the first twelve are kept. A tracker has refused one of the torrents.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transmission_rpc.error import TransmissionError

from biofs.contents.engines.engine import State
from biofs.contents.engines.rpc import marks
from biofs.contents.engines.rpc import qbittorrent_answers as qbittorrent
from biofs.contents.engines.rpc import transmission_answers as transmission
from biofs.contents.engines.rpc.transmission_client import explain

DATA = Path(__file__).parents[2] / "data/clients"
PASSKEY = "0123456789abcdef0123456789abcdef"


def _answers(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text())
    return found


def test_transmission_says_what_is_wanted_and_how_far_it_is() -> None:
    recorded = _answers("transmission-4.1.0-beta.2")
    fetching, finished = (
        transmission.progress_in(bytes(20), recorded[each]) for each in ("fetching", "finished")
    )
    assert (fetching.state, list(fetching.wanted), list(fetching.done)) == (
        State.FETCHING,
        [7],
        [0],
    )
    assert (finished.state, list(finished.done), finished.size) == (
        State.FINISHED,
        [100_000],
        100_000,
    )
    assert (fetching.message, finished.message, finished.seeders) == ("", "", 2)
    assert marks.read(recorded["fetching"]["labels"]) == marks.Mark(wanted=True, added=None)
    assert transmission.hash_in(recorded["fetching"]) is not None


def test_transmission_quotes_a_tracker_without_its_url() -> None:
    recorded = _answers("transmission-4.1.0-beta.2")
    refused = transmission.progress_in(bytes(20), recorded["refused"])
    assert refused.state is State.FAILED
    assert "not authorized" in refused.message
    assert PASSKEY in json.dumps(recorded["refused"])
    assert PASSKEY not in repr(refused)
    assert list(transmission.progress_in(bytes(20), recorded["stopped"]).wanted) == []


def test_transmission_has_other_words_for_what_is_no_torrent() -> None:
    answer = _answers("transmission-4.1.0-beta.2")["bad torrent"]
    said = explain(TransmissionError("", response=answer))
    assert said is not None
    assert "does not take this .torrent" in said


def test_qbittorrent_says_stopped_for_paused() -> None:
    recorded = _answers("qbittorrent-5.1.0")
    states = {
        each: qbittorrent.state_in(recorded[each]["info"], each == "finished")
        for each in ("finished", "refused", "stopped")
    }
    assert states == {
        "finished": State.FINISHED,
        "refused": State.FETCHING,
        "stopped": State.STOPPED,
    }
    assert recorded["stopped"]["info"]["state"] == "stoppedDL"
    assert qbittorrent.version_in(recorded["version"]) == (5, 1)


def test_qbittorrent_names_its_torrents_places_and_files_as_before() -> None:
    finished = _answers("qbittorrent-5.1.0")["finished"]
    info = finished["info"]
    assert qbittorrent.hash_in(info) == bytes.fromhex(qbittorrent.ident_in(info))
    assert qbittorrent.has_place(info)
    assert marks.read(qbittorrent.tags_in(info)).wanted
    wanted = [at for at, each in enumerate(finished["files"]) if qbittorrent.is_wanted(each)]
    assert wanted == [7]
    assert [each["index"] for each in finished["files"]] == list(range(12))


def test_qbittorrent_quotes_a_tracker_without_its_url() -> None:
    refused = _answers("qbittorrent-5.1.0")["refused"]
    said = qbittorrent.trackers_say(refused["trackers"])
    assert "not authorized" in said
    assert PASSKEY not in said
