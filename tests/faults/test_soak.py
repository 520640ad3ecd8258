"""A short soak: random tools, faults and refreshes at once. A longer one by hand: scripts/soak."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.soak import Broken, soak, soaking

SECONDS = 14.0
SEED = 20


@pytest.mark.long
def test_random_tools_faults_and_refreshes_leave_nothing_behind(tmp_path: Path) -> None:
    done = soak(tmp_path, SECONDS, SEED)
    for outcome in ("list ok", "read ok", "look ok", "miss ENOENT", "open ENODATA"):
        assert done[outcome] > 0, done
    assert any("EIO" in outcome or "EHOSTUNREACH" in outcome for outcome in done), done


def test_the_soak_would_notice(tmp_path: Path) -> None:
    with soaking(tmp_path, SEED) as one:
        path = next(iter(one.reference.documents))
        one.reference.documents[path] += b"!"
        with pytest.raises(Broken, match="other content"):
            one.check_documents()
        directory = next(iter(one.reference.directories))
        one.reference.directories[directory] |= {"more"}
        with pytest.raises(Broken, match="other entries"):
            one.check_directories()
