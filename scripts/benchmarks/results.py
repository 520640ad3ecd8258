"""The results file: what was measured, and on what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def save(path: Path, sections: Mapping[str, object]) -> None:
    """Write sections into the file; others that it has stay."""
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**known, **sections}, indent=1, ensure_ascii=False) + "\n")
