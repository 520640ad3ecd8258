"""The demo's users, and what they wrote, keep and were told."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from biofs.demo.escape import htmlentities
from biofs.demo.model import (
    Announcement,
    Belongings,
    Collage,
    Comment,
    Community,
    Post,
    Request,
    User,
)
from biofs.demo.written.build import author, moment, spread
from biofs.demo.written.mail import conversations

_DAY = 86_400
_NAMES: Mapping[int, str] = {
    1: "ohm",
    2: "eva",
    3: "hedomedo",
    4: "me",
    5: "gone",
    6: "seedbox",
    7: "lab_mouse",
    8: "naive_user",
    9: "barbara_mcclintock",
    10: "franklin_r",
    11: "mullis",
    12: "sanger",
    16: "Medicus",
}
"""As the recordings name them, where they do."""
_OTHERS = (
    "avery beadle benzer berg boyer brenner cech chargaff charpentier crick darwin delbrueck "
    "doudna elion fleming gilbert hershey hooke jacob kendrew khorana krebs leeuwenhoek lederberg "
    "linne luria margulis mendel meselson miescher monod morgan nirenberg nuesslein ochoa pauling "
    "perutz ramakrishnan steitz sturtevant tatum todaro watson wallace wilkins yonath"
)
_TITLES = {9: '<i>Jumping</i> genes & "controlling elements"', 10: "Photo 51"}
_CLASSES = ("User", "Member", "Power User", "Elite", "Torrent Master")
_COMMENTS = (
    "Thanks!",
    'Works fine for me, the checksum of "reads_001" matches & everything is <OK>.',
    "Does anybody have the naïve controls? 日本語 works too 🧬",
    "[b]Please seed[/b]",
)


@cache
def community() -> Community:
    """The community, the same for every catalogue."""
    return Community(
        users=_users(),
        comments=_comments(),
        collages=_collages(),
        belongings=_belongings(),
        requests=_requests(),
        news=(
            _announcement(16, "A quick update", "2020-11-20 12:00:00"),
            _announcement(15, "Downtime & an upgrade", "2020-10-02 08:30:00"),
        ),
        blog=(_announcement(3, "The first hundred gigabytes", "2020-06-30 18:00:00", "ohm"),),
    )


def _users() -> Mapping[int, User]:
    names = {**_NAMES, **dict(enumerate(_OTHERS.split(), 20))}
    return {user_id: _user(user_id, name) for user_id, name in names.items()}


def _user(user_id: int, name: str) -> User:
    fixed: dict[int, dict[str, Any]] = {
        2: {"user_class": "Member", "uploads": 3, "uploaded_groups": (40, 16)},
        3: {
            "user_class": "Donor",
            "uploaded": 2192870833,
            "downloaded": 1244283888,
            "snatched": (41, 23, 1),
        },
        5: {"enabled": False},
    }
    made_up: dict[str, Any] = {
        "user_class": _CLASSES[user_id % len(_CLASSES)],
        "avatar": f"https://ptpimg.me/avatar{user_id}.png?x=1&y=2" if user_id % 3 == 0 else "",
        "title": _TITLES.get(user_id),
        "joined": moment("2020-01-08 14:27:59") + spread(name, 0, 300) * _DAY,
        "seen": moment("2020-11-20 15:25:17") + user_id * 3600,
        "uploaded": spread(f"up {name}", 0, 400) * 10**9,
        "downloaded": spread(f"down {name}", 0, 90) * 10**9,
        "seeding": spread(f"seeding {name}", 0, 60),
    }
    return User(user_id, name, **(made_up | fixed.get(user_id, {})))


def _comments() -> Mapping[int, Sequence[Comment]]:
    counts = {1: 37, 37: 12, 40: 10, 57: 3, 61: 1, 70: 2}
    ids = iter(range(1, sum(counts.values()) + 1))
    return {
        group_id: tuple(_comment(next(ids), number) for number in range(count))
        for group_id, count in counts.items()
    }


def _comment(comment_id: int, number: int) -> Comment:
    text = f"{_COMMENTS[number % len(_COMMENTS)]} #{number}"
    escaped = htmlentities(text)
    body = escaped.replace("[b]", "<strong>").replace("[/b]", "</strong>").replace("&quot;", '"')
    time = moment("2020-01-01 05:31:00") + comment_id * _DAY
    edited = number % 7 == 3
    return Comment(
        id=comment_id,
        user_id=(2, 4, 6, 7, 8, 9, 10, 11, 12, 16)[number % 10],
        time=time,
        bb_body=escaped,
        body=f"<p>{body}</p>",
        edited_by=1 if edited else 0,
        edited_time=time + 3600 if edited else 0,
    )


def _collages() -> Mapping[int, Collage]:
    kratom = "<strong>Kratom</strong> &amp; relatives"
    return {
        collage.id: collage
        for collage in (
            Collage(1, "Staff picks &c.", "<p>What we like</p>", 1, (1, 37, 57), 2, "Staff Picks"),
            Collage(2, "Empty collage", "", 4, ()),
            Collage(3, "Kratom Genome Project", kratom, 2, (7, 8, 9, 10)),
            Collage(4, "Deleted collage", "<p>gone</p>", 2, (61, 62), deleted=True, subscribers=2),
            # Three of its groups are gone: listed, but not among its torrentgroups.
            Collage(
                id=5,
                name="Big collage",
                description="<p>Every second group</p>",
                creator_id=2,
                listed=tuple(range(2, 86, 2)),
                category=3,
                category_name="Group Picks",
                subscribers=1,
            ),
        )
    }


def _belongings() -> Mapping[int, Belongings]:
    return {
        2: Belongings(
            bookmarked_groups=(57,),
            conversations=conversations(first_id=1, count=61),
        ),
        3: Belongings(
            bookmarked_groups=(1, 3, 37, 57, 33),
            bookmarked_authors=tuple(
                author(name).id for name in ("David Schild", "Marco Cantoni", "Bruce Vendt")
            ),
            conversations=conversations(first_id=62, count=30),
            posts=_posts(first_id=50, count=2),
            notified_torrents=tuple(range(70, 40, -1)),
            friends=(2,),
        ),
        4: Belongings(posts=_posts(first_id=81, count=31)),
    }


def _posts(first_id: int, count: int) -> Sequence[Post]:
    return tuple(
        Post(
            id=first_id + number,
            topic_id=8 + number // 4,
            title=f"Report broken site features, part {number // 4} & counting",
            last_post_id=first_id + number,
            time=moment("2020-10-19 03:17:36") + number * _DAY,
            bb_body=f"[b]bold[/b] [i]it[/i] {number}",
            body=f'<strong>bold</strong> <span style="font-style: italic;">it</span> {number}',
            locked=number % 5 == 0,
            edited_by=1 if number % 3 == 0 else 0,
            edited_time=moment("2020-11-19 16:22:48") if number % 3 == 0 else 0,
        )
        for number in reversed(range(count))
    )


def _requests() -> Sequence[Request]:
    title = "Markov State Model Database of Protein Folding Datasets"
    time = moment("2020-04-23 02:02:37")
    tags = ("one.shot", "fungi", "coding")
    author_id = author("David Schild").id
    return (Request(2, author_id, 10, title, time, tags, votes=1, bounty=15461882266),)


def _announcement(news_id: int, title: str, time: str, writer: str = "") -> Announcement:
    body = "[b]Everything[/b] is faster now."
    html = "<strong>Everything</strong> is faster now."
    return Announcement(news_id, title, body, html, moment(time), writer)
