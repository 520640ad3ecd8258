"""A catalogue of release 0.1.3, whose listings tell neither names nor years."""

from __future__ import annotations

import pytest

from biofs.api.errors import OtherApi, TokensRefused
from biofs.demo.accounts import DONOR_COOKIE, ServerOptions
from biofs.demo.generator import Generated
from biofs.demo.server import json_api
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from biofs.store.database import pace_log
from biofs.store.groups import Before
from tests.support.catalogues import Patient, running

OLD = ServerOptions(release="0.1.3")


class Heard:
    """An observer that writes down what it hears."""

    def __init__(self) -> None:
        self.groups: list[str] = []
        self.listings: list[int] = []

    def group_changed(self, before: Before, *, gone: bool) -> None:
        assert not gone
        self.groups.append(before.group.name)

    def listing_changed(self, category: int) -> None:
        self.listings.append(category)

    def answer_changed(self, key: str) -> None:
        raise AssertionError(key)


async def test_the_name_comes_with_the_detail_and_is_told() -> None:
    app = create_app(embedded(), options=OLD)
    async with running(app, token=None, cookie=DONOR_COOKIE) as catalogue:
        await catalogue.listings.listed(1, Patient())
        heard = Heard()
        catalogue.changes.subscribe(heard)
        for _ in range(2):
            await catalogue.groups.get(1, Patient())
        group = catalogue.index.group(1)
        assert group is not None
        assert group.name == "Alcohol dehydrogenase ADH1 [1]"
        assert (heard.groups, heard.listings) == (["untitled [1]"], [1])


@pytest.mark.parametrize("groups", [1001, 2600])
async def test_a_large_category_is_listed_whole_without_years(groups: int) -> None:
    app = create_app(Generated(groups, 1, 1, categories=(1,)), options=OLD)
    async with running(app, token=None, cookie=DONOR_COOKIE) as catalogue:
        await catalogue.listings.listed(1, Patient())
        listing = catalogue.index.listing(1)
        assert listing is not None
        assert listing.whole
        assert catalogue.index.summary(1)[0] == groups


async def test_a_token_alone_is_refused_with_the_way_out() -> None:
    async with running(create_app(embedded(), options=OLD)) as catalogue:
        with pytest.raises(TokensRefused, match="BIOFS_COOKIE"):
            await catalogue.listings.listed(1, Patient())
        assert catalogue.queue.sent == 1


async def test_a_json_api_server_is_remembered_until_it_answers() -> None:
    async with running(json_api.create_app()) as catalogue:
        for _ in range(2):
            with pytest.raises(OtherApi):
                await catalogue.listings.listed(1, Patient())
        assert catalogue.queue.sent == 2
        assert not catalogue.listings.is_complete(1)
        assert "JSON:API" in str(catalogue.state()["server_unfit"])
        assert pace_log.unfit_reason(catalogue.store) == catalogue.queue.unfit
        catalogue.queue._note_unfit("")
        assert pace_log.unfit_reason(catalogue.store) == ""
