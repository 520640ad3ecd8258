"""Full-text search over what is known, without asking anybody (sqlite.org/fts5.html).

A group has up to two rows: one from its browse row, one from its detail. They hold what people
search for; `about` is the description and whatever else describes the data, `files` the names of
the files. Where Python's SQLite has no FTS5, there is no such table, and only this is missing.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Final, NamedTuple

from biofs.api.models import Group, GroupRow, Torrent
from biofs.tree import filelist, names
from biofs.tree.printable import scalar, unescape

log = logging.getLogger(__name__)

MOST_NAMES: Final = 10_000
"""File names of one torrent that are searched; the others are not found."""

MOST_NAMES_OF_GROUP: Final = 50_000
_LONGEST_PATH: Final = 1024
_LONGEST_TEXT: Final = 1 << 17

_COLUMNS: Final = (
    *("title", "accession", "organism", "strain"),
    *("authors", "tags", "about", "files"),
)
_WEIGHTS: Final = "10.0, 8.0, 5.0, 5.0, 5.0, 4.0, 1.0, 1.0"
_TOKENS: Final = "tokenize = 'unicode61 remove_diacritics 2'"
_CREATE: Final = (
    f"CREATE VIRTUAL TABLE IF NOT EXISTS main.texts USING fts5({', '.join(_COLUMNS)}, {_TOKENS})"
)
_INSERT: Final = (
    f"INSERT OR REPLACE INTO texts (rowid, {', '.join(_COLUMNS)})"  # noqa: S608 - constants
    f" VALUES (?{', ?' * len(_COLUMNS)})"
)


class Hit(NamedTuple):
    """A group that was found, and the path of its directory from a mount's root."""

    group_id: int
    path: str


def prepare(connection: sqlite3.Connection) -> bool:
    """Make the table, if that can be; says in the log if not."""
    try:
        connection.execute(_CREATE)
    except sqlite3.OperationalError as error:
        log.warning("`biofs find` will find nothing: %s", error)
        return False
    return True


def is_there(connection: sqlite3.Connection) -> bool:
    """Whether there is a table that can be written and searched."""
    try:
        connection.execute("SELECT 1 FROM texts LIMIT 0")
    except sqlite3.OperationalError:
        return False
    return True


def of_row(row: GroupRow) -> tuple[str, ...]:
    """What is searched of a browse row, in the order of the columns."""
    authors = {author.name for torrent in row.torrents for author in torrent.authors}
    about = [row.lab, row.location, str(row.year or "")]
    for torrent in row.torrents:
        about += (torrent.format, torrent.platform, torrent.scope, torrent.license)
    return (
        _text([row.name]),
        _text([row.accession]),
        "",
        "",
        _text([row.author, *sorted(authors)]),
        _text(row.tags),
        _text(dict.fromkeys(about)),
        "",
    )


def of_title(name: str) -> tuple[str, ...]:
    """What is searched of a group of which no more than the title is known."""
    return (_text([name]), *[""] * (len(_COLUMNS) - 1))


def of_detail(group: Group, torrents: Sequence[Torrent], description: bytes) -> tuple[str, ...]:
    """What is searched of a detail; `description` is its plain text."""
    about = [group.lab, group.location, str(group.year or ""), group.category_name]
    for torrent in torrents:
        about += (torrent.format, torrent.platform, torrent.scope, torrent.license)
    files = islice(_names_in(torrents), MOST_NAMES_OF_GROUP)
    return (
        _text([group.name]),
        _text([group.accession]),
        _text([group.organism]),
        _text([group.strain]),
        _text(author.name for author in group.authors),
        _text(group.tags),
        f"{_text(dict.fromkeys(about))} {description.decode()[:_LONGEST_TEXT]}",
        scalar("\n".join(files)),
    )


def _names_in(torrents: Iterable[Torrent]) -> Iterator[str]:
    for torrent in torrents:
        if torrent.file_path:
            yield unescape(torrent.file_path)[:_LONGEST_PATH]
        portions = filelist.portions(torrent.file_list, torrent.file_count)
        paths = chain.from_iterable(paths for paths, _ in portions)
        for path in islice(paths, MOST_NAMES):
            yield path[:_LONGEST_PATH]


def _text(texts: Iterable[str]) -> str:
    return scalar(" ".join(unescape(text) for text in texts if text))[:_LONGEST_TEXT]


