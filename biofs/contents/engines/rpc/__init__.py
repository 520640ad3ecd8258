"""Clients of the user's own, reached over HTTP: Transmission and qBittorrent."""
