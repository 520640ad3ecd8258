"""The settings of what fetches data that are not here: a part of the table of settings."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from biofs.settings import values
from biofs.settings.setting import Setting

EngineName = Literal["libtorrent", "transmission", "qbittorrent"]

ENGINE_PASSWORD_VARIABLE: Final = "BIOFS_ENGINE_PASSWORD"  # noqa: S105 - the variable's name

ASK_ABOVE: Final = "1G"
READ_BUDGET_FILE: Final = "2G"
READ_BUDGET_DAY: Final = "10G"
READ_BUDGET_TOTAL: Final = "100G"
MOST_TORRENTS: Final = 100_000
MOST_RATIO: Final = 1000.0

SETTINGS: Final = (
    Setting(
        name="engine",
        type=EngineName,
        help="What fetches data that are not here: libtorrent, transmission, qbittorrent.",
        group="fetching",
        metavar="ENGINE",
        default_text="none",
        flags=("--engine",),
        in_fstab=True,
        example='"libtorrent"',
    ),
    Setting(
        name="engine_url",
        help="Where Transmission or qBittorrent is controlled.",
        group="fetching",
        metavar="URL",
        parse=values.url,
        default_text="http://127.0.0.1:9091 or http://127.0.0.1:8080",
        flags=("--engine-url",),
        in_fstab=True,
        example='"http://127.0.0.1:9091"',
    ),
    Setting(
        name="engine_user",
        help="Name that Transmission or qBittorrent asks for.",
        group="fetching",
        metavar="NAME",
        example='"me"',
    ),
    Setting(
        name="engine_password",
        help="Password that Transmission or qBittorrent asks for.",
        group="fetching",
        metavar="PASSWORD",
        parse=values.secret,
        variable=ENGINE_PASSWORD_VARIABLE,
        secret=True,
        example='"0123456789abcdef"',
    ),
    Setting(
        name="path_map",
        type=list[str],
        help="A client elsewhere: what it calls REMOTE is LOCAL here.",
        group="fetching",
        metavar="REMOTE=LOCAL",
        parse=values.path_map,
        default=(),
        example='["/downloads=/srv/torrents"]',
    ),
    Setting(
        name="download_dir",
        type=Path,
        help="Where libtorrent puts what it fetches.",
        group="fetching",
        metavar="DIR",
        default_text="~/.local/share/biofs/downloads",
        flags=("--download-dir",),
        in_fstab=True,
        example='"~/.local/share/biofs/downloads"',
    ),
    Setting(
        name="ask_above",
        help="Size above which `biofs fetch` asks first.",
        group="fetching",
        metavar="SIZE",
        parse=values.parse_size,
        default=ASK_ABOVE,
        example='"1G"',
    ),
    Setting(
        name="fetch_on_read",
        type=bool,
        help="Fetch what you read of a file that is not here (libtorrent).",
        group="fetching",
        default=False,
        flags=("--fetch-on-read/--no-fetch-on-read",),
        in_fstab=True,
        example="false",
    ),
    Setting(
        name="read_budget_file",
        help="Bytes of one file that reads may fetch.",
        group="fetching",
        metavar="SIZE",
        parse=values.parse_size,
        default=READ_BUDGET_FILE,
        example='"2G"',
    ),
    Setting(
        name="read_budget_day",
        help="Bytes that reads may fetch on one day (UTC).",
        group="fetching",
        metavar="SIZE",
        parse=values.parse_size,
        default=READ_BUDGET_DAY,
        example='"10G"',
    ),
    Setting(
        name="read_budget_total",
        help="Bytes that reads may ever fetch.",
        group="fetching",
        metavar="SIZE",
        parse=values.parse_size,
        default=READ_BUDGET_TOTAL,
        example='"100G"',
    ),
    Setting(
        name="download_rate",
        help="Bytes a second that libtorrent fetches at most.",
        group="fetching",
        metavar="SIZE",
        parse=values.parse_size,
        default_text="unlimited",
        example='"10M"',
    ),
    Setting(
        name="upload_rate",
        help="Bytes a second that libtorrent sends at most.",
        group="fetching",
        metavar="SIZE",
        parse=values.parse_size,
        default_text="unlimited",
        example='"5M"',
    ),
    Setting(
        name="seed_ratio",
        type=float,
        help="How many times its size libtorrent sends of a torrent before it stops.",
        group="fetching",
        metavar="RATIO",
        parse=values.number(MOST_RATIO),
        default_text="without end",
        example="2.0",
    ),
    Setting(
        name="download_space",
        help="Bytes that all of libtorrent's torrents may take.",
        group="fetching",
        metavar="SIZE",
        parse=values.parse_size,
        default_text="unlimited",
        example='"500G"',
    ),
    Setting(
        name="download_torrents",
        type=float,
        help="How many torrents libtorrent fetches at the same time.",
        group="fetching",
        metavar="N",
        parse=values.whole_number(MOST_TORRENTS),
        default_text="unlimited",
        example="100",
    ),
    Setting(
        name="engine_identity",
        help="What libtorrent calls itself: for trackers, then for peers.",
        group="fetching",
        metavar="NAME",
        parse=values.client_name,
        default_text="its own name",
        example='"qBittorrent/4.5.2 -qB4520-"',
    ),
)
"""`Settings` (load.py) has a field for each."""