def write_row(connection: sqlite3.Connection, group_id: int, texts: Sequence[str]) -> None:
    """Have a group found by its browse row (`of_row`), or by what stands for one."""
    _write(connection, 2 * group_id, texts)


def write_detail(connection: sqlite3.Connection, group_id: int, texts: Sequence[str]) -> None:
    """Have a group found by its detail (`of_detail`)."""
    _write(connection, 2 * group_id + 1, texts)


def _write(connection: sqlite3.Connection, rowid: int, texts: Sequence[str]) -> None:
    try:
        connection.execute(_INSERT, (rowid, *texts))
    except sqlite3.OperationalError:
        if is_there(connection):
            raise


def forget_detail(connection: sqlite3.Connection, group_id: int) -> None:
    """The detail of a group is not known any more."""
    if is_there(connection):
        connection.execute("DELETE FROM texts WHERE rowid = ?", (2 * group_id + 1,))


def forget(connection: sqlite3.Connection, group_id: int) -> None:
    """There is no such group any more."""
    if is_there(connection):
        connection.execute(
            "DELETE FROM texts WHERE rowid IN (?, ?)", (2 * group_id, 2 * group_id + 1)
        )


def copy(connection: sqlite3.Connection, source: str) -> None:
    """Take over the table of an attached database."""
    try:
        connection.execute(f"SELECT 1 FROM {source}.texts LIMIT 0")  # noqa: S608 - a constant
    except sqlite3.OperationalError:
        return
    if prepare(connection):
        columns = f"rowid, {', '.join(_COLUMNS)}"
        connection.execute(
            f"INSERT INTO main.texts ({columns})"  # noqa: S608 - constants
            f" SELECT {columns} FROM {source}.texts"
            f" WHERE rowid / 2 IN (SELECT id FROM main.groups) ORDER BY rowid"
        )


def find(
    connection: sqlite3.Connection, words: Sequence[str], limit: int, *, files: bool = False
) -> list[Hit]:
    """The groups in which all `words` occur, the best first; with `files`, in names of files.

    What has blanks or punctuation in it has to occur as it stands. If nothing has the words, what
    has words that begin so is found. Case and accents make no difference. Raises
    sqlite3.DatabaseError; never for what the words are.
    """
    for prefix in (False, True):
        query = query_of(words, prefix=prefix)
        if not query:
            return []
        found = connection.execute(
            "SELECT rowid / 2 FROM texts WHERE texts MATCH ?"  # noqa: S608 - constants
            f" ORDER BY bm25(texts, {_WEIGHTS}), rowid",
            (f"{{files}} : ({query})" if files else query,),
        )
        hits = list(islice(_groups(connection, (group for (group,) in found)), limit))
        if hits:
            return hits
    return []


def _groups(connection: sqlite3.Connection, found: Iterable[int]) -> Iterator[Hit]:
    """Groups, each where it first stands."""
    seen: set[int] = set()
    for group_id in found:
        if group_id in seen:
            continue
        seen.add(group_id)
        row = connection.execute(
            "SELECT id, name, category FROM groups WHERE id = ?", (group_id,)
        ).fetchone()
        if row is not None and names.has_place(row[2]):
            yield Hit(group_id, f"categories/{names.category_dirname(row[2])}/{row[1]}")


def query_of(words: Iterable[str], *, prefix: bool) -> str:
    """The words as FTS5 writes them: each a string, so that nothing in them is syntax."""
    quoted = [
        '"' + scalar(word).replace('"', '""').replace("\0", " ") + '"' + " *" * prefix
        for word in words
        if any(character.isalnum() for character in word)
    ]
    return " AND ".join(quoted)


def matching(paths: Iterable[tuple[int, str]], words: Sequence[str]) -> list[int]:
    """Which of the numbered paths hold all the words, as `find` compares them; in their order."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(f"CREATE VIRTUAL TABLE paths USING fts5(path, {_TOKENS})")
        connection.executemany("INSERT INTO paths (rowid, path) VALUES (?, ?)", paths)
        for prefix in (False, True):
            query = query_of(words, prefix=prefix)
            if not query:
                return []
            found = connection.execute(
                "SELECT rowid FROM paths WHERE paths MATCH ? ORDER BY rowid", (query,)
            ).fetchall()
            if found:
                return [number for (number,) in found]
        return []
    finally:
        connection.close()
