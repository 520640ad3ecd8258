"""Where the data of torrents lie on this machine, and how a file of them is opened.

Plain POSIX I/O that may wait for a disk or a server: it is called from worker threads. Nothing in
here knows trio or FUSE. Names that come from a torrent are taken as hostile throughout.
"""
