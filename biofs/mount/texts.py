"""The documents that biofs itself puts into the mount."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from biofs.tree.views import VIEWS, ViewLine

WRITTEN: Final = 1_795_651_200  # 2026-11-26, when these texts were written; never "now"

_COLUMN: Final = 36

_TREE: Final = """\
The catalogue of BioTorrents.de as a directory. Read-only; looking at it downloads no data.

  categories/CATEGORY/              the twelve categories of the catalogue
    index.jsonl                     one line of JSON for each group in the category
    GROUP [id]/                     a group: one data set, in one or more torrents
      group.json                    title, organism, strain, authors, year, tags, ...
      description.txt               the description as plain text
      FORMAT, PLATFORM, SCOPE [id]/ a torrent
        torrent.json                size, seeders, license, info hash, ...
        filelist.jsonl              its files, one JSON object a line
        magnet.txt                  a magnet link: the info hash, without a tracker
        files/                      its files as a client would lay them out
      comments                      what people say about it, oldest first
"""

_REST: Final = """\
Files under files/ have their true names, sizes and times, and no content unless their data are on
this machine: opening one says "No data available". `biofs fetch PATH` gets the data, through a
BitTorrent client. `biofs torrent ID` gets a torrent's file for one, with a cookie. A magnet link
names no tracker, and this catalogue's tracker is private: the link alone finds nobody.

The server answers one request in six seconds. So a name costs nothing, and a document that
nobody has read yet may take six seconds or more to open, the first time only. Ctrl-C works.

  ls -lt categories/Sequences | head           the newest data sets
  grep -l '"MIT"' categories/*/*/*/torrent.json      search what is known in a category
  jq -r .groupName categories/Images/index.jsonl     names, from the index alone
  du -sh categories/Images/*/*/files           how large the data sets are

A search is made by naming it: ls "search/kratom genome year:2000-2005". Besides words there are

  "heat shock"                      a phrase
  title:  author:  file:            words of a title, an author's name, a file's name
  tag:fungi tag:virus               both tags; tag:fungi,virus is one of them
  year:2005  year:2000-2005         a year, a span of years (also 2000-)
  format:FASTA  platform:Nanopore   spelled as the server does
  category:Images                   one category
  organism:  strain:  accession:  lab:       the same as the words alone

Values with blanks need quotes: author:"David Schild". A search that is not valid gives "Invalid
argument", and .biofs/status.json says why. The command `biofs find WORDS` searches what is known,
at once.

Searching with find, grep -r or rg through everything reads every group once, at one request in
six seconds; searching index.jsonl takes one request for 50 groups. rg and fd leave files/ out
(see .ignore); fd --no-ignore looks into it.
"""


def _lines(views: Iterable[ViewLine]) -> str:
    """The lines of views: paths, and from a column on what is there."""
    lines = [
        f"  {path:<{_COLUMN - 3}} {text}\n" if len(path) < _COLUMN - 2 else f"  {path} {text}\n"
        for view in views
        for path, text in view.readme
    ]
    return "".join(lines)


_STATUS: Final = f"  {'.biofs/status.json':<{_COLUMN - 3}} what this mount is doing now\n"

README: Final = "".join(
    (
        _TREE,
        _lines(view for view in VIEWS if view.parent != ".biofs"),
        _STATUS,
        _lines(view for view in VIEWS if view.parent == ".biofs"),
        "\n",
        _REST,
    )
).encode()
"""README.txt in the root: the views' lines are those of the list of views."""

# Read by ripgrep and fd in every directory from the one they search up to the root.
IGNORE: Final = b"""\
# File names only, no content: nothing to search in.
files/
"""
