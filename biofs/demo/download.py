"""torrents.php?action=download: the .torrent file."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from biofs.demo.accounts import ServerOptions
from biofs.demo.answers import HTML_TYPE, crash, to_login
from biofs.demo.auth import by_cookie
from biofs.demo.call import number
from biofs.demo.metainfo import metainfo
from biofs.demo.source import Source

_TORRENT_TYPE = "application/x-bittorrent; charset=utf-8"


def download(
    source: Source, request: Request, params: Mapping[str, str], options: ServerOptions
) -> Response:
    """The .torrent file, for a cookie or for a passkey with any authkey; a token is ignored.

    As in the recordings download_*: a wrong passkey crashes, a missing authkey leads to the login.
    An unknown torrent crashes too, which is not recorded.
    """
    account = by_cookie(request, options)
    if account is None:
        if not (params.get("authkey") and params.get("torrent_pass")):
            return to_login()
        account = options.by_passkey(params["torrent_pass"])
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
