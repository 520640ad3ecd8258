"""A process of its own that runs one libtorrent session: `python -m biofs.contents.engines.daemon`.

It has the user's rights, outlives whoever started it, and is alone for its state directory: there
are its lock, its socket and what it resumes from. `biofs.contents.engines.libtorrent_engine` starts
it and talks to it. Only the modules `session` and `torrent` know libtorrent.
"""
