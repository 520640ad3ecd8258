"""Why a file below `files/` opens or does not: for `biofs explain`. Sends no request."""

from __future__ import annotations

import os
from typing import Final

import trio

from biofs.catalogue.caller import Background
from biofs.contents.look import Look
from biofs.mount.contents import Contents
from biofs.tree.inodes import Address

SECONDS: Final = 5.0
"""For so long a disk is waited for."""


async def facts_of(contents: Contents | None, address: Address) -> dict[str, object]:
    """The facts about a file's data.

    `data` is one word for what there is: "no directories" without data directories; "missing",
    "unfinished", "unlisted" and "here" as `Look` has them; "wrong" if pieces were not right when
    they were last read; "no metainfo" if a candidate is there and nothing to verify it by;
    "unreadable" with `problem`, or "unknown" if the disk has not answered or the file list is not
    in the store. `disk_path` is where it lies; of its `pieces`, `verified_pieces` were verified.
    `content` says whether opening it may succeed, `downloads` whether it costs a request first.
    """
    facts: dict[str, object] = {"data": "unknown", "content": False, "downloads": False}
    if contents is None:
        return {**facts, "data": "no directories"}
    with trio.move_on_after(SECONDS):
        try:
            found = await contents.surveys.file(address.ident, address.part, Background())
        except OSError as error:
            return {**facts, "data": "unreadable", "problem": os.strerror(error.errno or 0)}
        return facts if found is None else facts | _of(found, contents)
    return facts


def _of(found: Look, contents: Contents) -> dict[str, object]:
    if found.path is None:
        return {"data": found.state}
    facts: dict[str, object] = {"data": found.state, "disk_path": found.path}
    if found.source is None:
        downloads = contents.can_download
        return {**facts, "data": "no metainfo", "downloads": downloads, "content": downloads}
    if found.wrong:
        facts |= {"data": "wrong", "wrong_pieces": found.wrong}
    return {
        **facts,
        "metainfo": found.source,
        "pieces": found.pieces,
        "verified_pieces": found.verified,
        "content": found.wrong < found.pieces or not found.pieces,
    }
