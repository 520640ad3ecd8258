"""Names that programs look for in every directory, and that nobody means."""

from __future__ import annotations

import re
from typing import Final

_PROBED: Final = frozenset(
    {"HEAD", "packed-refs", "objects", "refs", "lost+found", "CVS", "RCS", "SCCS", "_darcs"}
    | {"autorun", "autorun.inf", "autorun.sh", "desktop.ini", "thumbs.db", "cachedir.tag"}
    | {"folder.jpg", "cover.jpg", "albumart.jpg", "AACS", "BDMV", "VIDEO_TS", "AUDIO_TS", "DCIM"}
    | {"system volume information", "$recycle.bin", "recycler", "recycled"}
    | {"Makefile", "makefile", "GNUmakefile", "Cargo.toml", "package.json", "pyproject.toml"}
    | {"go.mod", "index.html"}
)
_FILE: Final = re.compile(r".*\S\.[a-z0-9]{1,5}", re.ASCII)


def is_probed(name: str) -> bool:
    """Whether shells, desktops or version control look for it (`HEAD`, `.hidden`, `Thumbs.db`)."""
    return name.startswith(".") or name in _PROBED or name.lower() in _PROBED


def looks_like_a_file(name: str) -> bool:
    """Whether it has a suffix as files have, such as `Makefile.am`."""
    return _FILE.fullmatch(name) is not None
