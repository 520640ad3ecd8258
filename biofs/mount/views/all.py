"""All views of a mount."""

from __future__ import annotations

from biofs.catalogue.catalogue import Catalogue
from biofs.mount.families.links import LinkFamily
from biofs.mount.views.view import View


def all_views(catalogue: Catalogue, links: LinkFamily, *, account: bool) -> list[View]:
    """The views in the order in which the root lists them; `me/` only with `account`."""
    del catalogue, links, account
    return []
