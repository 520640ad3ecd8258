"""The documents that biofs itself puts into the mount."""

from __future__ import annotations

from typing import Final

WRITTEN: Final = 1_795_219_200  # 2026-11-21, when these texts were written; never "now"

README: Final = b"""\
The catalogue of BioTorrents.de as a directory. Read-only; nothing here is downloaded data.

  categories/CATEGORY/              the twelve categories of the catalogue
    index.jsonl                     one line of JSON for each group in the category
    GROUP [id]/                     a group: one data set, in one or more torrents
      group.json                    title, organism, strain, authors, year, tags, ...
      description.txt               the description as plain text
      FORMAT, PLATFORM, SCOPE [id]/ a torrent
        torrent.json                size, seeders, license, info hash, ...
        filelist.json               its files, one JSON object a line
        magnet.txt                  a magnet link, for a BitTorrent client
        files/                      its files as a client would lay them out
  .biofs/status.json                what this mount is doing now

Files under files/ have their true names, sizes and times, and no content: opening one says
"No data available". To get the data, give magnet.txt to a BitTorrent client.

The server answers one request in six seconds. So a name costs nothing, and a document that
nobody has read yet may take six seconds or more to open, the first time only. Ctrl-C works.

  ls -lt categories/Sequences | head           the newest data sets
  grep -l '"MIT"' categories/*/*/*/torrent.json      search what is known in a category
  jq -r .groupName categories/Images/index.jsonl     names, from the index alone
  du -sh categories/Images/*/*/files           how large the data sets are

Searching with find, grep -r or rg through everything reads every group once, at one request in
six seconds; searching index.jsonl takes one request for 50 groups. rg and fd leave files/ out
(see .ignore); fd --no-ignore looks into it.
"""

# Read by ripgrep and fd in every directory from the one they search up to the root.
IGNORE: Final = b"""\
# File names only, no content: nothing to search in.
files/
"""
