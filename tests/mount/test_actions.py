"""Every action of the API can be reached: docs/tree.md says where, and there it is."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofs.api.actions import ACTIONS
from biofs.demo.accounts import DONOR_COOKIE, DONOR_TOKEN
from tests.support.counting import Counted, counted
from tests.support.mounting import Mount, environment

PAGE = Path("docs/tree.md").read_text("utf-8")
ROW = re.compile(r"^\| `(\w+)`[^|]*\| (.+) \| ([^|]+) \|$", re.MULTILINE)

READ = {
    "browse": "categories/Spatial/index.jsonl",
    "torrentgroup": "groups/37/group.json",
    "torrent": "torrents/40",
    "tcomments": "comments/57/comments.json",
    "collage": "collages/3/collage.json",
    "artist": "authors/David Schild [2]/author.json",
    "top10": "top/users/10/top.json",
    "user": "users/2/user.json",
    "usersearch": "users/search/hed/results.json",
    "community_stats": "users/2/stats.json",
    "user_recents": "users/2/recents.json",
    "userhistory": "users/2/posts.json",
    "inbox": "me/inbox/messages.json",
    "conversation": "me/inbox/Seeding (1) [63]/READING-MARKS-AS-READ.json",
    "bookmarks": "me/bookmarks/artists.json",
    "notifications": "me/notifications/READING-CLEARS-THE-MARKS.json",
    "get_user_notifications": "me/notifications/site.json",
    "index": "me/index.json",
    "stats": ".biofs/site/stats.json",
    "announcements": ".biofs/site/announcements.json",
}
"""What to read in a mount to have an action asked for."""

COMMANDS = {
    "clear_user_notification": ("notifications", "clear", "--yes", "Blog"),
    "download": ("torrent", "1"),
}


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    with counted(tmp_path_factory.mktemp("actions")) as case:
        yield case


@pytest.fixture(scope="module")
def mount(case: Counted) -> Iterator[Mount]:
    with case.mount("mnt", "--account") as mount:
        yield mount


def of_action(case: Counted, action: str) -> int:
    log = case.server.log
    conversations = log.count("inbox", type="viewconv")
    match action:
        case "conversation":
            return conversations
        case "inbox":
            return log.count("inbox") - conversations
    return log.count(action)


def test_each_has_a_row_in_the_documentation() -> None:
    table = PAGE.partition("## Every action of the API")[2].partition("\n## ")[0]
    rows = {action: where for action, where, _ in ROW.findall(table)}
    assert list(rows) == list(ACTIONS)
    assert set(READ) | set(COMMANDS) == set(ACTIONS)
    for action, where in rows.items():
        if ACTIONS[action].needs_cookie or action == "download":
            assert "needs a cookie" in where, action


@pytest.mark.parametrize("action", READ)
def test_it_is_asked_for_by_reading_a_file(action: str, case: Counted, mount: Mount) -> None:
    before = of_action(case, action)
    path = mount.path / READ[action]
    assert path.is_dir() or path.read_bytes()
    assert of_action(case, action) > before


@pytest.mark.parametrize("action", COMMANDS)
def test_it_is_asked_for_by_a_command(action: str, case: Counted, tmp_path: Path) -> None:
    before = of_action(case, action)
    env = environment(
        tmp_path, BIOFS_TOKEN=DONOR_TOKEN, BIOFS_COOKIE=DONOR_COOKIE, BIOFS_URL=case.server.url
    )
    subprocess.run(
        [sys.executable, "-m", "biofs", *COMMANDS[action]],
        env=env,
        check=True,
        stdout=subprocess.PIPE,
        timeout=60,
    )
    assert of_action(case, action) == before + 1
