"""All views of a mount."""

from __future__ import annotations

from biofs.catalogue.catalogue import Catalogue
from biofs.mount.families.links import LinkFamily
from biofs.mount.views.authors import AuthorsView
from biofs.mount.views.collages import CollagesView
from biofs.mount.views.comments import CommentsView
from biofs.mount.views.hashes import HashesView
from biofs.mount.views.me import MeView
from biofs.mount.views.numbered import GroupsView, TorrentsView
from biofs.mount.views.search import SearchView
from biofs.mount.views.site import SiteView
from biofs.mount.views.tags import FormatsView, TagsView, YearsView
from biofs.mount.views.top import TopView
from biofs.mount.views.users import UsersView
from biofs.mount.views.view import View


def all_views(catalogue: Catalogue, links: LinkFamily, *, account: bool) -> list[View]:
    """The views in the order in which the root lists them; `me/` only with `account`."""
    users = UsersView(catalogue, links)
    me = MeView(catalogue, links)
    return [
        GroupsView(catalogue, links),
        TorrentsView(catalogue, links),
        HashesView(catalogue, links),
        AuthorsView(catalogue, links),
        TagsView(catalogue, links),
        YearsView(catalogue, links),
        FormatsView(catalogue, links),
        SearchView(catalogue, links),
        CollagesView(catalogue, links),
        TopView(catalogue, links),
        users,
        users.search,
        CommentsView(catalogue),
        SiteView(catalogue),
        *([me, *me.inside.values()] if account else []),
    ]
