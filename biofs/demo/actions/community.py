"""tcomments, collage and artist: what stands beside the groups."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from biofs.demo.actions.answers import crash, date, failure, pages, success, tag_list
from biofs.demo.actions.call import Call
from biofs.demo.actions.groups import authors, in_site_order, is_bookmarked, tags
from biofs.demo.escape import htmlentities
from biofs.demo.model import Collage, Comment, Group, Torrent, User
from biofs.demo.query import Query

_COMMENTS = 10
_ARTIST_GROUPS = 1000
_SYSTEM = User(0, "")


def tcomments(call: Call) -> Response:
    """The comments of a group, ten a page; without `page` the last page."""
    group_id = call.number("id")
    if group_id is None:
        return failure("bad parameters")
    comments = call.source.community.comments.get(group_id, ())
    count = pages(len(comments), _COMMENTS)
    if call.text("page") and call.number("page") is None:
        return crash()
    page = call.number("page") or max(count, 1)
    shown = comments[(page - 1) * _COMMENTS : page * _COMMENTS]
    return success(
        {"page": page, "pages": count, "comments": [_comment(call, each) for each in shown]}
    )


def _comment(call: Call, comment: Comment) -> dict[str, Any]:
    writer = user_or_system(call, comment.user_id)
    return {
        "postId": comment.id,
        "addedTime": date(comment.time),
        "bbBody": comment.bb_body,
        "body": comment.body,
        "editedUserId": comment.edited_by,
        "editedTime": date(comment.edited_time),
        "editedUsername": user_or_system(call, comment.edited_by).name,
        "userinfo": {
            "authorId": writer.id,
            "authorName": writer.name,
            "artist": False,
            "donor": writer.user_class == "Donor",
            "warned": False,
            "avatar": htmlentities(writer.avatar),
            "enabled": writer.enabled,
            "userTitle": writer.title,
        },
    }


def user_or_system(call: Call, user_id: int) -> User:
    """A user; the System, id 0 and nameless, where there is none."""
    return call.source.community.users.get(user_id, _SYSTEM)


def collage(call: Call) -> Response:
    """A collage with those of its groups that are still there."""
    found = call.source.community.collages.get(call.number("id") or 0)
    if found is None:
        return failure("bad parameters")
    groups = [group for group in map(call.source.group, found.listed) if group]
    return success(_collage(found, groups))


def _collage(collage: Collage, groups: Sequence[Group]) -> dict[str, Any]:
    return {
        "id": collage.id,
        "name": htmlentities(collage.name),
        "description": collage.description,
        "creatorID": collage.creator_id,
        "deleted": collage.deleted,
        "collageCategoryID": collage.category,
        "collageCategoryName": collage.category_name,
        "locked": False,
        "maxGroups": 0,
        "maxGroupsPerUser": 0,
        "hasBookmarked": False,
        "subscriberCount": collage.subscribers,
        "torrentGroupIDList": list(collage.listed),
        "torrentgroups": [
            {
                "id": group.id,
                "name": htmlentities(group.name),
                "year": group.year,
                "categoryId": group.category,
                "accession": htmlentities(group.accession),
                "vanityHouse": None,
                "tagList": tag_list(group.tags),
                "picture": htmlentities(group.picture),
                "torrents": [
                    {
                        "torrentid": torrent.id,
                        "platform": torrent.platform,
                        "fileCount": torrent.file_count,
                        "size": torrent.size,
                        "seeders": torrent.seeders,
                        "leechers": torrent.leechers,
                        "snatched": torrent.snatched,
                        "freeTorrent": torrent.free,
                        "reported": False,
                        "time": date(torrent.time),
                    }
                    for torrent in in_site_order(group.torrents)
                ],
            }
            for group in groups
        ],
    }


def artist(call: Call) -> Response:
    """An author with at most a thousand of the groups, newest first."""
    source = call.source
    author_id = call.number("id")
    found = (
        source.author_named(call.text("artistname"))
        if author_id is None
        else source.author(author_id)
    )
    if found is None:
        return failure("bad parameters")
    groups = source.page(Query(author_id=found.id), 0, _ARTIST_GROUPS)
    torrents = [torrent for group in groups for torrent in group.torrents]
    used = Counter(tag for group in groups for tag in group.tags)
    return success(
        {
            "id": found.id,
            "name": found.name,
            "notificationsEnabled": False,
            "hasBookmarked": found.id in call.belongings.bookmarked_authors,
            "image": "",
            "body": "",
            "vanityHouse": False,
            "tags": [{"name": tag, "count": count} for tag, count in used.items()],
            "statistics": {
                "numGroups": len(groups),
                "numTorrents": len(torrents),
                "numSeeders": sum(torrent.seeders for torrent in torrents),
                "numLeechers": sum(torrent.leechers for torrent in torrents),
                "numSnatches": sum(torrent.snatched for torrent in torrents),
            },
            "torrentgroup": [_artist_group(call, group) for group in groups],
            "requests": [
                {
                    "requestId": request.id,
                    "categoryId": request.category,
                    "title": htmlentities(request.title),
                    "year": 0,
                    "timeAdded": date(request.time),
                    "votes": request.votes,
                    "bounty": request.bounty,
                }
                for request in source.community.requests
                if request.author_id == found.id
            ],
        }
    )


def _artist_group(call: Call, group: Group) -> dict[str, Any]:
    return {
        "groupId": group.id,
        "groupName": htmlentities(group.name),
        "groupYear": group.year,
        "groupRecordLabel": None,
        "groupCatalogueNumber": "",
        "groupCategoryID": group.category,
        "tags": tags(group),
        "releaseType": 0,
        "wikiImage": htmlentities(group.picture),
        "groupVanityHouse": False,
        "hasBookmarked": is_bookmarked(call, group),
        "artists": [{**person, "aliasid": 0} for person in authors(group)],
        "extendedArtists": None,
        "torrent": [_artist_torrent(group, each) for each in in_site_order(group.torrents)],
    }


def _artist_torrent(group: Group, torrent: Torrent) -> dict[str, Any]:
    return {
        "id": torrent.id,
        "groupId": group.id,
        "media": torrent.platform,
        "format": None,
        "encoding": None,
        "remasterYear": 0,
        "remastered": False,
        "remasterTitle": None,
        "remasterRecordLabel": None,
        "scene": False,
        "hasLog": False,
        "hasCue": False,
        "logScore": 0,
        "fileCount": torrent.file_count,
        "freeTorrent": torrent.free,
        "size": torrent.size,
        "leechers": torrent.leechers,
        "seeders": torrent.seeders,
        "snatched": torrent.snatched,
        "time": date(torrent.time),
        "hasFile": torrent.id,
    }
