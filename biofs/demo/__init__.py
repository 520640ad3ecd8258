"""An embedded catalogue that answers like the real server: for a first look, tests and benchmarks.

`app` is the server, `embedded` and `generator` are catalogues for it, `serve` puts it on a socket
or behind an httpx client of the same process. `contents` is what the files of small torrents hold,
and `data` puts it on the disk. It needs the extra `biofs[demo]`.
"""
