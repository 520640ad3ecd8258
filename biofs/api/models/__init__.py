"""Typed answers, one name for each; see the modules for what they hold.

Each is made by `from_json` from a decoded `response`, which raises BadAnswer if that is invalid,
and keeps it as `raw`. Raw objects of `Index` and `User` can hold an authkey or passkey.
"""

from biofs.api.models.catalogue import Author as Author
from biofs.api.models.catalogue import BrowsePage as BrowsePage
from biofs.api.models.catalogue import Group as Group
from biofs.api.models.catalogue import GroupAnswer as GroupAnswer
from biofs.api.models.catalogue import GroupRow as GroupRow
from biofs.api.models.catalogue import Torrent as Torrent
from biofs.api.models.catalogue import TorrentAnswer as TorrentAnswer
from biofs.api.models.catalogue import TorrentRow as TorrentRow
from biofs.api.models.people import Announcements as Announcements
from biofs.api.models.people import Artist as Artist
from biofs.api.models.people import ArtistGroup as ArtistGroup
from biofs.api.models.people import Bookmarks as Bookmarks
from biofs.api.models.people import Collage as Collage
from biofs.api.models.people import CollageGroup as CollageGroup
from biofs.api.models.people import CollageTorrent as CollageTorrent
from biofs.api.models.people import Comments as Comments
from biofs.api.models.people import CommunityStats as CommunityStats
from biofs.api.models.people import Conversation as Conversation
from biofs.api.models.people import Inbox as Inbox
from biofs.api.models.people import Index as Index
from biofs.api.models.people import Notifications as Notifications
from biofs.api.models.people import Page as Page
from biofs.api.models.people import Stats as Stats
from biofs.api.models.people import Top10 as Top10
from biofs.api.models.people import TopList as TopList
from biofs.api.models.people import TopTag as TopTag
from biofs.api.models.people import TopTorrent as TopTorrent
from biofs.api.models.people import TopUser as TopUser
from biofs.api.models.people import User as User
from biofs.api.models.people import UserHistory as UserHistory
from biofs.api.models.people import UserNotifications as UserNotifications
from biofs.api.models.people import UserRecents as UserRecents
from biofs.api.models.people import UserSearch as UserSearch
