"""The views: other ways to the groups and torrents under `categories/`, made of links."""
