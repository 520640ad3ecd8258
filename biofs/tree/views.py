"""The list of views: what else stands in a mount beside `categories/`, and what else knows of it.

A view is added by one line here and by what the line names in `biofs/mount/views/`. From this list
come the numbers in inodes, what stands where, README.txt in the root of a mount, what `biofs ls`
shows as a table, and what a shell completes. It imports nothing of the mount, so that commands and
completion can read it at once: `made_by` is imported by `biofs.mount.views.registry` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

Table = Literal["", "groups", "facets", "links"]
"""How `biofs ls` shows a view: all groups, a facet's values, links to groups; "" not at all."""


class ViewLine(NamedTuple):
    """What there is to know of a view without a mount.

    Attributes:
        number: Part of inode numbers, so of what tools remember across mounts: never changed and
            never used for another view; 1 to 255.
        path: Where its directory stands, from the root of a mount.
        made_by: Its class, or its record if it is a facet view: "MODULE:NAME" in
            `biofs.mount.views`.
        cost: Requests to the server for what is not known yet, for people.
        readme: Its lines in README.txt: a path, and what is there. The lines of views that stand
            in `me/` are in `me/README.txt`.
        depth: How many levels below the root its links to groups and torrents stand; 0 if it has
            none.
        facet: What the table `facets` of a store calls its values; "" if it is no facet view.
        table: How `biofs ls` shows it; completion knows the views that have a table.
    """

    number: int
    path: str
    made_by: str
    cost: str
    readme: tuple[tuple[str, str], ...] = ()
    depth: int = 0
    facet: str = ""
    table: Table = ""

    @property
    def name(self) -> str:
        """The name of its directory."""
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> str:
        """The path of the directory in which it stands: "" the root, `.biofs`, or a view's."""
        return self.path.rpartition("/")[0]


_LINKS: Final = "links to the groups"

VIEWS: Final = (
    ViewLine(
        1,
        "groups",
        "by_id:GroupsView",
        "0; 1 to follow a link to a group that is not known",
        (("groups/ID", "links to groups by number; any number works, listed or not"),),
        depth=1,
        table="groups",
    ),
    ViewLine(
        2,
        "torrents",
        "by_id:TorrentsView",
        "0; 1 to follow a link to a torrent that is not known",
        (("torrents/ID", "links to torrents, likewise"),),
        depth=1,
    ),
    ViewLine(
        3,
        "hashes",
        "by_id:HashesView",
        "0; 1 to follow a link to a torrent that is not known",
        (("hashes/INFOHASH", "links by info hash, in upper or lower case"),),
        depth=1,
    ),
    ViewLine(
        4,
        "authors",
        "by_facet:AuthorsView",
        "1 for author.json; ⌈n/50⌉ for n groups while not every category is listed",
        (
            (
                "authors/NAME [id]/",
                "author.json, and links to the groups; authors/NAME works, too",
            ),
        ),
        depth=2,
        facet="author",
        table="facets",
    ),
    ViewLine(
        5,
        "tags",
        "by_facet:TAGS",
        "⌈n/50⌉ for n groups, 20 at most, while not every category is listed; then 0",
        (("tags/TAG/", _LINKS),),
        depth=2,
        facet="tag",
        table="facets",
    ),
    ViewLine(
        6,
        "years",
        "by_facet:YEARS",
        "as tags",
        (("years/YEAR/", _LINKS),),
        depth=2,
        facet="year",
        table="facets",
    ),
    ViewLine(
        7,
        "formats",
        "by_facet:FORMATS",
        "as tags",
        (
            ("formats/FORMAT/", _LINKS),
            ("", "a file .incomplete says where more may be, and what to do"),
        ),
        depth=2,
        facet="format",
        table="facets",
    ),
    ViewLine(
        8,
        "search",
        "lists:SearchView",
        "⌈n/50⌉ for n groups, 20 at most",
        (
            (
                "search/ANY WORDS/",
                "what the server finds: results.jsonl, and links to the groups;",
            ),
            ("", "made by naming it, see below"),
        ),
        depth=2,
        table="links",
    ),
    ViewLine(
        9,
        "collages",
        "lists:CollagesView",
        "1",
        (("collages/ID/", "collage.json, description.txt, and links to its groups"),),
        depth=2,
        table="links",
    ),
    ViewLine(
        10,
        "top",
        "lists:TopView",
        "1; needs a cookie",
        (("top/torrents/10/", "top.json, and links; likewise tags and users, 100 and 250"),),
        depth=3,
        table="links",
    ),
    ViewLine(
        11,
        "users",
        "users:UsersView",
        "1 to look in; 1 for each document; ⌈n/25⌉ for posts, with a cookie",
        (
            (
                "users/ID/",
                "user.json, stats.json, recents.json, posts.json, and links to",
            ),
            ("", "the groups in snatches/ and uploads/"),
        ),
        depth=3,
    ),
    ViewLine(
        12,
        "users/search",
        "users:UserSearchView",
        "⌈n/30⌉ for n users, 20 at most",
        (("users/search/NAME/", "users of that name: a search is made by naming it"),),
    ),
    ViewLine(
        13,
        "comments",
        "users:CommentsView",
        "⌈n/10⌉ for n comments",
        (("comments/ID/", "what people say about a group, by its id"),),
    ),
    ViewLine(
        14,
        "me",
        "me:MeView",
        "1 for each document",
        (("me/", "your account, if mounted with --account; see me/README.txt"),),
    ),
    ViewLine(
        21,
        "here",
        "here:HereView",
        "0",
        (("here/", "links to torrents whose data are here, if mounted with --data"),),
        depth=1,
    ),
    ViewLine(
        15,
        ".biofs/site",
        "users:SiteView",
        "1 for each document",
        ((".biofs/site/", "numbers and news of the site"),),
    ),
    ViewLine(16, "me/inbox", "mail:FolderView", "⌈n/25⌉ for n conversations; 1 for each"),
    ViewLine(17, "me/sentbox", "mail:FolderView", "as me/inbox"),
    ViewLine(18, "me/bookmarks", "me:BookmarksView", "1 for each document", depth=3),
    ViewLine(19, "me/notifications", "mail:NotificationsView", "1; ⌈n/50⌉ for marks"),
    ViewLine(20, "me/posts", "me:PostsView", "⌈n/25⌉ for n posts; needs a cookie"),
)
"""In the order in which the root and README.txt list them."""

BY_PATH: Final[Mapping[str, ViewLine]] = MappingProxyType({view.path: view for view in VIEWS})

LINK_DEPTHS: Final = range(1, max(view.depth for view in VIEWS) + 1)
"""How many levels below the root the views' links stand."""

FACETS: Final[Mapping[str, str]] = MappingProxyType(
    {view.name: view.facet for view in VIEWS if view.facet}
)
"""The names of facet views, and what the table `facets` of a store calls their values."""


def with_table(*tables: Table) -> list[ViewLine]:
    """The views that `biofs ls` shows in one of these ways, or, of none, in any way."""
    return [view for view in VIEWS if view.table and (not tables or view.table in tables)]
