"""What a mount of a published snapshot does, and does not, before it answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import minisign
import pytest

from biofs.api import http
from biofs.api.http import create_clients
from biofs.catalogue.catalogue import open_catalogue
from biofs.catalogue.subscription.addresses import UpdateFailed
from biofs.catalogue.subscription.update import updater_of
from biofs.catalogue.subscription.web import Web
from biofs.errors import QuietError
from biofs.settings.load import Settings, load
from biofs.store.snapshots.kept import Kept, Known
from tests.support.publishing import exported, id_of, made_up

URL = "https://lab.example/catalogue"
CLIENT: dict[str, Any] = {"connect_timeout": 1.0, "read_timeout": 1.0, "ca_file": None}
NOTHING_HEAVY = """
import json, sys
from biofs.cli import first_fetch, stores
from biofs.settings.load import load
url, file, cache = sys.argv[1:]
first_fetch.have(load({"snapshot": url, "cache_dir": cache}, {}))
stores.snapshot_of(load({"snapshot": file}, {}))
print(json.dumps([name for name in ("rich", "minisign") if name in sys.modules]))
"""


@pytest.fixture
def contexts(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A note for each time that the certificates of the system are read."""
    read: list[bool] = []
    original = httpx.create_ssl_context

    def create(*, trust_env: bool) -> Any:
        read.append(trust_env)
        return original(trust_env=trust_env)

    monkeypatch.setattr(http.httpx, "create_ssl_context", create)
    http._usual_context.cache_clear()
    return read


@pytest.fixture
def at_hand(tmp_path: Path) -> Path:
    """A cache directory in which the snapshot of URL is, fetched without a key."""
    kept = Kept(tmp_path / "cache", URL)
    kept.make()
    file = exported(made_up(3), tmp_path / "file")
    ident = id_of(file)
    known = Known(
        url=URL, file=f"{ident}.sqlite", id=ident, catalogue="https://c", made=1.0, checked=1.0
    )
    file.rename(kept.path(known))
    kept.write(known)
    return tmp_path / "cache"


def settings_of(cache: Path, **given: str) -> Settings:
    return load({"snapshot": URL, "cache_dir": str(cache), **given}, {})


async def test_what_is_at_hand_is_opened_without_reading_certificates(
    at_hand: Path, contexts: list[bool]
) -> None:
    settings = settings_of(at_hand)
    async with open_catalogue(settings) as catalogue, updater_of(settings).running():
        assert catalogue.store.one("SELECT count(*) FROM groups") == (3,)
    assert contexts == []


def test_the_clients_of_a_process_read_certificates_once(contexts: list[bool]) -> None:
    for _ in range(3):
        create_clients("https://host/", transport=None, **CLIENT)
    assert contexts == [True]
    create_clients("https://host/", transport=httpx.MockTransport(lambda _: None), **CLIENT)  # type: ignore[arg-type,return-value]
    assert contexts == [True]


async def test_certificates_that_cannot_be_read_are_why_nothing_newer_comes(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(b"no certificate")
    web = Web(URL, timeout=1.0, ca_file=file)
    async with web.running():
        with pytest.raises(UpdateFailed, match=r"the certificates in .*ca\.pem cannot be read"):
            await web.small(f"{URL}/biofs-snapshot.json", 100, {})


async def test_what_was_fetched_without_the_key_is_not_opened_with_it(at_hand: Path) -> None:
    key = minisign.KeyPair.generate().public_key.to_base64().decode()
    with pytest.raises(QuietError, match="nothing was fetched yet"):
        async with open_catalogue(settings_of(at_hand, snapshot_key=key)):
            pass


def test_what_draws_bars_is_not_loaded_for_what_is_at_hand(at_hand: Path) -> None:
    file = exported(made_up(3), at_hand.parent / "plain")
    done = subprocess.run(
        [sys.executable, "-c", NOTHING_HEAVY, URL, str(file), str(at_hand)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
