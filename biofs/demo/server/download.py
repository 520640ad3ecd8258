"""torrents.php?action=download: the .torrent file."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from biofs.demo.accounts import Account, ServerOptions
from biofs.demo.actions.answers import HTML_TYPE, crash, to_login
from biofs.demo.actions.call import number
from biofs.demo.metainfo import metainfo
from biofs.demo.server.auth import by_cookie
from biofs.demo.source import Source

_TORRENT_TYPE = "application/x-bittorrent; charset=utf-8"


def downloader(
    request: Request, params: Mapping[str, str], options: ServerOptions
) -> Account | None:
    """Who downloads, by cookie or by passkey with any authkey; a token is ignored."""
    account = by_cookie(request, options)
    if account is None and _has_keys(params):
        account = options.by_passkey(params["torrent_pass"])
    return account


def _has_keys(params: Mapping[str, str]) -> bool:
    return bool(params.get("authkey") and params.get("torrent_pass"))


def download(source: Source, params: Mapping[str, str], account: Account | None) -> Response:
    """The .torrent file.

    As in the recordings download_*: a wrong passkey crashes, a missing authkey leads to the login.
    An unknown torrent crashes too, which is not recorded.
    """
    if account is None and not _has_keys(params):
        return to_login()
    torrent_id = number(params.get("id", ""))
    group = None if torrent_id is None else source.group_of_torrent(torrent_id)
    if account is None or group is None:
        return crash(content_type=HTML_TYPE)
    torrent = next(t for t in group.torrents if t.id == torrent_id)
    body = metainfo(torrent.id, torrent.file_path, torrent.files, account.passkey)
    headers = {
        "content-type": _TORRENT_TYPE,
        "content-disposition": f'attachment; filename="{torrent.id}.torrent"',
    }
    return Response(body, headers=headers)
