"""libtorrent's settings, of those that biofs has and those that it always needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import libtorrent

from biofs.contents.engines.daemon.messages import Configure

if TYPE_CHECKING:
    from libtorrent import settings_pack

_ALERTS: Final = (
    libtorrent.alert_category.error
    | libtorrent.alert_category.status
    | libtorrent.alert_category.tracker
    | libtorrent.alert_category.piece_progress
)
"""Without the category `storage`: then a `cache_flushed_alert` is always one that was asked for."""


def of(settings: Configure) -> settings_pack:
    """All that differs from libtorrent's own."""
    found: settings_pack = {
        "alert_mask": int(_ALERTS),
        "alert_queue_size": 100_000,
        "allow_multiple_connections_per_ip": True,
        # A seeder that has nothing to give now is needed for the next piece that is read.
        "close_redundant_connections": False,
        "enable_dht": settings.discovery,
        "enable_lsd": settings.discovery,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_outgoing_utp": False,
        # How many blocks are asked of a peer at a time follows from its rate, which is measured on
        # ticks: with libtorrent's own 500 ms, the third piece that is read by itself comes two
        # blocks at a time, and takes up to 900 ms. It costs 0.4 ms of processor time a second.
        "tick_interval": 100,
        "min_reconnect_time": 10,
        "max_failcount": 20,
        "download_rate_limit": settings.down,
        "upload_rate_limit": settings.up,
        "listen_interfaces": settings.listen,
    }
    if settings.user_agent:
        found["user_agent"] = settings.user_agent
    if settings.fingerprint:
        found["peer_fingerprint"] = settings.fingerprint
    return found


def session(settings: Configure) -> libtorrent.session:
    """A session with the settings and the extensions of the protocol that are used.

    libtorrent tells the peers of a public torrent that it exchanges peers (BEP 11) even where the
    torrent's flags forbid it: so without discovery there is no such extension.
    """
    made = libtorrent.session(of(settings), 0)
    for each in ("ut_metadata", "smart_ban", *(("ut_pex",) if settings.discovery else ())):
        made.add_extension(each)
    return made


def everyone_counts() -> libtorrent.ip_filter:
    """A filter that puts all peers into the class that has the limits of rate.

    libtorrent leaves out those of the local network.
    """
    everyone = libtorrent.ip_filter()
    bit = 1 << int(libtorrent.session.global_peer_class_id)
    everyone.add_rule("0.0.0.0", "255.255.255.255", bit)  # noqa: S104 - a range of addresses
    everyone.add_rule("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", bit)
    return everyone
