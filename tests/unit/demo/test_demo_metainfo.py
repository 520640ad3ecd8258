"""The .torrent files."""

import hashlib

import pytest

from biofs.demo.metainfo import info_hash, metainfo


def test_the_info_hash_is_of_the_info_dictionary_that_is_handed_out() -> None:
    files = [("sub/a.txt", 300_000), ("b.txt", 0)]
    whole = metainfo(7, "top", files, "PASSKEY")
    info = whole[whole.index(b"4:info") + len(b"4:info") : -1]
    assert hashlib.sha1(info).hexdigest().upper() == info_hash("top", files)
    assert b"8:announce49:https://track.biotorrents.de:443/PASSKEY/announce" in whole
    assert b"4:pathl3:sub5:a.txte" in info
    assert b"7:privatei1e" in info


def test_a_file_without_a_directory_is_a_single_file_torrent() -> None:
    whole = metainfo(7, "", [("only.txt", 5)], "PASSKEY")
    assert b"6:lengthi5e4:name8:only.txt" in whole
    assert b"5:files" not in whole


@pytest.mark.parametrize("size", [0, 1, 262_144, 262_145, 10**13])
def test_there_is_a_hash_for_every_piece_and_never_too_many(size: int) -> None:
    whole = metainfo(7, "top", [("a", size)], "PASSKEY")
    length = int(whole.split(b"12:piece lengthi")[1].split(b"e")[0])
    count = int(whole.split(b"6:pieces")[1].split(b":")[0])
    assert count == 20 * -(-size // length)
    assert count <= 20 * 2000
    assert length & (length - 1) == 0
